/** A bad network in a page: loss, jitter, doubling, all from one seed; late packets overtake each other. */
export interface Conditions {
  readonly loss: number;
  readonly doubling: number;
  readonly jitterMs: number;
  readonly seed: number;
}

export const PERFECT: Conditions = { loss: 0, doubling: 0, jitterMs: 0, seed: 1 };

export class Link {
  private state: number;

  constructor(private readonly conditions: Conditions) {
    this.state = conditions.seed;
  }

  /** Delivers later, twice, or never. Every packet draws the same numbers, whatever happens to it. */
  carry(deliver: () => void): void {
    const [fate, copies, first, second] = [this.random(), this.random(), this.random(), this.random()];
    const { loss, doubling, jitterMs } = this.conditions;
    if (fate < loss) return;
    this.later(first * jitterMs, deliver);
    if (copies < doubling) this.later(second * jitterMs, deliver);
  }

  private later(delayMs: number, deliver: () => void): void {
    if (delayMs > 0) setTimeout(deliver, delayMs);
    else deliver();
  }

  /** mulberry32 */
  private random(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
}
