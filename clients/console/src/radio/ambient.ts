/**
 * Ambient listening at the device that called for help: while its alert is open, dispatchers may hear its microphone
 * (proto/alerts.md).
 *
 * 1. the user is shown who listens, before anything is heard, unless the organisation has named a reason not to
 * 2. the microphone is opened, then the channel is entered: who has no microphone does not enter it
 * 3. the channel is one of its own, without any signal: groups go on as before, also when the user presses the key
 */
import type { AlertMicrophone, Party, ServerEvent } from "../protocol/messages";
import type { Clock } from "./clock";
import { RadioError, Refused } from "./errors";
import { keepTalking } from "./keep_talking";
import { inBackground, Service } from "./service";
import type { Ask } from "./signalling";
import type { Talkgroup } from "./talkgroup";
import { MicrophoneError } from "./voice";

/** `isOpen` or `shown` changed. */
export interface AmbientEvent {
  readonly kind: "microphone";
}

/** What the user must be shown. */
export interface Listened {
  readonly listeners: readonly Party[];
  /** When it is over at the latest: monotonic seconds of the radio's clock. */
  readonly endsAt: number;
  /** They wanted to listen, and cannot. */
  readonly error: MicrophoneError | undefined;
}

export interface Channels {
  /** Takes part with the key down, and without signals. Rejects with Refused, NotConnected. */
  enter(group: string): Promise<Talkgroup>;
  takesPart(group: string): boolean;
}

interface Channel {
  wanted: AlertMicrophone;
  endsAt: number;
  talkgroup: Talkgroup | undefined;
  error: MicrophoneError | undefined;
  isEntering: boolean;
}

export class Ambient extends Service<AmbientEvent> {
  /** Opens the microphone; rejects with MicrophoneError. Undefined: this device offers none. */
  microphone: (() => Promise<void>) | undefined;
  readonly #channels: Channels;
  readonly #clock: Clock;
  #channel: Channel | undefined;

  constructor(ask: Ask, channels: Channels, clock: Clock) {
    super(ask);
    this.#channels = channels;
    this.#clock = clock;
  }

  /** Whether the microphone is wanted open, shown or not. */
  get isOpen(): boolean {
    return this.#channel !== undefined && this.#channel.error === undefined;
  }

  get shown(): Listened | undefined {
    if (!this.#channel?.wanted.shown) return undefined;
    const { wanted, endsAt, error } = this.#channel;
    return { listeners: wanted.listeners ?? [], endsAt, error };
  }

  override take(event: ServerEvent): void {
    if (event.type !== "alert.microphone") return;
    if (event.open) this.#open(event);
    else if (event.group === this.#channel?.wanted.group) this.#over();
  }

  /** Told again when others listen too or some no more, and after a lost connection. */
  #open(wanted: AlertMicrophone): void {
    if (this.#channel?.wanted.group !== wanted.group) this.#over(); // its end was lost with a connection
    const endsAt = this.#clock.now() + wanted.at_most_s;
    this.#channel ??= { wanted, endsAt, talkgroup: undefined, error: undefined, isEntering: false };
    const channel = this.#channel;
    Object.assign(channel, { wanted, endsAt });
    this.#tellChange();
    if (!channel.isEntering && !this.#channels.takesPart(wanted.group)) inBackground(this.#enter(channel));
  }

  async #enter(channel: Channel): Promise<void> {
    channel.isEntering = true;
    channel.error = undefined;
    try {
      await this.#openMicrophone();
      if (channel === this.#channel) this.#talk(channel, await this.#channels.enter(channel.wanted.group));
    } catch (error) {
      if (error instanceof MicrophoneError) this.#fail(channel, error);
      else if (error instanceof Refused) this.#end(channel);
      else if (!(error instanceof RadioError)) throw error; // not connected: the next connection tells what is to be
    } finally {
      channel.isEntering = false;
    }
  }

  async #openMicrophone(): Promise<void> {
    if (this.microphone === undefined) throw new MicrophoneError("unsupported");
    await this.microphone();
  }

  #talk(channel: Channel, talkgroup: Talkgroup): void {
    channel.talkgroup = talkgroup;
    talkgroup.listen((event) => {
      if (event.kind === "left") this.#end(channel);
      if (event.kind === "microphone") this.#fail(channel, event.error);
    });
    keepTalking(talkgroup, () => channel === this.#channel && channel.error === undefined);
    if (channel !== this.#channel) talkgroup.release(); // it was over while we entered
  }

  #fail(channel: Channel, error: MicrophoneError): void {
    channel.error = error;
    if (channel === this.#channel) this.#tellChange();
  }

  #end(channel: Channel): void {
    if (channel === this.#channel) this.#over();
  }

  #over(): void {
    const channel = this.#channel;
    if (channel === undefined) return;
    this.#channel = undefined;
    channel.talkgroup?.release();
    this.#tellChange();
  }

  #tellChange(): void {
    this.tell({ kind: "microphone" });
  }

  override close(): void {
    this.#over();
  }
}
