/** The radio's monotonic seconds as time of day, and when each of our bursts began. */
import type { Radio } from "../radio/radio";
import type { Times } from "./floor_shown";

/** We talk in few groups at once. */
const MOST = 50;

export function timesOf(radio: Pick<Radio, "now">): Times {
  const began = new Map<number, number>();
  return {
    utcMs: (monotonicS) => Math.round(Date.now() + 1000 * (monotonicS - radio.now())),
    grantedMs(burstSsrc) {
      const ms = began.get(burstSsrc) ?? Date.now();
      began.delete(burstSsrc);
      began.set(burstSsrc, ms);
      for (const old of [...began.keys()].slice(0, -MOST)) began.delete(old);
      return ms;
    },
  };
}
