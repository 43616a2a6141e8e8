/** Reads and writes the recordings' files, one request after the other. */

import type { Bytes } from "./bytes";
import type { FileRequest } from "./files";

const FOLDER = "recordings";

/** File System Standard, for workers only; TypeScript knows it in a library that excludes that of pages. */
interface SyncAccessHandle {
  getSize(): number;
  write(bytes: Bytes, where: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
type WorkerFileHandle = FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncAccessHandle> };

interface Asked {
  readonly number: number;
  readonly request: FileRequest;
}

let turn: Promise<void> = Promise.resolve();

onmessage = (event: MessageEvent<Asked>) => {
  turn = turn.then(() => serve(event.data));
};

async function serve({ number, request }: Asked): Promise<void> {
  try {
    postMessage({ number, value: await answer(request) });
  } catch (error) {
    postMessage({ number, failure: error instanceof DOMException ? error.name : String(error) });
  }
}

async function answer(request: FileRequest): Promise<unknown> {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle(FOLDER, { create: true });
  switch (request.verb) {
    case "append":
      return put(folder, request.name, request.bytes, true);
    case "write":
      return put(folder, request.name, request.bytes, false);
    case "read":
      return read(folder, request.name);
    case "remove":
      return folder.removeEntry(request.name).catch(absent);
    case "names":
      return namesIn(folder);
  }
}

async function namesIn(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const names: string[] = [];
  for await (const name of folder.keys()) names.push(name);
  return names;
}

async function put(folder: FileSystemDirectoryHandle, name: string, bytes: Bytes, after: boolean): Promise<void> {
  const file = (await folder.getFileHandle(name, { create: true })) as WorkerFileHandle;
  const handle = await file.createSyncAccessHandle();
  const at = after ? handle.getSize() : 0;
  try {
    const written = handle.write(bytes, { at });
    // Chromium 156 gives an error's code as if it were a count, and has written a part
    if (written !== bytes.length) throw new DOMException("only a part found room", "QuotaExceededError");
    handle.truncate(at + bytes.length);
    handle.flush();
  } catch (error) {
    if (after) handle.truncate(at);
    throw error;
  } finally {
    handle.close();
  }
}

async function read(folder: FileSystemDirectoryHandle, name: string): Promise<Bytes | null> {
  const file = await folder.getFileHandle(name).catch(absent);
  return file === null ? null : new Uint8Array(await (await file.getFile()).arrayBuffer());
}

function absent(error: unknown): null {
  if (error instanceof DOMException && error.name === "NotFoundError") return null;
  throw error;
}
