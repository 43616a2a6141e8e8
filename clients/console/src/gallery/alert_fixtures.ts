/** Alerts in all their states. */
import type { AlertShown } from "../alerts/view";
import { HOSTILE, MINUTE, SECOND, START } from "./fixtures";

export const RAISED: AlertShown = {
  alert: "alr_00000000000000f1",
  subscriber: "sub_0000000000000012",
  name: "Stefan Müller",
  raised_ms: START - 41 * SECOND,
  state: "delivered",
  drill: false,
  position: { latitude: 53.54131, longitude: 9.98427, accuracy_m: 14, at_ms: START - 12 * SECOND },
  mine: false,
  groups: ["Gate North", "Night shift"],
  ambient: { state: "off", allowed_s: 120, listeners: [] },
  recording: true,
  steps: [
    { number: 1, kind: "raised", at_ms: START - 41 * SECOND, by: "Stefan Müller" },
    { number: 2, kind: "delivered", at_ms: START - 40 * SECOND, by: "Ina Berger" },
    { number: 3, kind: "delivered", at_ms: START - 39 * SECOND, by: "Katya Morozova" },
    { number: 4, kind: "escalated", at_ms: START - 11 * SECOND, note: "managers" },
  ],
};

export const DRILL: AlertShown = {
  ...RAISED,
  alert: "alr_00000000000000f2",
  name: "Priya Raman",
  drill: true,
  groups: ["Patrol boats"],
  recording: false,
};

const HANDLED: AlertShown = {
  ...RAISED,
  alert: "alr_00000000000000f3",
  name: "Luis Herrera",
  raised_ms: START - 6 * MINUTE,
  state: "handling",
  handler: "Ina Berger",
  mine: true,
  ambient: { state: "on", allowed_s: 120, listeners: ["Ina Berger"], until_ms: START + 48 * SECOND },
  position: { latitude: 53.53902, longitude: 9.97113, accuracy_m: 1450, at_ms: START - 5 * MINUTE },
  steps: [
    { number: 1, kind: "raised", at_ms: START - 6 * MINUTE, by: "Luis Herrera" },
    { number: 2, kind: "delivered", at_ms: START - 6 * MINUTE + SECOND, by: "Ina Berger" },
    { number: 3, kind: "acknowledged", at_ms: START - 6 * MINUTE + 9 * SECOND, by: "Ina Berger" },
    { number: 4, kind: "handling", at_ms: START - 5 * MINUTE, by: "Ina Berger" },
    { number: 5, kind: "listening_asked", at_ms: START - 4 * MINUTE, by: "Ina Berger", note: "No answer to our calls" },
    { number: 6, kind: "listening_begun", at_ms: START - 4 * MINUTE, by: "Ina Berger" },
    {
      number: 7,
      kind: "noted",
      at_ms: START - 3 * MINUTE,
      by: "Katya Morozova",
      note: "Car 7 is on its way; 4 minutes.",
    },
  ],
};

const ELSEWHERE: AlertShown = {
  ...RAISED,
  alert: "alr_00000000000000f4",
  name: HOSTILE.long,
  raised_ms: START - 19 * MINUTE,
  state: "acknowledged",
  handler: HOSTILE.html,
  ambient: { state: "off", allowed_s: 120, listeners: [HOSTILE.html], ended: "no_answer" },
  recording: false,
  unrecorded: true,
};

const { position: _, ...UNLOCATED } = RAISED;
const RESOLVED: AlertShown = {
  ...UNLOCATED,
  alert: "alr_00000000000000f5",
  name: "Mette Sørensen",
  raised_ms: START - 26 * 60 * MINUTE,
  state: "resolved",
  handler: "Katya Morozova",
  steps: [
    { number: 1, kind: "raised", at_ms: START - 26 * 60 * MINUTE, by: "Mette Sørensen" },
    {
      number: 2,
      kind: "resolved",
      at_ms: START - 25.8 * 60 * MINUTE,
      by: "Katya Morozova",
      note: "Locked in; let out.",
    },
  ],
};

const FALSE_ALARM: AlertShown = {
  ...RESOLVED,
  alert: "alr_00000000000000f6",
  name: "Oskar Zieliński",
  state: "false_alarm",
};

export const ALERTS: readonly AlertShown[] = [RAISED, HANDLED, ELSEWHERE, DRILL, RESOLVED, FALSE_ALARM];
export const HANDLED_HERE = HANDLED.alert;
export const PAST = RESOLVED.alert;
