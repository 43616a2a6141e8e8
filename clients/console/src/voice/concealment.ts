/** Guesses at sound that the decoder could not give at all: a damaged packet, or a decoder that conceals nothing. */

const FADE = 0.5; // per guess
const SILENT_AFTER = 6; // guesses in a row: 120 ms of 20 ms frames

/**
 * Plays the last frame that was heard backwards, forwards, backwards, softer each time, then is silent: so it goes on
 * from the last sample without a step. One for each talk burst.
 */
export class FadingRepeat {
  private last: Float32Array = new Float32Array(0);
  private guesses = 0;
  private place = 0;

  /** Sound that was decoded: what to repeat. */
  heard(samples: Float32Array): void {
    this.last = samples;
    this.guesses = 0;
    this.place = 0;
  }

  /** `count` samples in place of what is missing. */
  guess(count: number): Float32Array<ArrayBuffer> {
    const sound = new Float32Array(count);
    const before = FADE ** this.guesses;
    this.guesses += 1;
    if (this.last.length === 0 || this.guesses > SILENT_AFTER) return sound;
    const after = this.guesses === SILENT_AFTER ? 0 : FADE ** this.guesses;
    for (let n = 0; n < count; n += 1) sound[n] = this.next() * (before + ((after - before) * n) / count);
    return sound;
  }

  private next(): number {
    const around = this.place % (2 * this.last.length);
    this.place += 1;
    return this.last[around < this.last.length ? this.last.length - 1 - around : around - this.last.length]!;
  }
}
