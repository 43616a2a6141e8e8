/** Plays recordings: one, or one after the other. */

import { SAMPLE_RATE_HZ } from "./decoding";

const TICK_MS = 100;

export interface Played {
  readonly name: string;
  /** Seconds into it, and its length. */
  readonly atS: number;
  readonly lengthS: number;
}

export class Player {
  /** What is being played. */
  now = $state.raw<Played>();
  /** The name of a recording that could not be played. */
  failed = $state<string>();
  readonly #sound: (name: string) => Promise<Float32Array>;
  #context: AudioContext | undefined;
  #source: AudioBufferSourceNode | undefined;
  #turn = 0;

  /** `sound`: mono samples at 48 kHz; what it rejects with ends the playing. */
  constructor(sound: (name: string) => Promise<Float32Array>) {
    this.#sound = sound;
  }

  /** From `startS` in the first on; one after the other. Resolves when all is played, or it was stopped. */
  async play(names: readonly string[], startS = 0): Promise<void> {
    this.stop();
    const turn = this.#turn;
    this.failed = undefined;
    for (const [index, name] of names.entries()) {
      try {
        const samples = await this.#sound(name);
        if (turn === this.#turn) await this.#playOne(name, samples, index === 0 ? startS : 0, turn);
      } catch {
        if (turn === this.#turn) this.failed = name; // the rest of the session is worth hearing all the same
      }
      if (turn !== this.#turn) return;
    }
    this.now = undefined;
  }

  stop(): void {
    this.#turn += 1;
    this.#source?.stop();
    this.now = undefined;
  }

  async close(): Promise<void> {
    this.stop();
    await this.#context?.close();
    this.#context = undefined;
  }

  async #playOne(name: string, samples: Float32Array, startS: number, turn: number): Promise<void> {
    const lengthS = samples.length / SAMPLE_RATE_HZ;
    if (lengthS === 0) return;
    const context = (this.#context ??= new AudioContext());
    await context.resume();
    if (turn !== this.#turn) return;
    const buffer = context.createBuffer(1, samples.length, SAMPLE_RATE_HZ);
    buffer.copyToChannel(new Float32Array(samples), 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    const begun = context.currentTime - startS;
    const show = () => {
      if (turn === this.#turn) this.now = { name, atS: Math.min(context.currentTime - begun, lengthS), lengthS };
    };
    const ticking = setInterval(show, TICK_MS);
    await new Promise<void>((resolve) => {
      source.onended = () => resolve();
      this.#source = source;
      source.start(0, Math.min(startS, lengthS));
      show();
    });
    clearInterval(ticking);
  }
}
