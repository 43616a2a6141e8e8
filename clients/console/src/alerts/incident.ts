/** One alert as this console knows it: what the server told, in order, made into what is shown. Pure. */
import type { AlertDetail, AlertInfo, AlertStep, AlertStepped, Position } from "../protocol/messages";
import { ambientOf } from "./ambient";
import {
  STEP_ICON,
  isOpen,
  type AlertShown,
  type AlertState,
  type PositionShown,
  type Step,
  type StepKind,
} from "./view";

export interface Incident {
  readonly info: AlertInfo;
  readonly state: AlertState;
  readonly steps: readonly AlertStep[];
  /** Every position that was told, oldest first. */
  readonly track: readonly Position[];
  /** Seconds for which we may listen in. */
  readonly listenAtMostS?: number;
}

/** More is known of it, or it is new. A position that was taken back is forgotten. */
export function told(before: Incident | undefined, info: AlertInfo, steps: readonly AlertStep[] = []): Incident {
  const position = info.position;
  const track = position === undefined ? [] : moved(before?.track ?? [], position);
  return { ...before, info, state: info.state, steps: merged(before?.steps ?? [], steps), track };
}

export function stepped(before: Incident, { state, step }: AlertStepped): Incident {
  const handler = step.kind === "handling" ? step.by : before.info.handler;
  return { ...before, info: { ...before.info, state, handler }, state, steps: merged(before.steps, [step]) };
}

export function movedTo(before: Incident, position: Position): Incident {
  return { ...before, info: { ...before.info, position }, track: moved(before.track, position) };
}

/** All as they are after the open ones were read anew: what is open no more was closed while we were away. */
export function reconciled(before: ReadonlyMap<string, Incident>, open: readonly AlertDetail[]): Map<string, Incident> {
  const after = new Map(before);
  const present = new Set(open.map(({ info }) => info.alert));
  for (const [alert, incident] of before) {
    if (isOpen(incident) && !present.has(alert)) after.set(alert, { ...incident, state: "closed" });
  }
  for (const { info, steps } of open) after.set(info.alert, told(after.get(info.alert), info, steps));
  return after;
}

/** What the console that shows it knows beside it. `groups`: names of those that are in emergency for it. */
export interface Here {
  readonly me: string;
  readonly groups: readonly string[];
  /** Seconds for which one may listen in at a time. */
  readonly listenInS: number;
}

export function shown(incident: Incident, { me, groups, listenInS }: Here): AlertShown {
  const { info, state, steps, track } = incident;
  const position = track.at(-1);
  const handler = info.handler === undefined ? undefined : nameOf(steps, info.handler);
  return {
    alert: info.alert,
    subscriber: info.subscriber,
    name: info.name,
    raised_ms: info.raised_ms,
    state,
    drill: info.drill,
    ...(position === undefined ? {} : { position: placed(position) }),
    track: track.map(placed),
    ...(handler === undefined ? {} : { handler }),
    mine: info.handler === me,
    groups,
    steps: steps.map(stepShown),
    ambient: ambientOf(steps, me, incident.listenAtMostS, listenInS),
  };
}

function merged(before: readonly AlertStep[], more: readonly AlertStep[]): readonly AlertStep[] {
  const steps = new Map([...before, ...more].map((step) => [step.number, step]));
  return [...steps.values()].sort((one, other) => one.number - other.number);
}

function moved(track: readonly Position[], position: Position): readonly Position[] {
  const last = track.at(-1);
  return last !== undefined && last.at_ms >= position.at_ms ? track : [...track, position];
}

export function nameOf(steps: readonly AlertStep[], subscriber: string): string {
  return steps.findLast(({ by, name }) => by === subscriber && name !== undefined)?.name ?? "";
}

export function stepShown({ number, kind, at_ms, by, name, note }: AlertStep): Step {
  return {
    number,
    kind: kind in STEP_ICON ? (kind as StepKind) : "other",
    at_ms,
    ...(by === undefined ? {} : { by: name ?? "" }),
    ...(note === undefined ? {} : { note }),
  };
}

function placed({ latitude, longitude, accuracy_m, at_ms, speed_mps }: Position): PositionShown {
  return { latitude, longitude, accuracy_m, at_ms, ...(speed_mps === undefined ? {} : { speed_mps }) };
}
