/** Timers that run on while the page is out of sight. A number starts one or, without milliseconds, calls it off. */
import type { TimerOrder } from "./worker_clock";

interface Scope {
  onmessage: ((event: MessageEvent<TimerOrder>) => void) | null;
  postMessage(id: number): void;
}

const scope = globalThis as unknown as Scope;
const timers = new Map<number, ReturnType<typeof setTimeout>>();

scope.onmessage = ({ data: { id, ms } }) => {
  clearTimeout(timers.get(id));
  timers.delete(id);
  if (ms === undefined) return;
  const ring = () => {
    timers.delete(id);
    scope.postMessage(id);
  };
  timers.set(id, setTimeout(ring, ms));
};
