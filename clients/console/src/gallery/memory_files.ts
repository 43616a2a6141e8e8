/** Files of recordings that last as long as the page. */
import { joined, type Bytes } from "../recording/bytes";
import type { Files } from "../recording/files";

export class MemoryFiles implements Files {
  readonly #kept = new Map<string, Bytes>();

  async append(name: string, bytes: Bytes): Promise<void> {
    this.#kept.set(name, joined([this.#kept.get(name) ?? new Uint8Array(), bytes]));
  }

  async write(name: string, bytes: Bytes): Promise<void> {
    this.#kept.set(name, bytes);
  }

  async read(name: string): Promise<Bytes | null> {
    return this.#kept.get(name) ?? null;
  }

  async names(): Promise<string[]> {
    return [...this.#kept.keys()];
  }

  async remove(name: string): Promise<void> {
    this.#kept.delete(name);
  }
}
