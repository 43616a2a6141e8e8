/** What a page shows of a group's floor, and the one line that says it. */
import { clock } from "../../texts/format";
import { say, type PlainKey } from "../../texts/say";
import type { IconName } from "../icons";

export type Condition = "normal" | "peril" | "emergency";

export interface Talker {
  readonly subscriber: string;
  /** Empty if the organisation shows no names. */
  readonly name: string;
  readonly since_ms: number;
}

/** What became of one's own wish to talk. `cause`: Reject Cause of Floor Deny or Floor Revoke. */
export type OwnFloor =
  | { readonly state: "none" }
  | { readonly state: "requesting" }
  | { readonly state: "queued"; readonly position?: number }
  | { readonly state: "granted"; readonly since_ms: number; readonly until_ms: number }
  | { readonly state: "releasing" }
  | { readonly state: "denied"; readonly cause: number }
  | { readonly state: "revoked"; readonly cause: number };

export interface Floor {
  readonly talker?: Talker;
  readonly own: OwnFloor;
  readonly condition: Condition;
}

/** From here on the end of the burst is announced. */
export const ENDS_SOON_MS = 10_000;

const DENIED: Record<number, PlainKey> = {
  1: "floor.denied.taken",
  3: "floor.denied.alone",
  5: "floor.denied.listen_only",
  7: "floor.denied.queue_full",
};
const REVOKED: Record<number, PlainKey> = {
  2: "floor.revoked.too_long",
  3: "floor.revoked.dispatcher",
  4: "floor.revoked.pre_empted",
};

export interface FloorLine {
  readonly icon: IconName;
  readonly tone: "quiet" | "heard" | "own" | "waiting" | "stopped";
  readonly text: string;
}

/** One's own wish in words; undefined if there is none. `now_ms` as in the floor's times. */
export function ownLine(own: OwnFloor, now_ms: number): FloorLine | undefined {
  switch (own.state) {
    case "none":
      return undefined;
    case "requesting":
      return { icon: "waiting", tone: "waiting", text: say("floor.requesting") };
    case "queued":
      return {
        icon: "queue",
        tone: "waiting",
        text:
          own.position === undefined ? say("floor.queued") : say("floor.queued.position", { position: own.position }),
      };
    case "granted":
      return { icon: "microphone", tone: "own", text: say("floor.granted", { left: clock(own.until_ms - now_ms) }) };
    case "releasing":
      return { icon: "waiting", tone: "quiet", text: say("floor.releasing") };
    case "denied":
      return { icon: "barred", tone: "stopped", text: say(DENIED[own.cause] ?? "floor.denied") };
    case "revoked":
      return { icon: "revoked", tone: "stopped", text: say(REVOKED[own.cause] ?? "floor.revoked") };
  }
}

/** What screen readers are told when the floor changes: without times, which would be said each second. */
export function announced(floor: Floor): string {
  const { own, talker } = floor;
  if (own.state === "granted") return say("floor.granted.said");
  if (own.state !== "none") return ownLine(own, 0)?.text ?? "";
  return talker === undefined ? "" : say("floor.talks", { name: talker.name || say("person.nameless") });
}
