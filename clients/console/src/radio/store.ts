/** Where a browser keeps what must outlive a page: its keys, its resume token, its place in conversations. */
import type { DeviceKey } from "../protocol/proof";

/** A device of somebody. The private key cannot be read, only used. */
export interface Identity {
  /** `wss://HOST:PORT/v1/ptt`. */
  readonly serverUrl: string;
  readonly device: string;
  readonly subscriber: string;
  readonly tenant: string;
  readonly tenantName: string;
  readonly name: string;
  readonly key: DeviceKey;
}

/** Values are what structured clone takes. A method rejects if the storage is full or closed. */
export interface DeviceStore {
  get<Value>(name: string): Promise<Value | undefined>;
  /** On the disk when it resolves. */
  put(name: string, value: unknown): Promise<void>;
  remove(name: string): Promise<void>;
  clear(): Promise<void>;
}

/** As long as the page lives. */
export class MemoryStore implements DeviceStore {
  readonly #values = new Map<string, unknown>();

  async get<Value>(name: string): Promise<Value | undefined> {
    return this.#values.get(name) as Value | undefined;
  }

  async put(name: string, value: unknown): Promise<void> {
    this.#values.set(name, structuredClone(value));
  }

  async remove(name: string): Promise<void> {
    this.#values.delete(name);
  }

  async clear(): Promise<void> {
    this.#values.clear();
  }
}

const OBJECTS = "device";

/** In IndexedDB; each `name` is a device of its own (the console and the phone page are two). */
export class BrowserStore implements DeviceStore {
  readonly #database: Promise<IDBDatabase>;

  constructor(name: string) {
    const opening = indexedDB.open(`ptt-${name}`, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(OBJECTS);
    this.#database = settled(opening);
    this.#database.catch(() => undefined); // whoever uses the store is told
  }

  async get<Value>(name: string): Promise<Value | undefined> {
    const objects = (await this.#database).transaction(OBJECTS, "readonly").objectStore(OBJECTS);
    return settled<Value | undefined>(objects.get(name));
  }

  put(name: string, value: unknown): Promise<void> {
    return this.#write((objects) => objects.put(value, name));
  }

  remove(name: string): Promise<void> {
    return this.#write((objects) => objects.delete(name));
  }

  clear(): Promise<void> {
    return this.#write((objects) => objects.clear());
  }

  async #write(act: (objects: IDBObjectStore) => void): Promise<void> {
    // a message's number must be on the disk before the message goes out, so a cache is not enough
    const transaction = (await this.#database).transaction(OBJECTS, "readwrite", { durability: "strict" });
    const written = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
    act(transaction.objectStore(OBJECTS));
    return written;
  }
}

function settled<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
