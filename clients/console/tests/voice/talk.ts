/** Voice packets and their times of arrival, for tests in simulated time. */
import type { JitterBuffer, Step, VoicePacket } from "../../src/voice/jitter_buffer";

export const TICK_S = 0.02;
export const SILK_20_MS = 9 << 3;
export const SILK_60_MS = 11 << 3;

export interface Arrival {
  readonly at: number;
  readonly packet: VoicePacket;
}

export interface Heard {
  readonly now: number;
  readonly step: Step | undefined;
}

export function packet(number: number, { sequence = number, framesLate = 0 } = {}): VoicePacket {
  const timestamp = ((number + framesLate) * 960) % 2 ** 32;
  return { sequence: sequence & 0xffff, timestamp, payload: Uint8Array.of(SILK_20_MS, 0x80, number & 0xff) };
}

export function range(from: number, until: number): number[] {
  return Array.from({ length: until - from }, (_, n) => from + n);
}

export function steady(numbers: number[], start = 0): Arrival[] {
  return numbers.map((n) => ({ at: start + n * TICK_S, packet: packet(n) }));
}

/** The loudspeaker wants the next sound when the last is used up. */
export function play(buffer: JitterBuffer, arrivals: Arrival[], until: number, start = 0.001): Heard[] {
  const coming = arrivals.toSorted((a, b) => a.at - b.at);
  const heard: Heard[] = [];
  for (let now = start; now < until;) {
    while (coming.length > 0 && coming[0]!.at <= now) {
      const { at, packet } = coming.shift()!;
      buffer.push(at, packet);
    }
    const step = buffer.pop(now);
    heard.push({ now, step });
    now += step === undefined ? TICK_S : step.durationMs / 1000;
  }
  return heard;
}

export function numbersOf(heard: Heard[]): number[] {
  return heard.flatMap(({ step }) => (step?.kind === "play" ? [step.packet.sequence] : []));
}

/** One letter per step: p(lay), c(onceal), s(ilence of the talker), and . for silence. */
export function shapeOf(heard: Heard[]): string {
  return heard.map(({ step }) => ({ play: "p", conceal: "c", pause: "s" })[step?.kind as string] ?? ".").join("");
}

/** Numbers from 0 to 1, the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
}
