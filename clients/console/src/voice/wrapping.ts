/** Follows a counter of RTP that wraps (sequence number 16 bit, timestamp 32 bit) as a number that does not. */
export class WrappingCounter {
  /** The greatest value so far without its wraps; undefined before the first. */
  highest: number | undefined;
  private last: number | undefined;
  private readonly period: number;

  constructor(bits: 16 | 32) {
    this.period = 2 ** bits;
  }

  /**
   * `value` without its wraps; it may be lower than the one before, and even negative. Each value is taken to be the
   * nearest to the one before (RFC 3550 §A.1); the first one stands as it is.
   */
  follow(value: number): number {
    const last = this.last ?? value;
    const half = this.period / 2;
    this.last = last + modulo(value - last + half, this.period) - half;
    this.highest = Math.max(this.highest ?? this.last, this.last);
    return this.last;
  }
}

function modulo(value: number, period: number): number {
  return ((value % period) + period) % period;
}
