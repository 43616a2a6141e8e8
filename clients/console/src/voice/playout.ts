/** Turns the packets of one talk burst into sound: jitter buffer, decoder, and the queue between them. */
import { INITIAL_DELAY_S, JitterBuffer, type JitterStatistics, type Step, type VoicePacket } from "./jitter_buffer";
import { SoundQueue, type Place } from "./sound_queue";

export const RATE_HZ = 48_000;
const STRAGGLERS_S = 0.2; // packets that were overtaken by the news that the burst ended
const BEHIND_S = 0.1; // beyond what the network needs: from here on, pauses are shortened
const SHORTEN_EVERY_S = 0.04;
const QUIET = 0.003; // -50 dBFS

/** Decodes one talk burst; puts the sound into the places, later and in order. Fills every place, come what may. */
export interface Decoder {
  readonly undecodable: number;
  decode(packet: Uint8Array, durationMs: number, place: Place): void;
  /** Reserves its places itself: a guess may be made of several frames. */
  conceal(durationMs: number, queue: SoundQueue): void;
  close(): void;
}

/** Call `prepare`, and `pull` when it is `ready`, for each block of sound; drop the burst when it is `finished`. */
export class Playout {
  /** Blocks that were pulled before the decoder was done. */
  unready = 0;
  private readonly buffer: JitterBuffer;
  private readonly queue = new SoundQueue();
  private endedAt: number | undefined;
  private shortenedAt = -Infinity;
  private shortenedMs = 0;

  constructor(
    private readonly decoder: Decoder,
    initialDelayS = INITIAL_DELAY_S,
  ) {
    this.buffer = new JitterBuffer(initialDelayS);
  }

  /** Takes in a packet at monotonic second `now`. Never throws for what a peer sent. */
  push(now: number, packet: VoicePacket): void {
    this.buffer.push(now, packet);
  }

  /** Has `count` samples decoded, as far as there are any. */
  prepare(now: number, count: number): void {
    do {
      while (this.queue.length < count) {
        const step = this.buffer.pop(now);
        if (step === undefined) return;
        this.make(step);
      }
    } while (this.shortenPause(now));
  }

  /** Whether `pull` would get all that was prepared. */
  ready(count: number): boolean {
    return this.queue.ready(count);
  }

  /** The next sound, silence where there is none. */
  pull(block: Float32Array): void {
    if (!this.queue.ready(block.length)) this.unready += 1;
    block.fill(0, this.queue.take(block));
  }

  /** The talker has released the floor; what is buffered is played to its end. */
  end(now: number): void {
    this.endedAt ??= now;
    this.buffer.end();
  }

  /** Whether the burst has ended and all of it has been pulled. */
  finished(now: number): boolean {
    if (this.endedAt === undefined || now < this.endedAt + STRAGGLERS_S) return false;
    return this.buffer.drained && this.queue.length === 0;
  }

  /** `shortenedMs`: pauses that were left out to catch up. */
  get statistics(): JitterStatistics & { undecodable: number; unready: number; shortenedMs: number } {
    const { unready, shortenedMs } = this;
    return { ...this.buffer.statistics, undecodable: this.decoder.undecodable, unready, shortenedMs };
  }

  /** The delay that this network needs: a good `initialDelayS` for the next burst. */
  get targetDelayS(): number {
    return this.buffer.targetDelayS;
  }

  close(): void {
    this.decoder.close();
  }

  /**
   * Speech from before the grant, a stall of the network or of this machine leave the listener behind for the rest of the
   * burst. One quiet piece in three is left out until that is made up for: words keep their length.
   */
  private shortenPause(now: number): boolean {
    const behindS = this.buffer.statistics.delayMs / 1000 - this.buffer.targetDelayS;
    if (behindS < BEHIND_S || now - this.shortenedAt < SHORTEN_EVERY_S) return false;
    const dropped = this.queue.dropQuiet(QUIET);
    if (dropped === 0) return false;
    this.shortenedAt = now;
    this.shortenedMs += (dropped * 1000) / RATE_HZ;
    return true;
  }

  private make(step: Step): void {
    const count = Math.round((step.durationMs * RATE_HZ) / 1000);
    if (step.kind === "play") this.decoder.decode(step.packet.payload, step.durationMs, this.queue.reserve(count));
    else if (step.kind === "conceal") this.decoder.conceal(step.durationMs, this.queue);
    else this.queue.reserve(count).sound = new Float32Array(count);
  }
}
