import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The page that tests/browser opens: built as the application is, and never a part of it
export default defineConfig({
  plugins: [svelte()],
  root: import.meta.dirname,
  base: "/",
  build: {
    target: "es2023",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    rolldownOptions: { input: { room: `${import.meta.dirname}/room.html` } },
  },
  worker: { format: "es" },
});
