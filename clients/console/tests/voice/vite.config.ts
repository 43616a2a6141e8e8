import { defineConfig } from "vite";

// The pages that the browser tests open: built as the application is, and never a part of it
export default defineConfig({
  root: import.meta.dirname,
  base: "/",
  build: {
    target: "es2023",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    rolldownOptions: { input: { loop: `${import.meta.dirname}/loop.html` } },
  },
  worker: { format: "es" },
});
