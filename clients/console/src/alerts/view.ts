/** What is shown of an alert, and what can be done about it. */
import type { IconName } from "../look/icons";

/** `closed`: it was closed while this console was away, and the server does not say how. */
export type AlertState =
  "raised" | "delivered" | "acknowledged" | "handling" | "resolved" | "false_alarm" | "test" | "cancelled" | "closed";

/** `other`: a step that this console does not know of. */
export type StepKind =
  | Exclude<AlertState, "closed">
  | "escalated"
  | "unanswered"
  | "noted"
  | "listening_asked"
  | "listening_begun"
  | "listening_ended"
  | "other";

export type Outcome = "resolved" | "false_alarm" | "test";

export interface Step {
  readonly number: number;
  readonly kind: StepKind;
  readonly at_ms: number;
  /** Name of who did it; absent: the server. */
  readonly by?: string;
  readonly note?: string;
}

export interface PositionShown {
  readonly latitude: number;
  readonly longitude: number;
  /** Absent: it is not kept. */
  readonly accuracy_m?: number;
  /** Absent: it is not kept; some time while the alert was open. */
  readonly at_ms?: number;
  readonly speed_mps?: number;
}

/** Listening to the raiser's surroundings from here. */
export interface AmbientShown {
  /** `asked`: the device has not opened its microphone yet. */
  readonly state: "off" | "asked" | "on";
  /** Seconds for which the organisation lets us listen at a time; 0: not at all. */
  readonly allowed_s: number;
  /** Names of all who listen. */
  readonly listeners: readonly string[];
  /** When it ends by itself, while it is on. UTC milliseconds. */
  readonly until_ms?: number;
  /** Why the last listening from here ended (proto/alerts.md). */
  readonly ended?: string;
}

export interface AlertShown {
  readonly alert: string;
  readonly subscriber: string;
  readonly name: string;
  readonly raised_ms: number;
  readonly state: AlertState;
  /** An exercise. */
  readonly drill: boolean;
  readonly position?: PositionShown;
  /** Where the raiser was before, oldest first. */
  readonly track?: readonly PositionShown[];
  /** Name of who handles it. */
  readonly handler?: string;
  /** It is handled here. */
  readonly mine: boolean;
  readonly groups: readonly string[];
  /** Absent: they are not read yet. */
  readonly steps?: readonly Step[];
  readonly ambient: AmbientShown;
  readonly recording?: boolean;
  /** It should be recorded, and is not for want of the passphrase. */
  readonly unrecorded?: boolean;
}

/** Characters (proto/alerts.md). */
export const LONGEST_NOTE = 500;

export interface AlertActions {
  acknowledge(alert: string): void;
  /** Also takes over from another dispatcher. */
  handle(alert: string): void;
  /** Gives whether it stands in the timeline. */
  note(alert: string, note: string): Promise<boolean>;
  resolve(alert: string, outcome: Outcome, note: string): void;
  /** Asks to hear the raiser's microphone. */
  listen(alert: string, reason: string, forS: number): void;
  endListening(alert: string): void;
  call(alert: string): void;
  /** Absent where no map is. */
  showOnMap?(alert: string): void;
  locate(alert: string): void;
}

const OPEN: ReadonlySet<AlertState> = new Set(["raised", "delivered", "acknowledged", "handling"]);

export function isOpen(alert: Pick<AlertShown, "state">): boolean {
  return OPEN.has(alert.state);
}

/** Nobody has answered yet: it takes the screen, and sounds. */
export function isUnanswered(alert: Pick<AlertShown, "state">): boolean {
  return alert.state === "raised" || alert.state === "delivered";
}

/** The one to show first: in earnest before exercises, then the oldest. */
export function mostUrgent(alerts: readonly AlertShown[]): AlertShown | undefined {
  return [...alerts].sort(
    (one, other) => Number(one.drill) - Number(other.drill) || one.raised_ms - other.raised_ms,
  )[0];
}

export const STEP_ICON: Record<StepKind, IconName> = {
  raised: "alert",
  delivered: "check_twice",
  escalated: "broadcast",
  unanswered: "unlinked",
  acknowledged: "check",
  handling: "person",
  resolved: "check",
  false_alarm: "barred",
  test: "drill",
  cancelled: "close",
  noted: "note",
  listening_asked: "listen",
  listening_begun: "listen",
  listening_ended: "muted",
  other: "note",
};
