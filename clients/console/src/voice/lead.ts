/**
 * How much sound waits at the loudspeaker, so that a worker that is held up for a moment is not heard.
 *
 * Pure. It starts small, since all of it is delay; each time that the loudspeaker ran dry it grows a step, and after a
 * quiet while it shrinks again.
 */

export const LEAST_S = 0.04;
export const MOST_S = 0.2;
const STEP_S = 0.02;
const CALM_S = 30;

export class Lead {
  private aimS: number;
  private calmSince = 0;
  private readonly leastS: number;

  /** `deviceS`: what the sound device fetches at once. */
  constructor(deviceS: number) {
    this.leastS = Math.min(MOST_S, Math.max(LEAST_S, deviceS + 0.02));
    this.aimS = this.leastS;
  }

  /** Seconds of sound to keep at the loudspeaker. */
  targetS(now: number): number {
    if (now - this.calmSince >= CALM_S) {
      this.aimS = Math.max(this.leastS, this.aimS - STEP_S);
      this.calmSince = now;
    }
    return this.aimS;
  }

  /** The loudspeaker ran dry while somebody talked. */
  ranDry(now: number): void {
    this.aimS = Math.min(MOST_S, this.aimS + STEP_S);
    this.calmSince = now;
  }
}
