/** Hold to confirm: nothing happens by a touch in the pocket, and who lets go early has done nothing. */

export const HOLD_MS = 2000;

/** Part of the hold that is done at `now_ms`, 0 to 1. */
export function held(since_ms: number | undefined, now_ms: number, hold_ms = HOLD_MS): number {
  return since_ms === undefined ? 0 : Math.min(1, Math.max(0, (now_ms - since_ms) / hold_ms));
}
