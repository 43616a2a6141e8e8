/**
 * Push to Message: writes to people and groups, receives, looks back. What is sent is sealed for the devices of the
 * recipients and signed by this one; what comes in is told with a verdict: an altered, forged, left-out or re-ordered
 * message shows.
 */
import { judge, SHOWN_AS_SAID, type Chain, type Verdict } from "../protocol/message_chain";
import { publishedKey } from "../protocol/message_header";
import { MAX_TEXT, openAttachment, openMessage, type AttachmentName, type Opened } from "../protocol/message_sealing";
import type { ConfirmMessages, MessageState, ServerEvent, StoredMessage } from "../protocol/messages";
import { base64, concat, fromBase64, fromHex, hex, type Octets } from "../protocol/octets";
import { sign } from "../protocol/proof";
import type { Clock } from "./clock";
import { NobodyReachable, Refused } from "./errors";
import type { MessageMemory } from "./message_memory";
import { Outbox, type Attachment, type MessageRefused } from "./message_outbox";
import { Pins, type DeviceSeen } from "./message_pins";
import { inBackground, Service } from "./service";
import type { Ask } from "./signalling";
import type { Identity } from "./store";
import { Turns } from "./turns";

const PAGE_MESSAGES = 50;
const REMEMBERED_MESSAGES = 2000; // that were told; the server repeats what it did not hear confirmed

/** A message as it was understood. `text` is undefined unless it is by the device that it names (see `verdict`). */
export interface ReadMessage {
  readonly id: string;
  readonly stored: StoredMessage;
  readonly verdict: Verdict;
  readonly text: string | undefined;
  readonly attachment: AttachmentName | undefined;
  /** The group, or all who take part, sorted and with commas between. */
  readonly conversation: string;
}

export type MessageEvent =
  | { readonly kind: "received"; readonly message: ReadMessage }
  /** A message of ours: what became of it at a recipient. */
  | { readonly kind: "outcome"; readonly outcome: MessageState }
  /** Its author deleted a message. */
  | { readonly kind: "taken_back"; readonly message: string }
  | DeviceSeen
  | MessageRefused;

/** `undelivered`: will never get it. `unreachable`: have no device that could. */
export interface Sent {
  readonly message: string;
  readonly atMs: number;
  readonly undelivered: readonly string[];
  readonly unreachable: readonly string[];
}

/** To a group, or to people. */
export type Addressees = { readonly group: string } | { readonly people: readonly string[] };

/** Messages are confirmed as delivered by themselves; `confirmRead` is the user's. */
export class Messages extends Service<MessageEvent> {
  readonly #me: Identity;
  readonly #memory: MessageMemory;
  readonly #pins: Pins;
  readonly #outbox: Outbox;
  readonly #receiving = new Turns();
  readonly #told = new Set<string>();
  #arrived: StoredMessage[] = [];
  #isCurrent = false;
  #published: Promise<void> | undefined;

  constructor(ask: Ask, me: Identity, memory: MessageMemory, clock: Clock) {
    super(ask);
    this.#me = me;
    this.#memory = memory;
    this.#pins = new Pins(memory, (event) => this.tell(event));
    this.#outbox = new Outbox(ask, me, memory, clock, (event) => this.tell(event));
  }

  // Being connected

  /** Publishes this device's key, fetches what waits, sends what could not be sent. */
  override async connected(): Promise<void> {
    this.#published = this.#publish();
    await this.#published;
    await this.#receiving.take(() => this.#fetch());
    await this.#outbox.sendWaiting();
  }

  async #publish(): Promise<void> {
    await this.#memory.save();
    const { publicKey } = this.#memory.content.key;
    const signature = await sign(this.#me.key, publishedKey(this.#me.device, publicKey));
    await this.ask("message.key", { key: base64(publicKey), signature: base64(signature) });
  }

  /** What comes over the next connection is newer than what waits there. */
  override disconnected(): void {
    this.#isCurrent = false;
  }

