/** Who listens to the raiser's surroundings, by the steps of the timeline. */
import type { AlertStep } from "../protocol/messages";
import type { AmbientShown } from "./view";

/**
 * `me`: subscriber at this console; `atMostS`: what the server has allowed us for the last request; `allowedS`: what the
 * organisation allows at a time.
 */
export function ambientOf(
  steps: readonly AlertStep[],
  me: string,
  atMostS: number | undefined,
  allowedS: number,
): AmbientShown {
  const listeners = new Map<string, string>();
  let state: AmbientShown["state"] = "off";
  let begunMs: number | undefined;
  let ended: string | undefined;
  for (const { kind, by = "", name = "", note, at_ms } of steps) {
    if (kind === "listening_begun") listeners.set(by, name);
    if (kind === "listening_ended") listeners.delete(by);
    if (by !== me) continue;
    if (kind === "listening_asked") [state, ended] = ["asked", undefined];
    if (kind === "listening_begun") [state, begunMs] = ["on", at_ms];
    if (kind === "listening_ended") [state, ended] = ["off", note];
  }
  const until_ms = begunMs === undefined || atMostS === undefined ? undefined : begunMs + atMostS * 1000;
  return {
    state,
    allowed_s: allowedS,
    listeners: [...listeners.values()],
    ...(state === "on" && until_ms !== undefined ? { until_ms } : {}),
    ...(ended === undefined ? {} : { ended }),
  };
}
