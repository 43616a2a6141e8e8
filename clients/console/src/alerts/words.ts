/** Notes of the timeline in words: why listening ended comes as a name of the wire (proto/alerts.md). */
import { say, type PlainKey } from "../texts/say";
import type { Step } from "./view";

const CAUSES: ReadonlyMap<string, PlainKey> = new Map(
  Object.entries({
    ended: "ambient.cause.ended",
    time_up: "ambient.cause.time_up",
    no_answer: "ambient.cause.no_answer",
    alert_over: "ambient.cause.alert_over",
    device_gone: "ambient.cause.device_gone",
    dispatcher_gone: "ambient.cause.dispatcher_gone",
    forbidden: "ambient.cause.forbidden",
    server_restarted: "ambient.cause.server_restarted",
  } as const),
);

/** Why listening ended; a cause that is not known stays as it is. */
export function causeOf(name: string): string {
  const key = CAUSES.get(name);
  return key === undefined ? name : say(key);
}

export function noteOf({ kind, note = "" }: Step): string {
  return kind === "listening_ended" ? causeOf(note) : note;
}