  /** What waited goes before what came meanwhile: it is older. */
  async #fetch(): Promise<void> {
    for (let more = true; more;) {
      const queue = await this.ask("message.fetch", {});
      for (const state of queue.states) this.tell({ kind: "outcome", outcome: state });
      for (const message of queue.deleted) await this.#forget(message);
      await this.#receive(queue.messages);
      more = queue.more;
    }
    this.#isCurrent = true;
    await this.#receiveArrived();
  }

  override take(event: ServerEvent): void {
    switch (event.type) {
      case "message.new":
        this.#arrived.push(event.message);
        return inBackground(this.#receiving.take(() => this.#receiveArrived()));
      case "message.state":
        return this.tell({ kind: "outcome", outcome: event });
      case "message.deleted":
        return inBackground(this.#forget(event.message));
    }
  }

  override close(): void {
    this.#memory.close();
  }

  // Receiving

  async #receiveArrived(): Promise<void> {
    if (!this.#isCurrent) return;
    const arrived = this.#arrived;
    this.#arrived = [];
    await this.#receive(arrived);
  }

  /** What came twice by two ways is confirmed again, and not told again. */
  async #receive(messages: readonly StoredMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const read: ReadMessage[] = [];
    for (const stored of messages) {
      if (!this.#told.has(stored.id)) read.push(await this.#take(stored));
    }
    await this.#memory.save();
    for (const message of read) this.tell({ kind: "received", message });
    await this.#confirm(
      messages.map(({ id }) => id),
      "delivered",
    );
  }

  async #take(stored: StoredMessage): Promise<ReadMessage> {
    this.#told.add(stored.id);
    if (this.#told.size > REMEMBERED_MESSAGES) this.#told.delete(this.#told.values().next().value!);
    const opened = await this.#open(stored);
    const { sealed } = stored;
    if (opened.digest === undefined || sealed === undefined) return read(stored, opened, opened.verdict);
    this.#pins.see(stored.sender, sealed.device, stored.signing_key);
    const before = this.#memory.chain(sealed.device, opened.conversation);
    const [chain, place] = judge(before, sealed.sequence, fromBase64(sealed.previous), opened.digest);
    this.#memory.setChain(sealed.device, opened.conversation, chain);
    return read(stored, opened, opened.verdict === "genuine" ? place : opened.verdict);
  }

  /** A known device that is said to be somebody else's is none of theirs. */
  async #open(stored: StoredMessage): Promise<Opened> {
    const pin = stored.sealed && this.#pins.of(stored.sealed.device);
    if (pin !== undefined && pin.subscriber !== stored.sender) return { verdict: "forged", conversation: "" };
    const known = pin && fromHex(pin.signingKey);
    return openMessage(stored, known, this.#me.device, this.#memory.content.key);
  }

  async #confirm(messages: readonly string[], state: ConfirmMessages["state"]): Promise<void> {
    for (let start = 0; start < messages.length; start += PAGE_MESSAGES) {
      await this.ask("message.received", { messages: messages.slice(start, start + PAGE_MESSAGES), state });
    }
  }

  /** The user has read them, and lets their authors know. */
  confirmRead(messages: readonly string[]): Promise<void> {
    return this.#confirm(messages, "read");
  }

  async #forget(message: string): Promise<void> {
    this.tell({ kind: "taken_back", message });
    await this.#confirm([message], "deleted");
  }

  // Sending

  /**
   * Rejects with RangeError (the text is too long), Refused, NobodyReachable, KeyChanged; with NotConnected if it was
   * sealed already, and then it goes out with the next log-in.
   */
  async send(text: string, to: Addressees, attachment?: Attachment): Promise<Sent> {
    if ([...text].length > MAX_TEXT) throw new RangeError(`a message has at most ${MAX_TEXT} characters`);
    await this.#published; // else our own copy is sealed for none of our devices
    const group = "group" in to ? to.group : undefined;
    const subscribers = "people" in to ? [...new Set(to.people)].sort() : undefined;
    const [self, ...others] = (await this.ask("message.recipients", { subscribers, group })).recipients;
    const keys = await this.#pins.trustedKeys(self === undefined ? others : [self, ...others]);
    const recipients = others.filter(({ devices }) => devices.length > 0).map(({ subscriber }) => subscriber);
    if (recipients.length === 0) throw new NobodyReachable("nobody of these has a device that can take messages");
    const accepted = await this.#outbox.send({ text, recipients, group, keys, attachment });
    const unreachable = others.filter(({ devices }) => devices.length === 0).map(({ subscriber }) => subscriber);
    return { message: accepted.message, atMs: accepted.at_ms, undelivered: accepted.undelivered, unreachable };
  }

  /** The person has confirmed, by another way, that the devices are right: their keys as they are now count. */
  async trust(subscriber: string): Promise<void> {
    const { recipients } = await this.ask("message.recipients", { subscribers: [subscriber] });
    await this.#pins.trust(recipients.slice(1));
  }

  // Looking back

  /** Newest first; of one conversation, or of all. Gaps show here as when messages come in. */
  async history(of?: Addressees, limit = PAGE_MESSAGES, before?: string): Promise<readonly ReadMessage[]> {
    const group = of && "group" in of ? of.group : undefined;
    const participants = of && "people" in of ? [...new Set(of.people)].sort() : undefined;
    const found: StoredMessage[] = [];
    for (let more = true; more && found.length < limit;) {
      const page = await this.ask("message.history", {
        participants,
        group,
        before: found.at(-1)?.id ?? before,
        limit: Math.min(limit - found.length, PAGE_MESSAGES),
      });
      found.push(...page.messages);
      more = page.more && page.messages.length > 0;
    }
    return this.#judged(found);
  }

  /** The oldest of each device is where its chain begins. */
  async #judged(newestFirst: readonly StoredMessage[]): Promise<ReadMessage[]> {
    const chains = new Map<string, Chain>();
    const judged: ReadMessage[] = [];
    for (const stored of newestFirst.toReversed()) {
      const opened = await this.#open(stored);
      let { verdict } = opened;
      const { sealed } = stored;
      if (opened.digest !== undefined && sealed !== undefined) {
        const of = `${sealed.device} ${opened.conversation}`;
        const previous = fromBase64(sealed.previous);
        const before = chains.get(of) ?? { newest: sealed.sequence - 1, digest: hex(previous), missing: [] };
        const [chain, place] = judge(before, sealed.sequence, previous, opened.digest);
        chains.set(of, chain);
        if (verdict === "genuine") verdict = place;
      }
      judged.push(read(stored, opened, verdict));
    }
    return judged.reverse();
  }

  /** Rejects with Refused (`not_found`: it is kept no longer), Malformed: it is not what was signed. */
  async attachment(message: ReadMessage): Promise<Octets> {
    let octets: Octets = new Uint8Array();
    for (let size = 1; octets.length < size;) {
      const chunk = await this.ask("message.attachment", { message: message.id, offset: octets.length });
      if (chunk.data === "") throw new Refused("not_found", "the attachment is shorter than it says");
      octets = concat(octets, fromBase64(chunk.data));
      size = chunk.size;
    }
    return openAttachment(message.stored, octets, this.#me.device, this.#memory.content.key);
  }

  /** A message of our own, for all. Rejects with Refused (`not_found`). */
  async delete(message: string): Promise<void> {
    await this.ask("message.delete", { message });
  }
}

function read(stored: StoredMessage, opened: Opened, verdict: Verdict): ReadMessage {
  const body = SHOWN_AS_SAID.has(verdict) ? opened.body : undefined;
  const { conversation } = opened;
  return { id: stored.id, stored, verdict, text: body?.text, attachment: body?.attachment, conversation };
}
