/** Recordings as one WAV file: one burst, or a session with short pauses between its bursts. */

import type { Bytes } from "./bytes";
import { SAMPLE_RATE_HZ } from "./decoding";
import type { Recording } from "./library";
import { wavFile } from "./wav";

const PAUSE_S = 0.5;

export function wavOf(bursts: readonly Float32Array[]): Bytes {
  const pause = PAUSE_S * SAMPLE_RATE_HZ;
  const length = bursts.reduce((sum, burst) => sum + burst.length, 0) + pause * Math.max(0, bursts.length - 1);
  const whole = new Float32Array(length);
  let at = 0;
  for (const burst of bursts) {
    whole.set(burst, at);
    at += burst.length + pause;
  }
  return wavFile(whole, SAMPLE_RATE_HZ);
}

/** Of the first burst: time, group and who talks. */
export function wavName({ name, burst }: Recording): string {
  if (burst === null) return `${name}.wav`;
  const at = new Date(burst.about.startedMs).toISOString().slice(0, 19).replaceAll(":", "-");
  return `${at} ${burst.about.groupName} ${burst.about.talkerName}.wav`;
}
