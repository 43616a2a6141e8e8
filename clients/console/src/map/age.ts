/** How far a position can be trusted by its age: what is shown on the map as present, as old, and no more. */

export type Freshness = "live" | "old" | "lost";

/** Missed reports that make a position old. */
const REPORTS = 2.5;
const LEAST_LIVE_MS = 60_000;
/** As long as the server knows a last position by default; what is older says nothing about where somebody is. */
export const LONGEST_SHOWN_MS = 15 * 60_000;

/** `interval_s`: shortest time between two reports of a device, of the terms. A clock that is ahead makes nothing old. */
export function freshness(at_ms: number, now_ms: number, interval_s: number): Freshness {
  const age_ms = now_ms - at_ms;
  const live_ms = Math.min(Math.max(LEAST_LIVE_MS, REPORTS * 1000 * interval_s), LONGEST_SHOWN_MS);
  if (age_ms <= live_ms) return "live";
  return age_ms <= LONGEST_SHOWN_MS ? "old" : "lost";
}
