/** Who talked in each group while this page was open. Nothing of it is kept anywhere else. */
import type { Burst } from "./view";

const MOST = 50;

/** Who talks now. `burst` tells one burst from the next of the same person. */
export interface Talks {
  readonly burst: string;
  readonly name: string;
  readonly emergency?: boolean;
}

interface Running extends Talks {
  readonly sinceMs: number;
}

export class History {
  readonly #running = new Map<string, Running>();
  readonly #past = new Map<string, readonly Burst[]>();

  /** What holds in the group from `nowMs` (UTC milliseconds) on; undefined: nobody talks. */
  note(group: string, talks: Talks | undefined, nowMs: number): void {
    const running = this.#running.get(group);
    if (running?.burst === talks?.burst) return;
    if (running !== undefined) this.#end(group, running, nowMs);
    if (talks === undefined) this.#running.delete(group);
    else this.#running.set(group, { ...talks, sinceMs: nowMs });
  }

  #end(group: string, { burst, name, emergency = false, sinceMs }: Running, nowMs: number): void {
    const ended = { id: `${burst}-${sinceMs}`, name, at_ms: sinceMs, duration_ms: nowMs - sinceMs, emergency };
    this.#past.set(group, [ended, ...this.of(group)].slice(0, MOST));
  }

  /** Bursts that are over, newest first; a new list with each change. */
  of(group: string): readonly Burst[] {
    return this.#past.get(group) ?? NOBODY;
  }
}

const NOBODY: readonly Burst[] = [];
