/** Files in memory that can be full, for tests of what writes to them. */

import type { Bytes } from "../../src/recording/bytes";
import { joined } from "../../src/recording/bytes";
import { StorageFull, type Files } from "../../src/recording/files";

export class MemoryFiles implements Files {
  readonly kept = new Map<string, Bytes>();
  room = Infinity;

  async append(name: string, bytes: Bytes): Promise<void> {
    await this.write(name, joined([this.kept.get(name) ?? new Uint8Array(), bytes]));
  }

  async write(name: string, bytes: Bytes): Promise<void> {
    const others = [...this.kept].reduce((sum, [other, file]) => sum + (other === name ? 0 : file.length), 0);
    if (others + bytes.length > this.room) throw new StorageFull();
    this.kept.set(name, bytes);
  }

  async read(name: string): Promise<Bytes | null> {
    return this.kept.get(name) ?? null;
  }

  async names(): Promise<string[]> {
    return [...this.kept.keys()];
  }

  async remove(name: string): Promise<void> {
    this.kept.delete(name);
  }
}
