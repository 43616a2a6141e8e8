/**
 * The clock of a page that may be out of sight. Browsers slow the timers of such a page down to one a minute, and the
 * server ends a session that gives no sign of life for that long; those of a worker run on.
 */
import { CLOCK, type Clock } from "./clock";

export interface TimerOrder {
  readonly id: number;
  readonly ms: number | undefined;
}

/** The worker of `timer.worker.ts`. */
export interface TimerWorker {
  onmessage: ((event: MessageEvent<number>) => void) | null;
  postMessage(order: TimerOrder): void;
}

export class WorkerClock implements Clock {
  readonly now = CLOCK.now;
  readonly utcMs = CLOCK.utcMs;
  readonly #worker: TimerWorker;
  readonly #acts = new Map<number, () => void>();
  #lastId = 0;

  constructor(worker: TimerWorker) {
    this.#worker = worker;
    worker.onmessage = ({ data: id }) => {
      const act = this.#acts.get(id);
      this.#acts.delete(id);
      act?.();
    };
  }

  after(seconds: number, act: () => void): () => void {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#acts.set(id, act);
    this.#worker.postMessage({ id, ms: Math.max(0, seconds) * 1000 });
    return () => {
      if (this.#acts.delete(id)) this.#worker.postMessage({ id, ms: undefined });
    };
  }
}

/** As a page makes it. */
export function workerClock(): Clock {
  const worker = new Worker(new URL("./timer.worker.ts", import.meta.url), { type: "module" });
  return new WorkerClock(worker as TimerWorker);
}
