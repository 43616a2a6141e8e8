/** What a user sees of the floor of one group. */
import { Indicator } from "../protocol/floor_control";
import type { FloorTaken } from "../protocol/floor_effects";

export type DenyReason = "somebody_talks" | "alone" | "listen_only" | "queue_full" | "other";
export type RevokeReason = "too_long" | "taken_back" | "preempted" | "other";

/** Our own part. Times are monotonic seconds of the radio's clock. */
export type TalkState =
  | { readonly is: "idle" }
  /** The key is down, and the server has not answered yet: speech is kept. */
  | { readonly is: "requesting" }
  /** Position 1 is next; undefined: unknown. */
  | { readonly is: "queued"; readonly position: number | undefined; readonly size: number | undefined }
  /** We talk; `endsAt`: when the burst has to be over. */
  | { readonly is: "granted"; readonly burstSsrc: number; readonly endsAt: number | undefined }
  | { readonly is: "denied"; readonly reason: DenyReason; readonly phrase: string }
  | { readonly is: "revoked"; readonly reason: RevokeReason }
  /** The server ended the burst without a word, or its session is over. */
  | { readonly is: "lost" }
  | { readonly is: "unanswered" };

/** Who talks. `name` is empty if the organisation shows none. */
export interface Talker {
  readonly subscriber: string | undefined;
  readonly name: string;
  readonly burstSsrc: number;
  readonly since: number;
  readonly emergency: boolean;
  readonly imminentPeril: boolean;
  /** False: in a broadcast nobody else is granted the floor. */
  readonly mayRequest: boolean;
}

const DENIALS: Readonly<Record<number, DenyReason>> = {
  1: "somebody_talks",
  3: "alone",
  5: "listen_only",
  7: "queue_full",
};
const REVOCATIONS: Readonly<Record<number, RevokeReason>> = { 2: "too_long", 3: "taken_back", 4: "preempted" };
const UNKNOWN_POSITION = 254;

export function denied(cause: number, phrase: string): TalkState {
  return { is: "denied", reason: DENIALS[cause] ?? "other", phrase };
}

export function revoked(cause: number | undefined): TalkState {
  return { is: "revoked", reason: REVOCATIONS[cause ?? 0] ?? "other" };
}

export function queued(position: number, size: number | undefined): TalkState {
  return { is: "queued", position: position === UNKNOWN_POSITION ? undefined : position, size };
}

export function talkerOf(taken: FloorTaken, burstSsrc: number, since: number): Talker {
  const indicator = taken.indicator ?? 0;
  return {
    subscriber: taken.userId,
    name: taken.name ?? "",
    burstSsrc,
    since,
    emergency: (indicator & Indicator.emergency) !== 0,
    imminentPeril: (indicator & Indicator.imminentPeril) !== 0,
    mayRequest: taken.mayRequest,
  };
}
