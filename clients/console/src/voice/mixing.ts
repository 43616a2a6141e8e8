/** Adds up what several talkers say: volume, pan, mute, and a ceiling that many voices at once do not crackle at. */
import type { Channel } from "../radio/voice";

/** Of the left and the right ear, 0 to 1. */
export interface Gains {
  readonly left: number;
  readonly right: number;
}

export const FULL: Channel = { volume: 1, pan: 0, muted: false };
const SILENT: Gains = { left: 0, right: 0 };
const KNEE = 0.7;

/** Equal power: a voice is as loud at the side as in the middle. */
export function gainsOf({ volume, pan, muted }: Channel): Gains {
  if (muted) return SILENT;
  const angle = ((clamp(pan, -1, 1) + 1) * Math.PI) / 4;
  const loudness = clamp(volume, 0, 1);
  return { left: loudness * Math.cos(angle), right: loudness * Math.sin(angle) };
}

/** Adds `voice` to both ears. The gains glide from `from` to `to`: a jump would click. */
export function add(left: Float32Array, right: Float32Array, voice: Float32Array, from: Gains, to: Gains): void {
  const leftStep = (to.left - from.left) / voice.length;
  const rightStep = (to.right - from.right) / voice.length;
  for (let n = 0; n < voice.length; n += 1) {
    left[n]! += voice[n]! * (from.left + leftStep * n);
    right[n]! += voice[n]! * (from.right + rightStep * n);
  }
}

/** Bends what is louder than KNEE towards 1, which it never reaches; leaves the rest as it is. */
export function limit(sound: Float32Array): void {
  for (let n = 0; n < sound.length; n += 1) {
    const level = Math.abs(sound[n]!);
    if (level > KNEE) sound[n] = Math.sign(sound[n]!) * (KNEE + (1 - KNEE) * Math.tanh((level - KNEE) / (1 - KNEE)));
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
