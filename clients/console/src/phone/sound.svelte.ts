/** Microphone and loudspeaker of the phone: what is wrong with them, which are used, and when the microphone is open. */
import type { Fault } from "../texts/errors";
import { BrowserVoice } from "../voice/browser_voice";
import { MicrophoneError } from "../radio/voice";
import { faultOf } from "./faults";
import type { Kept } from "./kept.svelte";

export interface Device {
  readonly id: string;
  readonly name: string;
}

export class Sound {
  /** Why one cannot be heard. */
  fault = $state.raw<Fault>();
  /** The browser wants a touch before anything sounds. */
  audible = $state(true);
  /** The system or the headset has muted the microphone. */
  muted = $state(false);
  inputs = $state.raw<readonly Device[]>([]);
  outputs = $state.raw<readonly Device[]>([]);
  readonly #kept: Kept;
  #isNeeded = false;
  #isHeard = false;

  private constructor(
    readonly voice: BrowserVoice,
    kept: Kept,
  ) {
    this.#kept = kept;
    voice.listen(() => this.#read());
    this.#read();
  }

  /** Throws VoiceUnsupported. */
  static async open(kept: Kept): Promise<Sound> {
    const { input } = kept.choices;
    const voice = await BrowserVoice.open(input === "" ? {} : { input });
    const sound = new Sound(voice, kept);
    if (kept.choices.output !== "") await sound.chooseOutput(kept.choices.output);
    return sound;
  }

  #read(): void {
    this.audible = this.voice.audible;
    this.muted = this.voice.microphoneMuted;
    if (this.voice.microphoneOpen) this.fault = undefined;
  }

  /** On the radio and in sight: the microphone is opened before the first press, if the user lets it. */
  async need(isNeeded: boolean): Promise<void> {
    this.#isNeeded = isNeeded;
    if (this.#isHeard) return;
    if (!isNeeded || !this.#kept.choices.warm) return this.voice.coolMicrophone();
    await this.#attempt(() => this.voice.warmMicrophone());
  }

  /** Somebody hears the microphone: it stays open also out of sight, and afterwards it is as the user has it. */
  async keepOpen(isHeard: boolean): Promise<void> {
    if (isHeard === this.#isHeard) return;
    this.#isHeard = isHeard;
    if (!isHeard) await this.need(this.#isNeeded);
  }

  async keepWarm(warm: boolean): Promise<void> {
    this.#kept.change({ warm });
    await this.need(this.#isNeeded);
  }

  failed(error: MicrophoneError): void {
    this.fault = faultOf(error);
  }

  async readDevices(): Promise<void> {
    const devices = await this.voice.devices();
    const named = (kind: MediaDeviceKind) =>
      devices
        .filter((device) => device.kind === kind && device.deviceId !== "" && device.deviceId !== "default")
        .map(({ deviceId, label }, index) => ({ id: deviceId, name: label || String(index + 1) }));
    this.inputs = named("audioinput");
    this.outputs = this.voice.canChooseOutput ? named("audiooutput") : [];
  }

  async chooseInput(input: string): Promise<void> {
    this.#kept.change({ input });
    await this.#attempt(() => this.voice.chooseInput(input === "" ? undefined : input));
  }

  /** One that is not there any more is as if it had not been chosen. */
  async chooseOutput(output: string): Promise<void> {
    try {
      await this.voice.chooseOutput(output);
      this.#kept.change({ output });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.#kept.change({ output: "" });
    }
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof MicrophoneError)) throw error;
      this.failed(error);
    }
  }
}
