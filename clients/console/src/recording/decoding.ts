/** The sound of a recorded burst: its frames decoded, each at its place; what was lost on the way is silence. */

import type { RecordedFrame } from "./burstFile";

export const SAMPLE_RATE_HZ = 48_000;
const MICROSECONDS_PER_SAMPLE = 1e6 / SAMPLE_RATE_HZ;

interface Piece {
  readonly at: number;
  readonly samples: Float32Array;
}

/** Mono samples at 48 kHz. Throws what WebCodecs throws for a frame that is no Opus. */
export async function decoded(frames: readonly RecordedFrame[]): Promise<Float32Array> {
  const pieces: Piece[] = [];
  let failure: DOMException | undefined;
  const decoder = new AudioDecoder({
    output: (data) => pieces.push(pieceOf(data)),
    error: (error) => (failure = error),
  });
  decoder.configure({ codec: "opus", sampleRate: SAMPLE_RATE_HZ, numberOfChannels: 1 });
  for (const { timestamp, opus } of frames) {
    if (failure !== undefined) throw failure;
    decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: timestamp * MICROSECONDS_PER_SAMPLE, data: opus }));
  }
  await decoder.flush();
  decoder.close();
  return placed(pieces);
}

function pieceOf(data: AudioData): Piece {
  const samples = new Float32Array(data.numberOfFrames);
  data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
  const at = Math.round(data.timestamp / MICROSECONDS_PER_SAMPLE);
  data.close();
  return { at, samples };
}

function placed(pieces: readonly Piece[]): Float32Array {
  const length = pieces.reduce((most, { at, samples }) => Math.max(most, at + samples.length), 0);
  const whole = new Float32Array(length);
  for (const { at, samples } of pieces) whole.set(samples, at);
  return whole;
}
