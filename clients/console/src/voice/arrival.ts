/**
 * Measures how unevenly the packets of a talk burst arrive, and how long to hold them back because of it.
 *
 * Pure. The transit of a packet is its arrival time less its media time: sender and receiver share no clock, so only
 * differences of transits mean something. A packet's *excess* is its transit less the smallest one seen so far.
 *
 * Speech recorded before the grant is sent at once: each packet of that burst has the smallest transit so far, so its
 * excess is 0. That is why pre-roll does not look like jitter here, while the end of a network stall does.
 */

// Ours: 100 packets are 2 s at 20 ms, long enough to meet the slow ones, short enough to forget a bad cell
export const WINDOW_PACKETS = 100;
const PERCENTILE = 0.95;

/**
 * Feed `observe` with every new packet, in order of arrival; ask for `dueS`. `initialDelayS` is believed until
 * WINDOW_PACKETS packets have been measured. The delay stays between one frame and `maxDelayS`. Times are seconds.
 */
export class ArrivalMeter {
  jitterS = 0;
  private readonly excessS: Float64Array;
  private oldest = 0;
  private spreadS: number;
  private fastestS = Infinity;
  private lastTransitS: number | undefined;

  constructor(
    initialDelayS: number,
    private readonly maxDelayS: number,
  ) {
    this.excessS = new Float64Array(WINDOW_PACKETS).fill(initialDelayS);
    this.spreadS = initialDelayS;
  }

  /** A packet whose sound starts at `mediaS` of the sender's media clock has arrived. */
  observe(now: number, mediaS: number): void {
    const transitS = now - mediaS;
    // RFC 3550 §6.4.1: J(i) = J(i-1) + (|D(i-1,i)| - J(i-1))/16
    if (this.lastTransitS !== undefined) this.jitterS += (Math.abs(transitS - this.lastTransitS) - this.jitterS) / 16;
    this.lastTransitS = transitS;
    this.fastestS = Math.min(this.fastestS, transitS);
    this.excessS[this.oldest] = transitS - this.fastestS;
    this.oldest = (this.oldest + 1) % WINDOW_PACKETS;
    this.spreadS = this.excessS.toSorted()[Math.floor(PERCENTILE * WINDOW_PACKETS)]!;
  }

  /** Forgets the smallest transit but for those given: the path may be a new one. Jitter stays known. */
  restart(transitsS: Iterable<number>): void {
    this.fastestS = Math.min(Infinity, ...transitsS);
  }

  /** How much later than over the fastest path to play: the 95th percentile of the excess. */
  delayS(frameS: number): number {
    return Math.min(Math.max(this.spreadS, frameS), this.maxDelayS);
  }

  /** The monotonic second at which to play the sound of `mediaS`. Observe some packet before. */
  dueS(mediaS: number, frameS: number): number {
    return mediaS + this.fastestS + this.delayS(frameS);
  }

  /** By how much sound played now is later than it could have been over the fastest path. */
  lagS(now: number, mediaS: number): number {
    return now - mediaS - this.fastestS;
  }
}
