/**
 * Messages on their way out: each has its number, is written down sealed, and goes until the server has confirmed it.
 *
 * A message that was sealed is repeated as it is, after a lost connection and after a reload: the server takes it once.
 * A number is never used for two messages; one that the server refuses for good gives its number back, since nobody saw it.
 */
import { conversationOf } from "../protocol/message_header";
import { seal, type AttachmentName } from "../protocol/message_sealing";
import type { AttachmentInfo, MessageAccepted } from "../protocol/messages";
import { base64, fromHex, hex, random, type Octets } from "../protocol/octets";
import type { Clock } from "./clock";
import { Refused } from "./errors";
import { FIRST_PLACE, type MessageMemory, type Unsent } from "./message_memory";
import type { Ask } from "./signalling";
import type { Identity } from "./store";
import { Turns } from "./turns";

const CHUNK_BYTES = 36_864;
const PASSING: ReadonlySet<string> = new Set([
  "internal",
  "store.unavailable",
  "busy",
  "policy.missing",
  "protocol.state",
  "auth.required",
]);

/** A file to go with a message. */
export interface Attachment {
  readonly about: AttachmentName;
  readonly octets: Octets;
}

/** What is to be sent. `keys`: X25519 keys by device, of the recipients and of the sender's own devices. */
export interface Letter {
  readonly text: string;
  readonly recipients: readonly string[];
  readonly group: string | undefined;
  readonly keys: ReadonlyMap<string, Octets>;
  readonly attachment: Attachment | undefined;
}

/** A message that had to wait for the connection was refused at last: `code` as on the wire. */
export interface MessageRefused {
  readonly kind: "refused";
  readonly conversation: string;
  readonly code: string;
}

/** One message at a time: the next one names the one before. */
export class Outbox {
  readonly #ask: Ask;
  readonly #me: Identity;
  readonly #memory: MessageMemory;
  readonly #clock: Clock;
  readonly #tell: (event: MessageRefused) => void;
  readonly #turns = new Turns();

  constructor(ask: Ask, me: Identity, memory: MessageMemory, clock: Clock, tell: (event: MessageRefused) => void) {
    this.#ask = ask;
    this.#me = me;
    this.#memory = memory;
    this.#clock = clock;
    this.#tell = tell;
  }

  /** After what waits from before. Rejects with Refused, NotConnected (it goes out with the next log-in). */
  send(letter: Letter): Promise<MessageAccepted> {
    return this.#turns.take(async () => {
      await this.#sendAll();
      return this.#deliver(await this.#sealed(letter));
    });
  }

  /** What could not be handed in before. */
  sendWaiting(): Promise<void> {
    return this.#turns.take(() => this.#sendAll());
  }

  /** A refusal of an earlier message is told, and keeps the next one from nothing. */
  async #sendAll(): Promise<void> {
    for (const unsent of [...this.#memory.content.unsent]) {
      try {
        await this.#deliver(unsent);
      } catch (error) {
        if (!(error instanceof Refused) || PASSING.has(error.code)) throw error;
        this.#tell({ kind: "refused", conversation: unsent.conversation, code: error.code });
      }
    }
  }

  /** With the next number of its conversation; on the disk when it resolves. */
  async #sealed({ text, recipients, group, keys, attachment }: Letter): Promise<Unsent> {
    const { content } = this.#memory;
    const { subscriber: sender, device } = this.#me;
    const conversation = conversationOf(sender, recipients, group);
    const before = content.places.get(conversation) ?? FIRST_PLACE;
    const header = {
      message: random(16),
      sequence: before.sequence + 1,
      previous: fromHex(before.digest),
      sentMs: this.#clock.utcMs(),
      sender,
      device,
      group,
      recipients,
    };
    const body = { text, attachment: attachment?.about };
    const sealed = await seal({ header, body, keys, attachment: attachment?.octets }, this.#me.key);
    const unsent = { ...sealed, sealed: sealed.message, conversation, before };
    content.places.set(conversation, { sequence: header.sequence, digest: hex(sealed.digest) });
    content.unsent.push(unsent);
    await this.#memory.save();
    return unsent;
  }

  async #deliver(unsent: Unsent): Promise<MessageAccepted> {
    const { content } = this.#memory;
    try {
      const accepted = await this.#handIn(unsent);
      content.unsent = content.unsent.filter((other) => other !== unsent);
      await this.#memory.save();
      return accepted;
    } catch (error) {
      if (error instanceof Refused && !PASSING.has(error.code)) {
        content.unsent = content.unsent.filter((other) => other !== unsent);
        content.places.set(unsent.conversation, unsent.before);
        await this.#memory.save();
      }
      throw error;
    }
  }

  async #handIn({ sealed, keys, attachment }: Unsent): Promise<MessageAccepted> {
    if (sealed.attachment !== undefined && attachment !== undefined) await this.#upload(sealed.attachment, attachment);
    return this.#ask("message.send", { sealed, keys });
  }

  async #upload(attachment: AttachmentInfo, octets: Octets): Promise<void> {
    for (let offset = 0; offset < octets.length; offset += CHUNK_BYTES) {
      const data = base64(octets.subarray(offset, offset + CHUNK_BYTES));
      await this.#ask("message.attach", { attachment, offset, data });
    }
  }
}
