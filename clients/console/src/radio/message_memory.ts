/**
 * What a device remembers of messages: its X25519 key, the keys of others as first seen, the place in each conversation,
 * and what it has not got rid of yet. No text of others is kept.
 */
import { NEW_CHAIN, NO_DIGEST, type Chain } from "../protocol/message_chain";
import type { SealedMessage, WrappedKey } from "../protocol/messages";
import type { Octets } from "../protocol/octets";
import { drawMessageKey, type DeviceKey } from "../protocol/proof";
import type { DeviceStore } from "./store";

const NAME = "messages";

/** A device of somebody, with the Ed25519 key (hexadecimal) that it was first seen with. */
export interface Pin {
  readonly subscriber: string;
  readonly signingKey: string;
}

/** How far this device has come in a conversation: number and digest (hexadecimal) of its newest message. */
export interface Place {
  readonly sequence: number;
  readonly digest: string;
}

export const FIRST_PLACE: Place = { sequence: 0, digest: NO_DIGEST };

/** A sealed message that the server has not confirmed. `before`: the place that it gives back if it is refused. */
export interface Unsent {
  readonly sealed: SealedMessage;
  readonly keys: readonly WrappedKey[];
  readonly attachment: Octets | undefined;
  readonly conversation: string;
  readonly before: Place;
}

/** Everything by name: pins by device, places by conversation, chains by device and conversation. */
interface Remembered {
  readonly key: DeviceKey;
  readonly pins: Map<string, Pin>;
  readonly places: Map<string, Place>;
  readonly chains: Map<string, Chain>;
  unsent: Unsent[];
}

export class MessageMemory {
  readonly content: Remembered;
  readonly #store: DeviceStore;
  #isClosed = false;

  private constructor(store: DeviceStore, content: Remembered) {
    this.#store = store;
    this.content = content;
  }

  static async read(store: DeviceStore): Promise<MessageMemory> {
    const kept = await store.get<Remembered>(NAME);
    if (kept !== undefined) return new MessageMemory(store, kept);
    const key = await drawMessageKey();
    return new MessageMemory(store, { key, pins: new Map(), places: new Map(), chains: new Map(), unsent: [] });
  }

  /** On the disk when it resolves. */
  async save(): Promise<void> {
    if (!this.#isClosed) await this.#store.put(NAME, this.content);
  }

  /** Nothing is written any more: the store may be cleared. */
  close(): void {
    this.#isClosed = true;
  }

  chain(device: string, conversation: string): Chain {
    return this.content.chains.get(`${device} ${conversation}`) ?? NEW_CHAIN;
  }

  setChain(device: string, conversation: string, chain: Chain): void {
    this.content.chains.set(`${device} ${conversation}`, chain);
  }
}
