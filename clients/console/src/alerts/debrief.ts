/** The record of an alert for the debriefing: what happened when, and what of it is recorded here. Pure. */
import type { Recording } from "../recording/library";
import type { AlertShown, PositionShown } from "./view";

export interface DebriefStep {
  /** Seconds since the alert was raised. */
  readonly after_s: number;
  readonly at: string;
  readonly kind: string;
  /** Absent: the server. */
  readonly by?: string;
  readonly note?: string;
}

export interface DebriefRecording {
  readonly file: string;
  readonly group: string;
  readonly talker: string;
  readonly started: string;
  readonly ended: string;
}

/** Times are ISO 8601, UTC. Seconds are undefined for what did not happen. */
export interface Debrief {
  readonly version: 1;
  readonly alert: string;
  readonly exercise: boolean;
  readonly raiser: { readonly subscriber: string; readonly name: string };
  readonly raised: string;
  readonly outcome: string;
  readonly delivered_after_s?: number;
  readonly acknowledged_after_s?: number;
  readonly closed_after_s?: number;
  readonly handler?: string;
  readonly steps: readonly DebriefStep[];
  readonly positions: readonly PositionShown[];
  /** In this console's own files only. */
  readonly recordings: readonly DebriefRecording[];
  readonly made: { readonly at: string; readonly by: string; readonly organisation: string };
}

export interface Maker {
  readonly name: string;
  readonly organisation: string;
  readonly atMs: number;
}

const ENDS: readonly string[] = ["resolved", "false_alarm", "test", "cancelled"];

export function debrief(alert: AlertShown, recordings: readonly Recording[], maker: Maker): Debrief {
  const steps = alert.steps ?? [];
  const afterS = (at_ms: number) => Math.round((at_ms - alert.raised_ms) / 100) / 10;
  const first = (...kinds: readonly string[]) => {
    const step = steps.find(({ kind }) => kinds.includes(kind));
    return step && afterS(step.at_ms);
  };
  return defined({
    version: 1 as const,
    alert: alert.alert,
    exercise: alert.drill,
    raiser: { subscriber: alert.subscriber, name: alert.name },
    raised: moment(alert.raised_ms),
    outcome: alert.state,
    delivered_after_s: first("delivered"),
    acknowledged_after_s: first("acknowledged", "handling"),
    closed_after_s: first(...ENDS),
    handler: alert.handler,
    steps: steps.map(({ at_ms, kind, by, note }) =>
      defined({ after_s: afterS(at_ms), at: moment(at_ms), kind, by, note }),
    ),
    positions: alert.track?.length ? alert.track : alert.position ? [alert.position] : [],
    recordings: recordings.flatMap((recording) => recorded(recording, alert.alert)),
    made: { at: moment(maker.atMs), by: maker.name, organisation: maker.organisation },
  }) as Debrief;
}

function recorded({ name, burst }: Recording, alert: string): DebriefRecording[] {
  if (burst?.about.alert !== alert) return [];
  const { groupName, talkerName, startedMs } = burst.about;
  const times = { started: moment(startedMs), ended: moment(burst.endedMs) };
  return [{ file: name, group: groupName, talker: talkerName, ...times }];
}

const moment = (at_ms: number): string => new Date(at_ms).toISOString();

type Defined<Members> = { [Name in keyof Members]: Exclude<Members[Name], undefined> };

/** Without the members that are undefined. */
function defined<Members extends object>(members: Members): Defined<Members> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Defined<Members>;
}
