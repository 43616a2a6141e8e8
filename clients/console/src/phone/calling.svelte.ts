/** Calls of the phone: what rings, what stands, what is over; and who asks to be called back. */
import type { CallActions, CallAlertShown, CallShown } from "../desk/view";
import type { CallEvent, VoiceCall } from "../radio/calls";
import { RadioError } from "../radio/errors";
import type { Radio } from "../radio/radio";
import type { Fault } from "../texts/errors";
import { faultOf } from "./faults";
import type { Sound } from "./sound.svelte";
import type { Talking } from "./talking.svelte";

const RINGS_EVERY_MS = 2500;
const SHOWN_WHEN_OVER_MS = 5000;
const STATES = { ringing: "incoming", calling: "outgoing", connected: "active", over: "ended" } as const;
const REASONS: ReadonlySet<string> = new Set(["ended", "rejected", "no_answer", "answered_elsewhere", "gone", "idle"]);

export class Calling implements CallActions {
  fault = $state.raw<Fault>();
  #changes = $state(0);
  readonly #radio: Radio;
  readonly #talking: Talking;
  readonly #sound: Sound;
  readonly #over = new Set<VoiceCall>();
  readonly #since = new Map<string, number>();
  readonly #down = new Set<string>();
  readonly #muted = new Set<string>();
  readonly #stop: () => void;
  #ringing: ReturnType<typeof setInterval> | undefined;

  constructor(radio: Radio, talking: Talking, sound: Sound) {
    this.#radio = radio;
    this.#talking = talking;
    this.#sound = sound;
    this.#stop = radio.calls.listen((event) => this.#take(event));
  }

  close(): void {
    this.#stop();
    clearInterval(this.#ringing);
  }

  get calls(): readonly CallShown[] {
    void this.#changes;
    return [...this.#radio.calls.live.values(), ...this.#over].map((call) => this.#shown(call));
  }

  /** In a call that one can talk in. */
  get isTalking(): boolean {
    void this.#changes;
    return [...this.#radio.calls.live.values()].some(
      ({ state, talkGroup }) => state === "connected" && talkGroup !== undefined,
    );
  }

  get callbacks(): readonly CallAlertShown[] {
    void this.#changes;
    return [...this.#radio.calls.callbacks.values()].map(({ by, atMs }) => ({
      by: by.subscriber,
      name: by.name,
      at_ms: atMs,
    }));
  }

  #shown(call: VoiceCall): CallShown {
    const { talkGroup, reason = "" } = call;
    const floor = talkGroup && this.#talking.floorOf(talkGroup, this.#down.has(call.call));
    return {
      call: call.call,
      kind: call.kind,
      state: STATES[call.state],
      duplex: call.duplex,
      party: call.party?.name ?? "",
      since_ms: this.#since.get(call.call) ?? Date.now(),
      muted: this.#muted.has(call.call),
      ...(call.duplex || floor === undefined || call.kind === "broadcast" ? {} : { floor }),
      ...(call.state === "over" ? { ended: (REASONS.has(reason) ? reason : "ended") as "ended" } : {}),
    };
  }

  #take(event: CallEvent): void {
    if ("call" in event) {
      if (event.kind === "connected") this.#connected(event.call);
      if (event.kind === "over") this.#ended(event.call);
      this.#ring();
    }
    if (event.kind === "callback") this.#sound.voice.play("call");
    this.#changes += 1;
  }

  #connected(call: VoiceCall): void {
    this.#since.set(call.call, Date.now());
    for (const group of [call.talkGroup, call.listenGroup]) if (group !== undefined) this.#talking.listenTo(group);
  }

  #ended(call: VoiceCall): void {
    this.#over.add(call);
    setTimeout(() => this.#forget(call), SHOWN_WHEN_OVER_MS);
  }

  #forget(call: VoiceCall): void {
    this.#over.delete(call);
    this.#since.delete(call.call);
    this.#down.delete(call.call);
    this.#muted.delete(call.call);
    this.#changes += 1;
  }

  #ring(): void {
    clearInterval(this.#ringing);
    if (![...this.#radio.calls.live.values()].some(({ state }) => state === "ringing")) return;
    const once = () => {
      this.#sound.voice.play("call");
      navigator.vibrate?.([300, 150, 300]);
    };
    once();
    this.#ringing = setInterval(once, RINGS_EVERY_MS);
  }

  // What the user does

  answer(call: string): void {
    void this.#attempt(async () => this.#radio.calls.live.get(call)?.answer());
  }

  reject(call: string): void {
    void this.#attempt(async () => this.#radio.calls.live.get(call)?.reject());
  }

  /** Hangs up; one that is over is taken off the screen. */
  end(call: string): void {
    const over = [...this.#over].find((one) => one.call === call);
    if (over !== undefined) return this.#forget(over);
    void this.#attempt(async () => this.#radio.calls.live.get(call)?.end());
  }

  press(call: string): void {
    this.#down.add(call);
    this.#radio.calls.live.get(call)?.talkGroup?.press();
    this.#changes += 1;
  }

  release(call: string): void {
    this.#down.delete(call);
    this.#radio.calls.live.get(call)?.talkGroup?.release();
    this.#changes += 1;
  }

  /** In a full-duplex call the key is down unless one is muted. */
  mute(call: string, muted: boolean): void {
    const group = this.#radio.calls.live.get(call)?.talkGroup;
    if (muted) group?.release();
    else group?.press();
    if (muted) this.#muted.add(call);
    else this.#muted.delete(call);
    this.#changes += 1;
  }

  callBack(subscriber: string): void {
    this.seen(subscriber);
    void this.#attempt(() => this.#radio.calls.private(subscriber));
  }

  seen(subscriber: string): void {
    void this.#attempt(() => this.#radio.calls.callbackSeen(subscriber));
  }

  async #attempt(work: () => Promise<unknown>): Promise<void> {
    this.fault = undefined;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof RadioError)) throw error;
      const { code } = faultOf(error);
      if (code !== "not_found") this.fault = faultOf(error); // somebody was faster, or it is over: the event tells
    }
    this.#changes += 1;
  }
}
