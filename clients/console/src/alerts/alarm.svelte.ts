/** The sound of an unanswered alert: again and again, as soon as the browser lets the page be heard. */
import { createSubscriber } from "svelte/reactivity";
import type { Voice } from "../radio/voice";

const AGAIN_AFTER_MS = 2000; // the signal itself lasts 1.4 s

/** A voice that knows whether it can be heard, as that of a browser does. */
interface Audible {
  readonly audible: boolean;
  listen(callback: () => void): () => void;
}

export class Alarm {
  readonly #voice: Voice & Partial<Audible>;
  readonly #listen: () => void;
  #ringing: ReturnType<typeof setInterval> | undefined;

  constructor(voice: Voice & Partial<Audible>) {
    this.#voice = voice;
    this.#listen = createSubscriber((update) => voice.listen?.(update));
  }

  /** The browser plays nothing before the page was pressed. */
  get isBlocked(): boolean {
    this.#listen();
    return this.#voice.audible === false;
  }

  ring(on: boolean): void {
    clearInterval(this.#ringing);
    this.#ringing = undefined;
    if (!on) return;
    this.again();
    this.#ringing = setInterval(() => this.again(), AGAIN_AFTER_MS);
  }

  again(): void {
    this.#voice.play("alert");
  }
}
