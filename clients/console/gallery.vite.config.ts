import { mergeConfig } from "vite";
import console from "./vite.config";

// The gallery of components, for development: never part of what is served.
const config = mergeConfig(console, { build: { outDir: "dist-gallery" } });
config.build.rolldownOptions.input = { gallery: "gallery.html" };
export default config;
