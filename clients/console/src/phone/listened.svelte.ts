/** Whether a dispatcher hears this phone's microphone, and who: it is open then, and shown in every room. */
import type { Listened as ListenedNow } from "../radio/ambient";
import type { Radio } from "../radio/radio";
import { faultOf } from "./faults";
import type { Sound } from "./sound.svelte";
import type { ListenedShown } from "./view";

/** Until when the microphone may be heard, UTC milliseconds: found by the page that is opened after this one. */
const KEPT_AS = "phone heard until";

export class Listened {
  /** Somebody listened when this page was opened anew, which ended it: the user may count on being heard. */
  isCutOff = $state(false);
  #now = $state.raw<ListenedNow>();
  readonly #radio: Radio;
  readonly #sound: Sound;
  readonly #stop: () => void;

  constructor(radio: Radio, sound: Sound) {
    this.isCutOff = Number(sessionStorage.getItem(KEPT_AS)) > Date.now();
    sessionStorage.removeItem(KEPT_AS);
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

  #read(): void {
    const { isOpen, shown } = this.#radio.ambient;
    if (shown !== undefined && this.#now === undefined) navigator.vibrate?.([200, 100, 200]);
    if (shown !== undefined) this.isCutOff = false;
    this.#now = shown;
    if (this.shown === undefined) sessionStorage.removeItem(KEPT_AS);
    else sessionStorage.setItem(KEPT_AS, String(this.shown.until_ms));
    void this.#sound.keepOpen(isOpen);
  }
}
