/** The floor of a group as the radio has it, in the terms of the page. */
import type { DenyReason, RevokeReason } from "../radio/talk_state";
import type { Talkgroup } from "../radio/talkgroup";
import type { Floor, OwnFloor } from "../look/talk/floor";

/** Reject Causes of Floor Deny and Floor Revoke (TS 24.380 §8.2.3.4); 0 stands for all others. */
const DENIED: Record<DenyReason, number> = { somebody_talks: 1, alone: 3, listen_only: 5, queue_full: 7, other: 0 };
const REVOKED: Record<RevokeReason, number> = { too_long: 2, taken_back: 3, preempted: 4, other: 0 };

/** T2 of a full-duplex call, the longest there is (proto/calls.md): for a Floor Granted without a duration. */
const LONGEST_MS = 600_000;

/** The radio counts in monotonic seconds, pages show the time of day (UTC milliseconds). */
export interface Times {
  utcMs(monotonicS: number): number;
  /** When the burst that is granted to us began. */
  grantedMs(burstSsrc: number): number;
}

export type FloorSource = Pick<Talkgroup, "state" | "talker" | "emergency" | "imminentPeril">;

/** `isDown`: false if the key is up, and the last syllable perhaps still on its way. */
export function floorOf(group: FloorSource, times: Times, isDown = true): Floor {
  const { talker } = group;
  const condition = group.emergency ? "emergency" : group.imminentPeril ? "peril" : "normal";
  const own = ownFloor(group.state, times, isDown);
  if (talker === undefined) return { own, condition };
  const { subscriber = "", name, since } = talker;
  return { own, condition, talker: { subscriber, name, since_ms: times.utcMs(since) } };
}

function ownFloor(state: Talkgroup["state"], times: Times, isDown: boolean): OwnFloor {
  switch (state.is) {
    case "idle":
      return { state: "none" };
    case "requesting":
      return { state: "requesting" };
    case "queued":
      return state.position === undefined ? { state: "queued" } : { state: "queued", position: state.position };
    case "granted": {
      if (!isDown) return { state: "releasing" };
      const since_ms = times.grantedMs(state.burstSsrc);
      const until_ms = state.endsAt === undefined ? since_ms + LONGEST_MS : times.utcMs(state.endsAt);
      return { state: "granted", since_ms, until_ms };
    }
    case "denied":
      return { state: "denied", cause: DENIED[state.reason] };
    case "revoked":
      return { state: "revoked", cause: REVOKED[state.reason] };
    case "lost":
      return { state: "revoked", cause: 0 };
    case "unanswered":
      return { state: "denied", cause: 0 };
  }
}
