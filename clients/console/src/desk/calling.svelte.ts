/** Calls as the desk shows them, and who asks to be called back. */
import type { CallOptions, Calls, VoiceCall } from "../radio/calls";
import type { Radio } from "../radio/radio";
import type { TalkgroupEvent } from "../radio/talkgroup";
import type { Voice } from "../radio/voice";
import { floorOf, type Times } from "./floor_shown";
import type { CallAlertShown, CallShown } from "./view";

const ENDED_SHOWN_MS = 8_000;
const RING_EVERY_MS = 3_000;

type EndedFor = NonNullable<CallShown["ended"]>;
const REASONS: ReadonlySet<string> = new Set<EndedFor>([
  "ended",
  "rejected",
  "no_answer",
  "answered_elsewhere",
  "gone",
  "idle",
]);

export class Calling {
  shown = $state.raw<readonly CallShown[]>([]);
  wishes = $state.raw<readonly CallAlertShown[]>([]);
  readonly #calls: Calls;
  readonly #voice: Pick<Voice, "play">;
  readonly #times: Times;
  readonly #microphone: (event: TalkgroupEvent) => void;
  readonly #names = new Map<string, string>();
  readonly #since = new Map<string, number>();
  readonly #muted = new Set<string>();
  readonly #hung = new Set<string>();
  readonly #ended = new Map<string, CallShown>();
  readonly #stop: () => void;
  #ringing: ReturnType<typeof setInterval> | undefined;

  /** `microphone` is told of the events of the calls' groups. */
  constructor(radio: Radio, voice: Pick<Voice, "play">, times: Times, microphone: (event: TalkgroupEvent) => void) {
    this.#calls = radio.calls;
    this.#voice = voice;
    this.#times = times;
    this.#microphone = microphone;
    this.#stop = this.#calls.listen((event) => {
      if (event.kind === "connected") this.#connected(event.call);
      if (event.kind === "over") this.#over(event.call);
      this.#show();
    });
    this.#show();
  }

  close(): void {
    this.#stop();
    clearInterval(this.#ringing);
  }

  // What the dispatcher does. Rejects with Refused, NotConnected.

  async call(subscriber: string, name: string, options: CallOptions): Promise<void> {
    this.#outgoing(await this.#calls.private(subscriber, options), name);
  }

  async broadcast(to: { group: string } | { people: readonly string[] }, name: string): Promise<void> {
    this.#outgoing(await this.#calls.broadcast(to), name);
  }

  #outgoing(call: VoiceCall, name: string): void {
    this.#names.set(call.call, name);
    this.#show();
  }

  async answer(id: string): Promise<void> {
    await this.#calls.live.get(id)?.answer();
  }

  async reject(id: string): Promise<void> {
    this.#hung.add(id);
    await this.#calls.live.get(id)?.reject();
  }

  /** Hangs up; what is over is put away. */
  async end(id: string): Promise<void> {
    this.#hung.add(id);
    this.#forget(id);
    await this.#calls.live.get(id)?.end();
  }

  press(id: string): void {
    this.#calls.live.get(id)?.talkGroup?.press();
  }

  release(id: string): void {
    this.#calls.live.get(id)?.talkGroup?.release();
  }

  /** In a full-duplex call the key is down unless one is muted. */
  mute(id: string, muted: boolean): void {
    if (muted) this.#muted.add(id);
    else this.#muted.delete(id);
    if (muted) this.release(id);
    else this.press(id);
    this.#show();
  }

  async seen(subscriber: string): Promise<void> {
    try {
      await this.#calls.callbackSeen(subscriber);
    } finally {
      this.#show();
    }
  }

  // What becomes of them

  #connected(call: VoiceCall): void {
    this.#since.set(call.call, Date.now());
    for (const group of new Set([call.talkGroup, call.listenGroup])) {
      group?.listen((event) => {
        this.#microphone(event);
        this.#show();
      });
    }
  }

  #over(call: VoiceCall): void {
    const { call: id, reason = "ended" } = call;
    if (!this.#hung.delete(id)) {
      const ended = REASONS.has(reason) ? (reason as EndedFor) : "failed";
      this.#ended.set(id, { ...this.#shownAs(call), state: "ended", ended });
      setTimeout(() => this.#forget(id), ENDED_SHOWN_MS);
    }
    for (const memory of [this.#names, this.#since, this.#muted]) memory.delete(id);
  }

  #forget(id: string): void {
    if (this.#ended.delete(id)) this.#show();
  }

  #show(): void {
    const live = [...this.#calls.live.values()].map((call) => this.#shownAs(call));
    this.shown = [...live, ...this.#ended.values()];
    this.wishes = [...this.#calls.callbacks.values()].map(({ by, atMs }) => ({
      by: by.subscriber,
      name: by.name,
      at_ms: atMs,
    }));
    this.#ring(live.some(({ state }) => state === "incoming"));
  }

  #ring(rings: boolean): void {
    if (!rings) {
      clearInterval(this.#ringing);
      this.#ringing = undefined;
    } else if (this.#ringing === undefined) {
      this.#voice.play("call");
      this.#ringing = setInterval(() => this.#voice.play("call"), RING_EVERY_MS);
    }
  }

  #shownAs(call: VoiceCall): CallShown {
    const { call: id, kind, duplex, party, talkGroup } = call;
    const state = call.state === "ringing" ? "incoming" : call.state === "calling" ? "outgoing" : "active";
    const since_ms = this.#since.get(id) ?? Date.now();
    this.#since.set(id, since_ms);
    return {
      call: id,
      kind,
      state,
      duplex,
      party: party?.name || this.#names.get(id) || talkGroup?.name || "",
      since_ms,
      muted: this.#muted.has(id),
      ...(talkGroup === undefined || duplex ? {} : { floor: floorOf(talkGroup, this.#times) }),
    };
  }
}
