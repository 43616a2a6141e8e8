import { expect, it } from "vitest";
import { WorkerClock, type TimerOrder, type TimerWorker } from "../../src/radio/worker_clock";

/** The worker's script, between two ports instead of in a worker. */
async function timerWorker(): Promise<TimerWorker> {
  const scope = globalThis as unknown as { postMessage: (id: number) => void; onmessage: (event: object) => void };
  const worker: TimerWorker = {
    onmessage: null,
    postMessage: (order: TimerOrder) => scope.onmessage({ data: order }),
  };
  scope.postMessage = (id) => worker.onmessage?.({ data: id } as MessageEvent<number>);
  await import("../../src/radio/timer.worker");
  return worker;
}

it("rings once, in time, unless it is called off", async () => {
  const clock = new WorkerClock(await timerWorker());
  const rung: string[] = [];
  const start = clock.now();
  clock.after(0.05, () => rung.push("late"));
  const callOff = clock.after(0.02, () => rung.push("never"));
  clock.after(0, () => rung.push("soon"));
  callOff();
  await new Promise<void>((resolve) => clock.after(0.08, resolve));
  expect(rung).toEqual(["soon", "late"]);
  expect(clock.now() - start).toBeGreaterThan(0.07);
});
