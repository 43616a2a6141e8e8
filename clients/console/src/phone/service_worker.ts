/**
 * Keeps the files of the phone page, so that an installed phone opens at once and without a network. Nothing else passes
 * through it: no answer of the server's interfaces is ever kept, and `vite.config.ts` writes the list of files.
 */
export {};

/** What of `ServiceWorkerGlobalScope` is used: TypeScript's DOM and its worker library exclude each other. */
interface WorkerScope {
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", act: (event: Lasting) => void): void;
  addEventListener(type: "fetch", act: (event: Fetching) => void): void;
}
interface Lasting {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

declare const __FILES__: readonly string[];
declare const __VERSION__: string;
const PAGE = "/phone";
const worker = self as unknown as WorkerScope;

worker.addEventListener("install", (event) => {
  event.waitUntil(caches.open(__VERSION__).then((cache) => cache.addAll([PAGE, ...__FILES__])));
  void worker.skipWaiting();
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const { method, url, mode } = event.request;
  const { pathname, origin } = new URL(url);
  if (method !== "GET" || origin !== location.origin) return;
  if (mode === "navigate" && pathname === PAGE) event.respondWith(newest(event.request));
  else if (__FILES__.includes(pathname)) event.respondWith(kept(event.request));
});

async function forgetOthers(): Promise<void> {
  const others = (await caches.keys()).filter((name) => name.startsWith("phone ") && name !== __VERSION__);
  await Promise.all(others.map((name) => caches.delete(name)));
}

/** The page is the server's as long as the server answers. */
async function newest(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const page = await caches.match(PAGE);
    if (page === undefined) throw error;
    return page;
  }
}

/** Files carry a digest of their content in their name. */
async function kept(request: Request): Promise<Response> {
  return (await caches.match(new URL(request.url).pathname)) ?? fetch(request);
}
