/** A dispatcher on duty: the radio, its sound, and what the desk shows of them. */
import { account, type ConsoleSession } from "../account/rest";
import { browserDevice, deviceType, storeOf } from "../account/browser_device";
import { PrivateFiles } from "../recording/files";
import { Recordings } from "../recording/recordings.svelte";
import { enrolled } from "../radio/enrolling";
import { Radio } from "../radio/radio";
import { workerClock } from "../radio/worker_clock";
import { say } from "../texts/say";
import { BrowserVoice } from "../voice/browser_voice";
import { Calling } from "./calling.svelte";
import { Groups } from "./groups.svelte";
import { Kept } from "./kept";
import { PeopleSeen } from "./people.svelte";
import { faultOf, Telling } from "./telling.svelte";
import { timesOf } from "./times";
import type { Link, TalkSettings } from "./view";

/** Somebody took the radio over from this browser: who loads the page again is asked before it is taken back. */
export class TakenOver extends Error {
  override readonly name = "TakenOver";
}

export class Duty {
  link = $state<Link>("connected");
  talk = $state.raw<TalkSettings>({ key: " ", mode: "hold" });
  /** Whether anything can be heard: browsers want a key or a click first. */
  audible = $state(true);
  microphoneMuted = $state(false);
  openAlerts = $state(0);
  readonly telling = new Telling();
  readonly groups: Groups;
  readonly people: PeopleSeen;
  readonly calling: Calling;
  readonly #stops: (() => void)[] = [];

  private constructor(
    readonly radio: Radio,
    readonly voice: BrowserVoice,
    readonly kept: Kept,
    readonly recordings: Recordings,
  ) {
    const times = timesOf(radio);
    this.groups = new Groups(radio, voice, kept, times);
    this.people = new PeopleSeen(radio, this.groups);
    this.calling = new Calling(radio, voice, times, (event) => this.groups.microphoneFailed(event));
    this.talk = { key: kept.desk.talkKey, mode: kept.desk.talkMode };
    this.#stops.push(
      recordings.attach(radio),
      radio.listen(() => this.#seeLink()),
      radio.alerts.listen(() => (this.openAlerts = radio.alerts.open.size)),
      radio.calls.listen((event) => {
        if (event.kind === "callback_seen") this.telling.say(say("call_alert.was_seen", { name: event.by.name }));
      }),
      voice.listen(() => this.#seeVoice()),
      () => this.groups.close(),
      () => this.calling.close(),
    );
    this.#seeVoice();
  }

  /**
   * `mayTakeOver`: somebody logged in just now, or said so. Rejects with TakenOver, Refused, ServerUnreachable,
   * VoiceUnsupported, and DOMException if the browser keeps nothing for this page.
   */
  static async begin(session: ConsoleSession, mayTakeOver: boolean): Promise<Duty> {
    const store = storeOf(session.subscriber);
    const type = deviceType(navigator.userAgent);
    const url = `wss://${location.host}/v1/ptt`;
    const isNew = (await enrolled(store)) === undefined; // never was on the radio, so nobody took it over
    const identity = await browserDevice(store, url, (key) => account.device(key, type));
    const kept = new Kept(localStorage, session.subscriber);
    const { input, output, processing } = kept.desk;
    const voice = await BrowserVoice.open({ processing, ...(input && { input }), ...(output && { output }) });
    const radio = await Radio.of(identity, { store, voice, clock: workerClock() });
    const duty = new Duty(radio, voice, kept, new Recordings(new PrivateFiles()));
    try {
      await duty.#enter(mayTakeOver || isNew);
    } catch (error) {
      await duty.close();
      throw error;
    }
    return duty;
  }

  async #enter(mayTakeOver: boolean): Promise<void> {
    const { radio } = this;
    if (mayTakeOver) await radio.logInConsole();
    else if (!(await radio.resume())) throw new TakenOver();
    await this.telling.attempt(async () => {
      if (radio.terms?.role !== "subscriber") await radio.dispatch.watch();
      await this.groups.open();
      await radio.alerts.list();
    });
    void this.warmMicrophone();
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.radio.close();
    await this.voice.close();
  }

  /** So that no press is late, and what is wrong with the microphone is known before the first. */
  async warmMicrophone(): Promise<void> {
    try {
      await this.voice.warmMicrophone();
      this.groups.microphone = undefined;
    } catch (error) {
      this.groups.microphone = faultOf(error);
    }
  }

  // Settings of this browser

  setTalk(talk: TalkSettings): void {
    this.talk = talk;
    this.#keep({ talkKey: talk.key, talkMode: talk.mode });
  }

  /** `input`: "" is the system's choice. */
  async chooseInput(input: string, processing: boolean): Promise<void> {
    this.#keep({ input, processing });
    await this.telling.attempt(() => this.voice.chooseInput(input === "" ? undefined : input, processing));
  }

  async chooseOutput(output: string): Promise<void> {
    this.#keep({ output });
    await this.telling.attempt(() => this.voice.chooseOutput(output));
  }

  #keep(changes: Parameters<Kept["change"]>[0]): void {
    void this.telling.attempt(async () => this.kept.change(changes));
  }

  // What happens

  #seeLink(): void {
    const { is } = this.radio.state;
    this.link = is === "connected" ? "connected" : is === "ended" ? "superseded" : "lost";
  }

  #seeVoice(): void {
    this.audible = this.voice.audible;
    this.microphoneMuted = this.voice.microphoneOpen && this.voice.microphoneMuted;
  }
}
