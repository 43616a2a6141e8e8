/** Where recordings lie: the browser's origin-private file system, which no other site and no server reads. */

import type { Bytes } from "./bytes";

export interface Files {
  /** On the disk when it is done. Throws StorageFull; what was there before stays whole. */
  append(name: string, bytes: Bytes): Promise<void>;
  /** Replaces the file. Throws StorageFull. */
  write(name: string, bytes: Bytes): Promise<void>;
  /** Null: there is no such file. */
  read(name: string): Promise<Bytes | null>;
  names(): Promise<string[]>;
  remove(name: string): Promise<void>;
}

export class StorageFull extends Error {
  constructor() {
    super("The browser has no room left for recordings.");
  }
}

export type FileRequest =
  | { readonly verb: "append" | "write"; readonly name: string; readonly bytes: Bytes }
  | { readonly verb: "read" | "remove"; readonly name: string }
  | { readonly verb: "names" };

interface FileReply {
  readonly number: number;
  readonly value?: unknown;
  readonly failure?: string;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Asks the worker that holds the files: only a worker can append to one and flush it. */
export class PrivateFiles implements Files {
  private readonly worker = new Worker(new URL("./files.worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;

  constructor() {
    this.worker.onmessage = (event: MessageEvent<FileReply>) => this.answered(event.data);
  }

  async append(name: string, bytes: Bytes): Promise<void> {
    await this.ask({ verb: "append", name, bytes });
  }

  async write(name: string, bytes: Bytes): Promise<void> {
    await this.ask({ verb: "write", name, bytes });
  }

  async read(name: string): Promise<Bytes | null> {
    return (await this.ask({ verb: "read", name })) as Bytes | null;
  }

  async names(): Promise<string[]> {
    return (await this.ask({ verb: "names" })) as string[];
  }

  async remove(name: string): Promise<void> {
    await this.ask({ verb: "remove", name });
  }

  private ask(request: FileRequest): Promise<unknown> {
    const number = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(number, { resolve, reject });
      this.worker.postMessage({ number, request });
    });
  }

  private answered({ number, value, failure }: FileReply): void {
    const asked = this.waiting.get(number);
    this.waiting.delete(number);
    if (failure === undefined) asked?.resolve(value);
    else asked?.reject(failure === "QuotaExceededError" ? new StorageFull() : new Error(failure));
  }
}
