/** The only reader of time in this room. Tests have one of their own. */

export interface Clock {
  /** Monotonic seconds. */
  now(): number;
  /** UTC milliseconds. */
  utcMs(): number;
  /** Calls `act` once, `seconds` from now; what it returns calls that off. */
  after(seconds: number, act: () => void): () => void;
}

export const CLOCK: Clock = {
  now: () => performance.now() / 1000,
  utcMs: () => Date.now(),
  after: (seconds, act) => {
    const timer = setTimeout(act, Math.max(0, seconds) * 1000);
    return () => clearTimeout(timer);
  },
};

export function pause(clock: Clock, seconds: number): Promise<void> {
  return new Promise((resolve) => clock.after(seconds, resolve));
}

/** One timer for a pure machine: set anew after every step, it calls `ring` when the machine's deadline comes. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: (now: number) => void;
  #callOff: (() => void) | undefined;
  #closed = false;

  constructor(clock: Clock, ring: (now: number) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Monotonic seconds; undefined switches it off. */
  set(deadline: number | undefined): void {
    this.#callOff?.();
    this.#callOff = undefined;
    if (deadline === undefined || this.#closed) return;
    this.#callOff = this.#clock.after(deadline - this.#clock.now(), () => {
      this.#callOff = undefined;
      this.#ring(this.#clock.now());
    });
  }

  /** Whoever still touches the machine cannot wake it again. */
  close(): void {
    this.set(undefined);
    this.#closed = true;
  }
}
