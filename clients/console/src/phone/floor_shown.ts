/** The floor of a group as the radio has it, in the terms of the page. */
import type { Condition, Floor, OwnFloor } from "../look/talk/floor";
import type { DenyReason, RevokeReason, TalkState } from "../radio/talk_state";
import type { Talkgroup } from "../radio/talkgroup";

/** Reject causes of Floor Deny and Floor Revoke (TS 24.380 §8.2.3.4); 0: any other. */
const DENIED: Record<DenyReason, number> = { somebody_talks: 1, alone: 3, listen_only: 5, queue_full: 7, other: 0 };
const REVOKED: Record<RevokeReason, number> = { too_long: 2, taken_back: 3, preempted: 4, other: 0 };

export type FloorSource = Pick<Talkgroup, "state" | "talker" | "emergency" | "imminentPeril">;

/** `utcMs` of the radio's monotonic seconds. `down`: the key is down still. */
export function floorShown(group: FloorSource, down: boolean, utcMs: (monotonicS: number) => number): Floor {
  const condition: Condition = group.emergency ? "emergency" : group.imminentPeril ? "peril" : "normal";
  const own = ownFloor(group.state, down, utcMs);
  if (group.talker === undefined) return { own, condition };
  const { subscriber = "", name, since } = group.talker;
  return { own, condition, talker: { subscriber, name, since_ms: utcMs(since) } };
}

function ownFloor(state: TalkState, down: boolean, utcMs: (monotonicS: number) => number): OwnFloor {
  switch (state.is) {
    case "idle":
      return { state: "none" };
    case "requesting":
      return { state: "requesting" };
    case "queued":
      return state.position === undefined ? { state: "queued" } : { state: "queued", position: state.position };
    case "granted": {
      if (!down) return { state: "releasing" };
      // Floor Granted always tells the duration (TS 24.380 table 8.2.5-1)
      return { state: "granted", since_ms: 0, until_ms: utcMs(state.endsAt ?? 0) };
    }
    case "denied":
      return { state: "denied", cause: DENIED[state.reason] };
    case "unanswered":
      return { state: "denied", cause: 0 };
    case "revoked":
      return { state: "revoked", cause: REVOKED[state.reason] };
    case "lost":
      return { state: "revoked", cause: 0 };
  }
}
