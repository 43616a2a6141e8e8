/** Whether a dispatcher hears this phone's microphone, and who: it is open then, and shown in every room. */
import type { Listened as ListenedNow } from "../radio/ambient";
import type { Radio } from "../radio/radio";
import { faultOf } from "./faults";
import type { Sound } from "./sound.svelte";
import type { ListenedShown } from "./view";

export class Listened {
  #isCutOff = $state(false);
  #now = $state.raw<ListenedNow>();
  readonly #radio: Radio;
  readonly #sound: Sound;
  readonly #stop: () => void;

  constructor(radio: Radio, sound: Sound) {
    this.#radio = radio;
    this.#sound = sound;
    radio.ambient.microphone = () => sound.voice.warmMicrophone();
    this.#stop = radio.ambient.listen(() => this.#read());
    this.#read();
  }

  close(): void {
    this.#stop();
    this.#radio.ambient.microphone = undefined;
    void this.#sound.keepOpen(false);
  }

  get shown(): ListenedShown | undefined {
    if (this.#now === undefined) return undefined;
    const { listeners, endsAt, error } = this.#now;
    return {
      names: listeners.map(({ name }) => name),
      until_ms: Date.now() + 1000 * (endsAt - this.#radio.now()),
      ...(error === undefined ? {} : { fault: faultOf(error) }),
    };
  }

  /** Somebody listened until this page was opened anew: the user may count on being heard. */
  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  /** The user knows. */
  seen(): void {
    this.#radio.ambient.isCutOff = this.#isCutOff = false;
  }

  #read(): void {
    const { isOpen, shown } = this.#radio.ambient;
    if (shown !== undefined && this.#now === undefined) navigator.vibrate?.([200, 100, 200]);
    this.#isCutOff = this.#radio.ambient.isCutOff;
    this.#now = shown;
    void this.#sound.keepOpen(isOpen);
  }
}
