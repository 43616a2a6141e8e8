/**
 * Reads the first octets of an Opus packet (RFC 6716 §3), and makes the one that stands for a lost frame.
 *
 *     0 1 2 3 4 5 6 7
 *    +-+-+-+-+-+-+-+-+
 *    | config  |s| c |   TOC byte: config = mode, bandwidth and frame size; s = stereo; c = frames
 *    +-+-+-+-+-+-+-+-+
 */

export const MAX_PACKET_MS = 120; // RFC 6716 §3.2.5 [R5]

// RFC 6716 §3.1, table 2
const SILK_FRAMES_MS = [10, 20, 40, 60];
const HYBRID_FRAMES_MS = [10, 20];
const CELT_FRAMES_MS = [2.5, 5, 10, 20];
const FRAME_MS = [
  ...[SILK_FRAMES_MS, SILK_FRAMES_MS, SILK_FRAMES_MS].flat(),
  ...[HYBRID_FRAMES_MS, HYBRID_FRAMES_MS].flat(),
  ...[CELT_FRAMES_MS, CELT_FRAMES_MS, CELT_FRAMES_MS, CELT_FRAMES_MS].flat(),
];
const FIRST_HYBRID = 12;
const FIRST_CELT = 16;
const STEREO = 4;

/** Milliseconds of sound in a packet, a multiple of 2.5 (RFC 6716 §3.1, §3.2); undefined if it is not Opus. */
export function packetDurationMs(packet: Uint8Array): number | undefined {
  const toc = packet[0];
  if (toc === undefined) return undefined;
  const durationMs = FRAME_MS[toc >> 3]! * frameCount(toc, packet[1]);
  return durationMs > 0 && durationMs <= MAX_PACKET_MS ? durationMs : undefined;
}

/**
 * Packets of one frame of length zero, `durationMs` in all, in the mode of the packet that starts with `toc`. Such a frame
 * is a lost one (RFC 6716 §4), so the decoder guesses, fading out when repeated: the way to ask WebCodecs for concealment.
 */
export function lostFrames(toc: number, durationMs: number): LostFrame[] {
  const frames: LostFrame[] = [];
  for (let missingMs = durationMs; missingMs > 0;) {
    const config = longestConfig(toc >> 3, missingMs);
    if (config === undefined) break;
    frames.push({ packet: Uint8Array.of((config << 3) | (toc & STEREO)), durationMs: FRAME_MS[config]! });
    missingMs -= FRAME_MS[config]!;
  }
  return frames;
}

export interface LostFrame {
  readonly packet: Uint8Array<ArrayBuffer>;
  readonly durationMs: number;
}

/** Of the same mode and bandwidth. A long frame would conceal more than is known to be lost, so 20 ms is the longest. */
function longestConfig(config: number, limitMs: number): number | undefined {
  const first = config >= FIRST_HYBRID && config < FIRST_CELT ? config & ~1 : config & ~3;
  const size = config >= FIRST_HYBRID && config < FIRST_CELT ? 2 : 4;
  const fitting = Array.from({ length: size }, (_, n) => first + n).filter(
    (candidate) => FRAME_MS[candidate]! <= Math.min(limitMs, 20),
  );
  return fitting.at(-1);
}

function frameCount(toc: number, second: number | undefined): number {
  const code = toc & 3;
  if (code < 3) return code === 0 ? 1 : 2;
  return second === undefined ? 0 : second & 0x3f;
}
