/** What is shown of an alert, and what can be done about it. */
import type { IconName } from "../look/icons";

export type AlertState =
  "raised" | "delivered" | "acknowledged" | "handling" | "resolved" | "false_alarm" | "test" | "cancelled";

export type StepKind = AlertState | "escalated" | "unanswered" | "note";

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
  readonly accuracy_m: number;
  readonly at_ms: number;
  readonly speed_mps?: number;
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
  /** Name of who handles it. */
  readonly handler?: string;
  /** It is handled here. */
  readonly mine: boolean;
  readonly groups: readonly string[];
  readonly steps: readonly Step[];
  /** Ambient listening; absent where the organisation does not allow it. */
  readonly ambient?: "off" | "asked" | "on" | "refused";
  readonly recording?: boolean;
}

export interface AlertActions {
  acknowledge(alert: string): void;
  /** Also takes over from another dispatcher. */
  handle(alert: string): void;
  resolve(alert: string, outcome: Outcome, note: string): void;
  note(alert: string, text: string): void;
  ambient(alert: string, on: boolean): void;
  call(alert: string): void;
  showOnMap(alert: string): void;
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
  note: "note",
};
