/** Tries again and again, with growing pauses and jitter, so that a herd does not come back at once. */
import type { Clock } from "./clock";

const FIRST_PAUSE_S = 0.5;
const LONGEST_PAUSE_S = 30;

/** `waits` is told when the next try is due (monotonic seconds), and undefined when it begins. */
export class Reconnecting {
  readonly #clock: Clock;
  readonly #waits: (nextTryAt: number | undefined) => void;
  #isRunning = false;
  #wake = () => {};

  constructor(clock: Clock, waits: (nextTryAt: number | undefined) => void) {
    this.#clock = clock;
    this.#waits = waits;
  }

  /** `attempt` says true when it is done, or how many seconds to wait at least. */
  async start(attempt: () => Promise<true | number>): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    let atLeastS = 0;
    try {
      for (let pauseS = FIRST_PAUSE_S; this.#isRunning; pauseS = Math.min(2 * pauseS, LONGEST_PAUSE_S)) {
        await this.#pause(Math.max(pauseS * (0.5 + Math.random()), atLeastS));
        if (!this.#isRunning) return;
        this.#waits(undefined);
        const outcome = await attempt();
        if (outcome === true) return;
        atLeastS = outcome;
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** The pause is over now. */
  hurry(): void {
    this.#wake();
  }

  stop(): void {
    this.#isRunning = false;
    this.#wake();
  }

  #pause(seconds: number): Promise<void> {
    this.#waits(this.#clock.now() + seconds);
    return new Promise((resolve) => {
      const callOff = this.#clock.after(seconds, resolve);
      this.#wake = () => {
        callOff();
        resolve();
      };
    });
  }
}
