import { expect, test } from "vitest";
import { isOpen, isUnanswered, mostUrgent, STEP_ICON, type AlertShown, type AlertState } from "../../src/alerts/view";

const alert = (raised_ms: number, drill: boolean): AlertShown => ({
  alert: `alr_${raised_ms}`,
  subscriber: "sub_0000000000000001",
  name: "Amara",
  raised_ms,
  state: "raised",
  drill,
  mine: false,
  groups: [],
  steps: [],
  ambient: { state: "off", allowed_s: 0, listeners: [] },
});

test("an exercise never stands before an alert in earnest; of equals, the oldest is first", () => {
  expect(mostUrgent([alert(1, true), alert(3, false), alert(2, false)])).toMatchObject({ raised_ms: 2, drill: false });
  expect(mostUrgent([])).toBeUndefined();
});

test("an alert sounds until somebody answers, and is open until it is closed", () => {
  const states = Object.keys(STEP_ICON).filter((kind) => !["escalated", "unanswered", "note"].includes(kind));
  const which = (holds: (one: { state: AlertState }) => boolean) =>
    states.filter((state) => holds({ state: state as AlertState })).sort();
  expect(which(isUnanswered)).toEqual(["delivered", "raised"]);
  expect(which(isOpen)).toEqual(["acknowledged", "delivered", "handling", "raised"]);
});
