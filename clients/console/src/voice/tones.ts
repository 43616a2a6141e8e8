/** The short sounds of the radio itself, made by oscillators: no files to fetch. */
import type { Voice } from "../radio/voice";

export type Signal = Parameters<Voice["play"]>[0];

/** A sine of `hz`, from `atMs` after the start, for `forMs`. */
export interface Tone {
  readonly hz: number;
  readonly atMs: number;
  readonly forMs: number;
}

/** Rising: you may. Falling and low: you may not, it is over. Fast and two-toned: somebody is in danger. */
export const SIGNALS: Readonly<Record<Signal, readonly Tone[]>> = {
  granted: [
    { hz: 880, atMs: 0, forMs: 60 },
    { hz: 1320, atMs: 70, forMs: 60 },
  ],
  denied: [0, 160, 320].map((atMs) => ({ hz: 330, atMs, forMs: 110 })),
  released: [{ hz: 660, atMs: 0, forMs: 80 }],
  alert: [0, 1, 2, 3, 4, 5, 6, 7].map((n) => ({ hz: n % 2 ? 1300 : 960, atMs: n * 180, forMs: 170 })),
  call: [0, 600].flatMap((atMs) => [
    { hz: 784, atMs, forMs: 180 },
    { hz: 988, atMs: atMs + 200, forMs: 180 },
  ]),
};

const LEVEL = 0.25;
const EDGE_S = 0.006; // without a soft start and end, a tone clicks

/** Plays a signal into `output`, as soon as the context runs. */
export function sound(context: BaseAudioContext, output: AudioNode, signal: Signal): void {
  for (const tone of SIGNALS[signal]) {
    const start = context.currentTime + tone.atMs / 1000;
    const end = start + tone.forMs / 1000;
    const oscillator = new OscillatorNode(context, { frequency: tone.hz });
    const envelope = new GainNode(context, { gain: 0 });
    envelope.gain.setValueAtTime(0, start);
    envelope.gain.linearRampToValueAtTime(LEVEL, start + EDGE_S);
    envelope.gain.setValueAtTime(LEVEL, end - EDGE_S);
    envelope.gain.linearRampToValueAtTime(0, end);
    oscillator.connect(envelope).connect(output);
    oscillator.start(start);
    oscillator.stop(end);
  }
}
