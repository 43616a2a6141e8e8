/** Tells the service worker which of the built files the phone page needs. */
import { createHash } from "node:crypto";
import type { Plugin } from "vite";

const WORKER = "phone_worker.js";
const PAGE = "phone.html";

type Bundle = Parameters<Exclude<Plugin["generateBundle"], undefined | { handler: unknown }>>[1];

/** Also gives the worker's file its name: the scope of a service worker depends on where it is. */
export function phoneFiles(): Plugin {
  return {
    name: "phone-files",
    apply: "build",
    generateBundle(_options, bundle) {
      const worker = bundle[WORKER];
      if (worker?.type !== "chunk") return; // another page is built
      const files = needed(bundle).map((name) => `/${name}`);
      const digest = createHash("sha256").update(files.join()).digest("hex"); // their names tell their content
      const version = `phone ${digest.slice(0, 12)}`;
      worker.code = worker.code
        .replaceAll("__FILES__", JSON.stringify(files))
        .replaceAll("__VERSION__", `"${version}"`);
    },
  };
}

/** What the page's script names, and what that names in turn: chunks, styles, workers, worklets. */
function needed(bundle: Bundle): string[] {
  const page = Object.values(bundle).find((file) => file.type === "chunk" && file.facadeModuleId?.endsWith(PAGE));
  if (page === undefined) throw new Error(`${PAGE} is not built`);
  const found = new Set([page.fileName]);
  for (const name of found) {
    const file = bundle[name];
    const styles = file?.type === "chunk" ? [...(file.viteMetadata?.importedCss ?? [])] : [];
    const text = textOf(bundle, name);
    const named = Object.keys(bundle).filter((other) => text.includes(other.split("/").at(-1)!));
    for (const other of [...styles, ...named]) if (other !== WORKER && !other.endsWith(".html")) found.add(other);
  }
  return [...found].sort();
}

function textOf(bundle: Bundle, name: string): string {
  const file = bundle[name];
  if (file === undefined) return "";
  return file.type === "chunk" ? file.code : String(file.source);
}
