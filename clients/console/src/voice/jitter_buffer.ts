/**
 * Puts the packets of one talk burst back in order and decides, frame by frame, what the listener hears next.
 *
 * Pure: `push` when a packet arrives, `pop` when the loudspeaker wants more sound. The handsets' buffer, less what
 * WebCodecs cannot do: it has no way to decode the coarse copy of a lost frame (FEC), so a lost frame is concealed.
 *
 * 1. A burst starts *buffering*: silence, until the first packet is due (media time + fastest transit + delay).
 *    That one rule gives a lone packet its full delay, and lets pre-roll, which arrives all at once, start now.
 * 2. Then it is *playing*: packet after packet at the pace of the loudspeaker; nothing is skipped to catch up.
 * 3. The next packet is missing and not yet overdue: conceal, and keep its place. The delay grows by what was
 *    concealed, so a buffer that was too short for this network cures itself.
 * 4. It is missing and overdue, and a later one is here: it is lost. Conceal it.
 * 5. After MAX_CONCEALED_MS in a row, guessing turns into noise: silence, and back to 1 with a new fastest path.
 */
import { ArrivalMeter } from "./arrival";
import { packetDurationMs } from "./opus_packet";
import { WrappingCounter } from "./wrapping";

export const INITIAL_DELAY_S = 0.06;
export const MAX_DELAY_S = 0.4;
export const CAPACITY_S = 3;
export const MAX_PACKETS = 600; // 3 s of 5 ms packets: bounds memory whatever the timestamps say
export const MAX_CONCEALED_MS = 120;
const CONCEALMENT_STEP_MS = 20; // while waiting, so that a packet of 60 ms waits for at most this
const REMEMBERED_PACKETS = 1024;
const OPUS_CLOCK_HZ = 48_000; // RFC 7587 §4.1

/** A voice packet as it came: RTP sequence number (16 bit), RTP timestamp (32 bit), plain Opus. */
export interface VoicePacket {
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Uint8Array;
}

/** `play`: decode `packet`. `conceal`: guess. `pause`: the talker sent nothing on purpose (DTX): silence. */
export type Step =
  | { readonly kind: "play"; readonly packet: VoicePacket; readonly durationMs: number }
  | { readonly kind: "conceal"; readonly durationMs: number }
  | { readonly kind: "pause"; readonly durationMs: number };

/**
 * Counts packets since the start of the burst. Always: received = played + late + duplicated + overflowed + malformed +
 * those still buffered. `lost` were given up at their time of playing (a few of them may then come, `late`).
 * `concealed` counts guessed frames, `restarts` the returns to buffering.
 */
export interface JitterStatistics {
  received: number;
  played: number;
  lost: number;
  late: number;
  duplicated: number;
  overflowed: number;
  malformed: number;
  concealed: number;
  restarts: number;
  jitterMs: number;
  delayMs: number;
}

interface Arrival {
  readonly packet: VoicePacket;
  readonly durationMs: number;
  readonly mediaS: number;
  readonly transitS: number;
}

/**
 * The packets of one talk burst (one SSRC). A listener may enter late, at any sequence and timestamp. `initialDelayS` is
 * held until the network has been measured: best the last burst's `targetDelayS`. Times are monotonic seconds.
 */
export class JitterBuffer {
  readonly statistics: JitterStatistics = {
    received: 0,
    played: 0,
    lost: 0,
    late: 0,
    duplicated: 0,
    overflowed: 0,
    malformed: 0,
    concealed: 0,
    restarts: 0,
    jitterMs: 0,
    delayMs: 0,
  };
  private readonly meter: ArrivalMeter;
  private readonly waiting = new Map<number, Arrival>(); // by sequence number, unwrapped
  private readonly played = new Set<number>(); // in order of playing
  private readonly sequences = new WrappingCounter(16);
  private readonly timestamps = new WrappingCounter(32);
  private next: number | undefined; // sequence number that is to be played, from the first start on
  private nextMediaS = 0;
  private frameMs = CONCEALMENT_STEP_MS;
  private concealedMs = 0;
  private buffering = true;
  private ended = false;

  constructor(initialDelayS = INITIAL_DELAY_S, maxDelayS = MAX_DELAY_S) {
    this.meter = new ArrivalMeter(initialDelayS, maxDelayS);
  }

  /** Takes in a packet whose payload is plain Opus. Never throws: what it cannot use, it counts. */
  push(now: number, packet: VoicePacket): void {
    this.statistics.received += 1;
    const durationMs = packetDurationMs(packet.payload);
    if (durationMs === undefined) this.statistics.malformed += 1;
    else this.take(now, packet, durationMs);
  }

