/** How a burst is heard, for the server's reception reports (RFC 3550 §6.4.1, appendices A.3 and A.8). */
import type { ReportBlock } from "../protocol/rtcp";
import { OPUS_CLOCK_HZ, type RtpPacket } from "../protocol/rtp";

const MAX_LOST = 0x7fffff;

export class Reception {
  readonly #ssrc: number;
  #first: number | undefined;
  #highest = 0;
  #received = 0;
  #jitter = 0;
  #transit: number | undefined;
  #reported = { expected: 0, lost: 0 };

  constructor(ssrc: number) {
    this.#ssrc = ssrc;
  }

  /** `now`: monotonic seconds. Sequence numbers of a burst never wrap. */
  packet(now: number, { sequence, timestamp }: RtpPacket): void {
    this.#first = Math.min(this.#first ?? sequence, sequence);
    this.#highest = Math.max(this.#highest, sequence);
    this.#received += 1;
    const transit = now * OPUS_CLOCK_HZ - timestamp;
    if (this.#transit !== undefined) this.#jitter += (Math.abs(transit - this.#transit) - this.#jitter) / 16;
    this.#transit = transit;
  }

  /** Since the last report; undefined before the first packet. */
  report(): ReportBlock | undefined {
    if (this.#first === undefined) return undefined;
    const expected = this.#highest - this.#first + 1;
    const lost = Math.min(Math.max(0, expected - this.#received), MAX_LOST);
    const lostSince = Math.max(0, lost - this.#reported.lost);
    const fraction = Math.floor((256 * lostSince) / Math.max(1, expected - this.#reported.expected));
    this.#reported = { expected, lost };
    const [fractionLost, jitter] = [Math.min(255, fraction), Math.round(this.#jitter) >>> 0];
    return { ssrc: this.#ssrc, fractionLost, lost, highestSequence: this.#highest, jitter };
  }
}
