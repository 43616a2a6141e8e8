/** Conversations of a page: with its groups and with people; what comes in, what goes out, and what became of it. */
import type { ConversationShown, MessageShown } from "../look/messages/messages";
import type { MessageState, RecipientState } from "../protocol/messages";
import { conversationOf } from "../protocol/message_header";
import { codeOf, NotConnected } from "../radio/errors";
import type { Addressees, MessageEvent, ReadMessage } from "../radio/messages";
import type { Radio } from "../radio/radio";
import type { Fault } from "../texts/errors";
import { download, fileName } from "../look/download";
import { attachmentOf } from "./attachment";
import { messageShown } from "./message_shown";

const PAGE_MESSAGES = 50;
const OPENED_BY_NOTHING = "application/octet-stream"; // of a file that somebody else sent
const RECENT_MESSAGES = 100;

/** One that the server does not have yet. */
interface Leaving {
  readonly id: string;
  readonly conversation: string;
  readonly text: string;
  readonly file: File | undefined;
  readonly atMs: number;
  readonly state: "sending" | "failed";
}

export interface PersonToWrite {
  readonly subscriber: string;
  readonly name: string;
}

export class Messaging {
  fault = $state.raw<Fault>();
  chosen = $state<string>();
  /** The chosen conversation is on the screen: what comes in there is read. */
  #isShown = false;
  /** Of the chosen conversation there are older ones. */
  more = $state(false);
  #changes = $state(0);
  readonly #radio: Radio;
  readonly #sendsReceipts: () => boolean;
  readonly #known = new Map<string, ReadMessage>();
  readonly #names = new Map<string, string>();
  readonly #newDevices = new Set<string>();
  /** What was told since the page was opened, by message and recipient: newer than what a history says. */
  readonly #outcomes = new Map<string, Map<string, RecipientState["state"]>>();
  readonly #unread = new Map<string, Set<string>>();
  readonly #opened = new Set<string>();
  readonly #stop: () => void;
  #leaving: readonly Leaving[] = [];
  #numbers = 0;

  /** `sendsReceipts`: whether authors are told that their messages were read. */
  constructor(radio: Radio, sendsReceipts: () => boolean = () => true) {
    this.#radio = radio;
    this.#sendsReceipts = sendsReceipts;
    const stops = [
      radio.messages.listen((event) => this.#take(event)),
      radio.listen(({ kind }) => {
        if (kind === "connected") void this.#readRecent();
        if (kind === "groups") this.#changes += 1;
      }),
    ];
    this.#stop = () => stops.forEach((stop) => stop());
    void this.#readRecent();
  }

  close(): void {
    this.#stop();
  }

  // What is shown

  get #me(): string {
    return this.#radio.identity.subscriber;
  }