  /** What to hear next; undefined is silence. Ask when the last sound is used up, or each tick of silence. */
  pop(now: number): Step | undefined {
    const head = this.head();
    if (this.buffering) {
      if (head === undefined || now < this.dueS(this.waiting.get(head)!.mediaS)) return undefined;
      return this.play(now, head);
    }
    if (head !== undefined && head === this.next) return this.pauseBefore(head) ?? this.play(now, head);
    if (head === undefined && this.ended) return undefined;
    if (this.concealedMs >= MAX_CONCEALED_MS) return this.restart(now);
    if (head === undefined || now < this.dueS(this.nextMediaS))
      return this.conceal(Math.min(this.frameMs, CONCEALMENT_STEP_MS));
    return this.giveUp();
  }

  /** The talker has released the floor: conceal nothing after the last packet. Stragglers still play. */
  end(): void {
    this.ended = true;
  }

  /** Whether the burst has ended and everything of it has been popped. */
  get drained(): boolean {
    return this.ended && this.waiting.size === 0;
  }

  get bufferedPackets(): number {
    return this.waiting.size;
  }

  /** The delay that the jitter measured so far asks for. */
  get targetDelayS(): number {
    return this.meter.delayS(this.frameMs / 1000);
  }

  private head(): number | undefined {
    return this.waiting.size === 0 ? undefined : Math.min(...this.waiting.keys());
  }

  private take(now: number, packet: VoicePacket, durationMs: number): void {
    const sequence = this.sequences.follow(packet.sequence);
    const mediaS = this.timestamps.follow(packet.timestamp) / OPUS_CLOCK_HZ;
    const overtaken = this.next !== undefined && sequence < this.next;
    if (this.waiting.has(sequence) || (overtaken && this.played.has(sequence))) {
      this.statistics.duplicated += 1;
      return;
    }
    this.meter.observe(now, mediaS); // late packets too: they are why the delay must grow
    this.statistics.jitterMs = 1000 * this.meter.jitterS;
    if (overtaken) {
      this.statistics.late += 1;
      return;
    }
    this.waiting.set(sequence, { packet, durationMs, mediaS, transitS: now - mediaS });
    this.dropOverflow();
  }

  private play(now: number, sequence: number): Step {
    const arrival = this.waiting.get(sequence)!;
    this.waiting.delete(sequence);
    this.skipTo(sequence);
    this.advance(sequence, arrival);
    this.remember(sequence);
    this.buffering = false;
    this.concealedMs = 0;
    this.frameMs = arrival.durationMs;
    this.statistics.played += 1;
    this.statistics.delayMs = 1000 * this.meter.lagS(now, arrival.mediaS);
    return { kind: "play", packet: arrival.packet, durationMs: arrival.durationMs };
  }

  /** With DTX the timestamp jumps and the sequence number does not. */
  private pauseBefore(sequence: number): Step | undefined {
    const concealedS = this.concealedMs / 1000; // while waiting, part of the pause went by
    const pauseS = this.waiting.get(sequence)!.mediaS - this.nextMediaS - concealedS;
    if (pauseS < this.frameMs / 2000) return undefined; // half a frame: no encoder pauses for less than one
    this.nextMediaS += pauseS;
    return { kind: "pause", durationMs: 1000 * Math.min(pauseS, CAPACITY_S) };
  }

  private giveUp(): Step {
    this.statistics.lost += 1;
    this.next! += 1;
    this.nextMediaS += this.frameMs / 1000;
    return this.conceal(this.frameMs);
  }

  private conceal(durationMs: number): Step {
    this.statistics.concealed += 1;
    this.concealedMs += durationMs;
    return { kind: "conceal", durationMs };
  }

  private restart(now: number): Step | undefined {
    this.statistics.restarts += 1;
    this.buffering = true;
    this.concealedMs = 0;
    this.meter.restart([...this.waiting.values()].map((arrival) => arrival.transitS));
    return this.pop(now);
  }

  private dueS(mediaS: number): number {
    return this.meter.dueS(mediaS, this.frameMs / 1000);
  }

  private dropOverflow(): void {
    while (this.waiting.size > MAX_PACKETS || this.spanS() > CAPACITY_S) {
      const oldest = this.head()!;
      this.skipTo(oldest);
      this.advance(oldest, this.waiting.get(oldest)!);
      this.waiting.delete(oldest);
      this.statistics.overflowed += 1;
    }
  }

  private spanS(): number {
    const first = this.waiting.get(this.head()!)!;
    const last = this.waiting.get(Math.max(...this.waiting.keys()))!;
    return endS(last) - first.mediaS;
  }

  private skipTo(sequence: number): void {
    if (this.next !== undefined) this.statistics.lost += sequence - this.next;
  }

  private advance(sequence: number, arrival: Arrival): void {
    this.next = sequence + 1;
    this.nextMediaS = endS(arrival);
  }

  private remember(sequence: number): void {
    this.played.add(sequence);
    if (this.played.size > REMEMBERED_PACKETS) this.played.delete(this.played.values().next().value!);
  }
}

function endS(arrival: Arrival): number {
  return arrival.mediaS + arrival.durationMs / 1000;
}
