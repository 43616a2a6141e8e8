import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { phoneFiles } from "./phone_files.ts";
import { world } from "./world";

// Two pages of one application: the dispatch console and the phone page.
export default defineConfig({
  plugins: [svelte(), world(), phoneFiles()],
  base: "/",
  build: {
    target: "es2023",
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the Content-Security-Policy permits no data: in scripts and fonts
    rolldownOptions: {
      input: { console: "index.html", phone: "phone.html", phone_worker: "src/phone/service_worker.ts" },
      output: {
        entryFileNames: ({ name }) => (name === "phone_worker" ? "[name].js" : "assets/[name]-[hash].js"),
      },
    },
  },
  worker: { format: "es" },
  // A busy machine makes no test wrong
  test: { include: ["tests/**/*.test.ts"], environment: "node", testTimeout: 60_000 },
});
