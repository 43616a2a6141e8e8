/**
 * Changes the sample rate of a stream of mono sound, piece by piece: sound cards run at 44.1, 48 or 16 kHz, Opus at 48.
 *
 * A windowed sinc, tabulated: for each output sample the kernel is laid over the input at the exact place, the table
 * read between its entries. The cut-off is just under the lower of the two Nyquist frequencies.
 */

const ZERO_CROSSINGS = 16; // on each side; of the lower rate
const STEPS = 256; // table entries per zero crossing
const ROLL_OFF = 0.92;

export class Resampler {
  private readonly step: number; // input samples per output sample
  private readonly reach: number; // input samples on each side of the kernel's middle
  private readonly scale: number;
  private input: Float32Array;
  private at: number; // place of the next output sample in `input`

  constructor(
    readonly fromHz: number,
    readonly toHz: number,
  ) {
    this.step = fromHz / toHz;
    this.scale = Math.min(1, toHz / fromHz) * ROLL_OFF;
    this.reach = Math.ceil(ZERO_CROSSINGS / this.scale);
    this.input = new Float32Array(this.reach); // silence before the first sample
    this.at = this.reach;
  }

  /** Seconds of input that the output lags behind. `flush` fetches them. */
  get latencyS(): number {
    return this.fromHz === this.toHz ? 0 : this.reach / this.fromHz;
  }

  /** What `samples` give; equal rates give them back. Over time toHz/fromHz times as many samples come out. */
  push(samples: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    if (this.fromHz === this.toHz) return samples;
    const input = new Float32Array(this.input.length + samples.length);
    input.set(this.input);
    input.set(samples, this.input.length);
    const count = Math.max(0, Math.ceil((input.length - this.reach - this.at) / this.step));
    const output = new Float32Array(count);
    for (let n = 0; n < count; n += 1) output[n] = this.sample(input, this.at + n * this.step);
    this.at += count * this.step;
    const used = Math.max(0, Math.floor(this.at) - this.reach);
    this.input = input.subarray(used);
    this.at -= used;
    return output;
  }

  /** The rest, as if silence followed. */
  flush(): Float32Array<ArrayBuffer> {
    return this.fromHz === this.toHz ? new Float32Array(0) : this.push(new Float32Array(this.reach));
  }

  private sample(input: Float32Array, place: number): number {
    const middle = Math.floor(place);
    let sum = 0;
    for (let k = middle - this.reach + 1; k <= middle + this.reach; k += 1)
      sum += (input[k] ?? 0) * kernel(Math.abs(k - place) * this.scale);
    return sum * this.scale;
  }
}

const TABLE = Float32Array.from({ length: ZERO_CROSSINGS * STEPS + 2 }, (_, n) => windowedSinc(n / STEPS));

function kernel(distance: number): number {
  if (distance >= ZERO_CROSSINGS) return 0;
  const place = distance * STEPS;
  const entry = Math.floor(place);
  return TABLE[entry]! + (TABLE[entry + 1]! - TABLE[entry]!) * (place - entry);
}

function windowedSinc(x: number): number {
  if (x === 0) return 1;
  if (x >= ZERO_CROSSINGS) return 0;
  const sinc = Math.sin(Math.PI * x) / (Math.PI * x);
  return (
    sinc * (0.42 + 0.5 * Math.cos((Math.PI * x) / ZERO_CROSSINGS) + 0.08 * Math.cos((2 * Math.PI * x) / ZERO_CROSSINGS))
  );
}
