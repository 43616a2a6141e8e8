import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { world } from "./world";

// Two pages of one application: the dispatch console and the phone page.
export default defineConfig({
  plugins: [svelte(), world()],
  base: "/",
  build: {
    target: "es2023",
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the Content-Security-Policy permits no data: in scripts and fonts
    rolldownOptions: { input: { console: "index.html", phone: "phone.html" } },
  },
  worker: { format: "es" },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
