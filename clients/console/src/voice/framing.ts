/** Cuts the microphone's sound, which comes in pieces of any length, into frames for the encoder. */
export class Framer {
  private frame: Float32Array<ArrayBuffer>;
  private filled = 0;

  constructor(readonly frameSamples: number) {
    this.frame = new Float32Array(frameSamples);
  }

  /** Samples that wait for the rest of their frame. */
  get waiting(): number {
    return this.filled;
  }

  /** The frames that `samples` complete; each is the caller's own. */
  push(samples: Float32Array): Float32Array<ArrayBuffer>[] {
    const complete: Float32Array<ArrayBuffer>[] = [];
    for (let at = 0; at < samples.length;) {
      const taken = Math.min(samples.length - at, this.frameSamples - this.filled);
      this.frame.set(samples.subarray(at, at + taken), this.filled);
      this.filled += taken;
      at += taken;
      if (this.filled === this.frameSamples) complete.push(this.next());
    }
    return complete;
  }

  /** The last frame, filled up with silence; undefined if no sample waits. */
  rest(): Float32Array<ArrayBuffer> | undefined {
    return this.filled > 0 ? this.next() : undefined;
  }

  private next(): Float32Array<ArrayBuffer> {
    const complete = this.frame;
    this.frame = new Float32Array(this.frameSamples);
    this.filled = 0;
    return complete;
  }
}
