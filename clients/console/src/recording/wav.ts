/** WAV files (RIFF, PCM 16 bit, mono) of what was heard, and what a waveform draws. */

import type { Bytes } from "./bytes";

const HEAD_BYTES = 44;
const SAMPLE_BYTES = 2;

/** `samples`: -1 to 1; what is louder is clipped. */
export function wavFile(samples: Float32Array, sampleRateHz: number): Bytes {
  const bytes = samples.length * SAMPLE_BYTES;
  const view = new DataView(new ArrayBuffer(HEAD_BYTES + bytes));
  const word = (at: number, letters: string) =>
    [...letters].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, HEAD_BYTES - 8 + bytes, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of the format
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, sampleRateHz, true);
  view.setUint32(28, sampleRateHz * SAMPLE_BYTES, true);
  view.setUint16(32, SAMPLE_BYTES, true);
  view.setUint16(34, 8 * SAMPLE_BYTES, true);
  word(36, "data");
  view.setUint32(40, bytes, true);
  samples.forEach((sample, index) => {
    const clipped = Math.max(-1, Math.min(1, sample));
    view.setInt16(HEAD_BYTES + index * SAMPLE_BYTES, Math.round(clipped * 32_767), true);
  });
  return new Uint8Array(view.buffer);
}

/** The loudest sample of each of `columns` equal parts. */
export function peaks(samples: Float32Array, columns: number): Float32Array {
  const found = new Float32Array(columns);
  const edge = (column: number) => Math.floor((column * samples.length) / columns);
  for (let column = 0; column < columns; column++) {
    for (let at = edge(column); at < edge(column + 1); at++) {
      found[column] = Math.max(found[column]!, Math.abs(samples[at]!));
    }
  }
  return found;
}