  get unread(): number {
    void this.#changes;
    return [...this.#unread.values()].reduce((sum, messages) => sum + messages.size, 0);
  }

  /** The one with the newest message first; groups without any at the end. */
  get conversations(): readonly ConversationShown[] {
    void this.#changes;
    const ids = new Set([...this.#radio.groups.map(({ group }) => group), ...this.#opened]);
    for (const { conversation } of this.#known.values()) if (conversation !== "") ids.add(conversation);
    return [...ids]
      .map((id) => this.#conversation(id))
      .sort((one, other) => (other.newest?.at_ms ?? 0) - (one.newest?.at_ms ?? 0));
  }

  #conversation(id: string): ConversationShown {
    const group = this.#radio.groups.find((one) => one.group === id);
    const newest = this.thread(id).at(-1);
    return {
      id,
      kind: this.#people(id) === undefined ? "group" : "people",
      name:
        group?.name ??
        this.#people(id)
          ?.map((one) => this.#nameOf(one))
          .join(", ") ??
        id,
      unread: this.#unread.get(id)?.size ?? 0,
      ...(newest === undefined ? {} : { newest }),
    };
  }

  /** Oldest first. */
  thread(id: string): readonly MessageShown[] {
    void this.#changes;
    const known = [...this.#known.values()]
      .filter(({ conversation }) => conversation === id)
      .map((message) =>
        messageShown(
          message,
          this.#me,
          (one) => this.#nameOf(one),
          (device) => this.#newDevices.has(device),
          this.#outcomes.get(message.id),
        ),
      );
    const leaving = this.#leaving.filter(({ conversation }) => conversation === id).map(leavingShown);
    return [...known, ...leaving].sort((one, other) => one.at_ms - other.at_ms);
  }

  #nameOf(subscriber: string): string {
    return this.#names.get(subscriber) ?? "";
  }

  /** The others of a conversation of people; undefined: it is a group's. Subscribers' identifiers have no commas. */
  #people(conversation: string): readonly string[] | undefined {
    const all = conversation.split(",");
    return all.includes(this.#me) ? all.filter((one) => one !== this.#me) : undefined;
  }

  #addressees(conversation: string): Addressees {
    const people = this.#people(conversation);
    return people === undefined ? { group: conversation } : { people };
  }

  /** Whom one may begin a conversation with: the own contacts, and who is in the group just now. */
  async peopleToWrite(present: ReadonlyMap<string, string>): Promise<readonly PersonToWrite[]> {
    const found = new Map(present);
    await this.#attempt(async () => {
      for (const { subscriber, alias, name } of await this.#radio.contacts.list()) found.set(subscriber, alias || name);
    });
    found.delete(this.#me);
    const people = [...found].map(([subscriber, name]) => ({ subscriber, name }));
    return people.sort((one, other) => one.name.localeCompare(other.name));
  }

  // What the user does

  async open(id: string | undefined): Promise<void> {
    this.chosen = id;
    this.more = false;
    this.#isShown = id !== undefined;
    if (id === undefined) return;
    this.#read(id);
    await this.#attempt(async () => {
      const found = await this.#radio.messages.history(this.#addressees(id), PAGE_MESSAGES);
      this.#learn(found);
      this.more = found.length === PAGE_MESSAGES;
    });
  }

  /** The page shows something else: what comes in stays unread. */
  leave(): void {
    this.#isShown = false;
  }

  /** A conversation with these, as a new one or the one that is there. */
  begin(people: readonly PersonToWrite[]): void {
    const subscribers = people.map(({ subscriber }) => subscriber);
    const id = conversationOf(this.#me, subscribers, undefined);
    for (const { subscriber, name } of people) this.#names.set(subscriber, name);
    this.#opened.add(id);
    void this.open(id);
  }

  async older(): Promise<void> {
    const { chosen } = this;
    if (chosen === undefined) return;
    const oldest = this.thread(chosen)[0]?.id;
    await this.#attempt(async () => {
      const found = await this.#radio.messages.history(this.#addressees(chosen), PAGE_MESSAGES, oldest);
      this.#learn(found);
      this.more = found.length === PAGE_MESSAGES;
    });
  }

  async send(text: string, file: File | undefined): Promise<void> {
    const { chosen } = this;
    if (chosen === undefined) return;
    const id = `leaving ${(this.#numbers += 1)}`;
    const leaving: Leaving = { id, conversation: chosen, text, file, atMs: Date.now(), state: "sending" };
    this.#leaving = [...this.#leaving, leaving];
    this.#changes += 1;
    await this.#dispatch(leaving);
  }

  async retry(id: string): Promise<void> {
    const leaving = this.#leaving.find((one) => one.id === id);
    if (leaving !== undefined) await this.#dispatch(leaving);
  }

  async #dispatch(leaving: Leaving): Promise<void> {
    this.fault = undefined;
    this.#settle(leaving, "sending");
    try {
      const attachment = leaving.file === undefined ? undefined : await attachmentOf(leaving.file);
      await this.#radio.messages.send(leaving.text, this.#addressees(leaving.conversation), attachment);
    } catch (error) {
      if (error instanceof NotConnected) return; // sealed and written down: it goes out with the next log-in
      this.#settle(leaving, "failed");
      this.fault = codeOf(error);
      return;
    }
    await this.#attempt(async () => {
      this.#learn(await this.#radio.messages.history(this.#addressees(leaving.conversation), 1));
    });
    this.#settle(leaving, undefined); // only now, so that it is in sight all the while
  }

  #settle(leaving: Leaving, state: Leaving["state"] | undefined): void {
    const others = this.#leaving.filter(({ id }) => id !== leaving.id);
    this.#leaving = state === undefined ? others : [...others, { ...leaving, state }];
    this.#changes += 1;
  }

  /** Fetches what is attached and gives it to the user's downloads; the page itself opens nothing. */
  async fetch(id: string): Promise<void> {
    const message = this.#known.get(id);
    if (message?.attachment === undefined) return;
    const { name } = message.attachment;
    await this.#attempt(async () => {
      download(fileName(name), new Uint8Array(await this.#radio.messages.attachment(message)), OPENED_BY_NOTHING);
    });
  }

  /** A message of our own, for all. */
  async delete(id: string): Promise<void> {
    if (this.#leaving.some((one) => one.id === id)) {
      this.#leaving = this.#leaving.filter((one) => one.id !== id);
    } else {
      await this.#attempt(async () => {
        await this.#radio.messages.delete(id);
        this.#known.delete(id);
      });
    }
    this.#changes += 1;
  }

  // What comes in

  #take(event: MessageEvent): void {
    switch (event.kind) {
      case "received":
        return this.#receive(event.message);
      case "outcome":
        return this.#become(event.outcome);
      case "taken_back":
        this.#known.delete(event.message);
        this.#unread.forEach((messages) => messages.delete(event.message));
        break;
      case "device_seen":
        this.#newDevices.add(event.device);
        break;
      case "refused":
        this.#leaving = this.#leaving.filter(({ conversation }) => conversation !== event.conversation);
        this.fault = event;
        break;
    }
    this.#changes += 1;
  }

  #receive(message: ReadMessage): void {
    this.#learn([message]);
    if (message.stored.sender === this.#me) return;
    const { conversation } = message;
    const unread = this.#unread.get(conversation) ?? new Set();
    this.#unread.set(conversation, unread.add(message.id));
    if (this.#isShown && conversation === this.chosen && document.visibilityState === "visible")
      this.#read(conversation);
    this.#changes += 1;
  }

  #read(conversation: string): void {
    const read = [...(this.#unread.get(conversation) ?? [])];
    this.#unread.delete(conversation);
    this.#changes += 1;
    if (this.#sendsReceipts() && read.length > 0) {
      void this.#attempt(() => this.#radio.messages.confirmRead(read));
    }
  }

  #become({ message, subscriber, state }: MessageState): void {
    const outcomes = this.#outcomes.get(message) ?? new Map();
    this.#outcomes.set(message, outcomes.set(subscriber, state));
    this.#changes += 1;
  }

  async #readRecent(): Promise<void> {
    await this.#attempt(async () => {
      this.#learn(await this.#radio.messages.history(undefined, RECENT_MESSAGES));
      for (const { subscriber, alias, name } of await this.#radio.contacts.list()) {
        this.#names.set(subscriber, alias || name);
      }
      this.#leaving = this.#leaving.filter(({ state }) => state === "failed"); // the others are in the history now
    });
  }

  #learn(messages: readonly ReadMessage[]): void {
    for (const message of messages) {
      this.#known.set(message.id, message);
      this.#names.set(message.stored.sender, message.stored.name);
    }
    this.#changes += 1;
  }

  /** A lost connection is said by the page's frame already; and an organisation without messages has none to show. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const fault = codeOf(error);
      if (!(error instanceof NotConnected)) this.fault = fault;
    }
    this.#changes += 1;
  }
}

function leavingShown({ id, text, file, atMs, state }: Leaving): MessageShown {
  const attachment = file && { kind: "file" as const, name: file.name, size_bytes: file.size, state: "held" as const };
  return {
    id,
    mine: true,
    sender: "",
    at_ms: atMs,
    text,
    deliveries: [{ name: "", state }],
    ...(attachment === undefined ? {} : { attachment }),
  };
}

const living = new WeakMap<Radio, Messaging>();

/** The same for all who ask: rooms come and go, what was not sent yet stays. */
export function messagingOf(radio: Radio): Messaging {
  const messaging = living.get(radio) ?? new Messaging(radio);
  living.set(radio, messaging);
  return messaging;
}
