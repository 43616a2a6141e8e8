import { expect, it } from "vitest";
import { movedTo, reconciled, shown, stepped, told } from "../../src/alerts/incident";
import { debrief } from "../../src/alerts/debrief";
import type { AlertInfo, AlertStep, Position } from "../../src/protocol/messages";
import { setLanguage } from "../../src/texts/language.svelte";
import { noteOf } from "../../src/alerts/words";

const HERE = { me: "sub_me", groups: [], listenInS: 120 };
const RAISED = 1_800_000_000_000;
const ME = "sub_me";
const info = (more: Partial<AlertInfo> = {}): AlertInfo => ({
  alert: "alr_1", subscriber: "sub_1", name: "Amara", raised_ms: RAISED, state: "raised", drill: false, ...more,
}); // prettier-ignore
const step = (number: number, kind: string, more: Partial<AlertStep> = {}): AlertStep => ({
  number, kind, at_ms: RAISED + number * 1000, ...more,
}); // prettier-ignore
const place = (at_ms: number, latitude = 53): Position => ({ latitude, longitude: 10, accuracy_m: 8, at_ms });
const steps = (...all: AlertStep[]) => told(undefined, info(), all);

it("keeps steps once and in order, whichever way they came", () => {
  const heard = stepped(told(undefined, info()), {
    type: "alert.step",
    alert: "alr_1",
    state: "acknowledged",
    step: step(3, "acknowledged"),
  });
  const read = told(
    heard,
    info({ state: "acknowledged" }),
    [1, 2, 3].map((number) => step(number, "delivered")),
  );
  expect(shown(read, HERE).steps!.map(({ number }) => number)).toEqual([1, 2, 3]);
  expect(shown(read, HERE).state).toBe("acknowledged");
});

it("names who handles it, and knows when that is taken over by us", () => {
  const event = (by: string, name: string, number: number) =>
    ({ type: "alert.step", alert: "alr_1", state: "handling", step: step(number, "handling", { by, name }) }) as const;
  const theirs = stepped(told(undefined, info()), event("sub_2", "Katya", 2));
  expect(shown(theirs, HERE)).toMatchObject({ mine: false, handler: "Katya" });
  expect(shown(stepped(theirs, event(ME, "Ina", 3)), HERE)).toMatchObject({ mine: true, handler: "Ina" });
});

it("follows the raiser, oldest position first, and forgets where it was when that is taken back", () => {
  const followed = movedTo(told(undefined, info({ position: place(RAISED) })), place(RAISED + 5000, 54));
  expect(shown(followed, HERE).track!.map(({ latitude }) => latitude)).toEqual([53, 54]);
  expect(shown(followed, HERE).position!.latitude).toBe(54);
  expect(shown(movedTo(followed, place(RAISED + 4000, 55)), HERE).position!.latitude).toBe(54);
  const forgotten = shown(told(followed, info()), HERE);
  expect([forgotten.position, forgotten.track]).toEqual([undefined, []]);
});

it("says of an alert that is open no more after a lost connection that it was closed meanwhile", () => {
  const before = new Map([["alr_1", told(undefined, info())]]);
  const after = reconciled(before, [{ info: info({ alert: "alr_2" }), steps: [step(1, "raised")] }]);
  expect([...after.values()].map(({ state }) => state)).toEqual(["closed", "raised"]);
});

it("shows a step that it does not know of as such", () => {
  expect(shown(steps(step(1, "yodelled")), HERE).steps![0]!.kind).toBe("other");
});

const by = { by: ME, name: "Ina" };
it.each([
  [[], { state: "off", allowed_s: 120, listeners: [] }],
  [[step(1, "listening_asked", by)], { state: "asked", allowed_s: 120, listeners: [] }],
  [
    [step(1, "listening_asked", by), step(2, "listening_begun", by)],
    { state: "on", allowed_s: 120, listeners: ["Ina"], until_ms: RAISED + 2000 + 60_000 },
  ],
  [
    [step(1, "listening_asked", by), step(2, "listening_ended", { ...by, note: "no_answer" })],
    { state: "off", allowed_s: 120, listeners: [], ended: "no_answer" },
  ],
  [
    [step(1, "listening_begun", { by: "sub_2", name: "Katya" })],
    { state: "off", allowed_s: 120, listeners: ["Katya"] },
  ],
])("knows who listens in after %j", (told, expected) => {
  expect(shown({ ...steps(...told), listenAtMostS: 60 }, HERE).ambient).toEqual(expected);
});

it("says in words why listening ended, and leaves other notes alone", () => {
  setLanguage("en");
  const ended = { number: 1, at_ms: 0, kind: "listening_ended" } as const;
  expect(noteOf({ ...ended, note: "time_up" })).toBe("the time was over");
  expect(noteOf({ ...ended, note: "unheard of" })).toBe("unheard of");
  expect(noteOf({ ...ended, kind: "resolved", note: "time_up" })).toBe("time_up");
});

it("makes a record for the debriefing: what happened after how many seconds, and what is recorded here", () => {
  const incident = told(undefined, info({ state: "resolved", position: place(RAISED) }), [
    step(1, "raised", { by: "sub_1", name: "Amara" }),
    step(2, "delivered", by),
    step(9, "acknowledged", by),
    step(60, "resolved", { ...by, note: "Let out." }),
  ]);
  const about = { group: "g", groupName: "Pier", talker: "sub_1", talkerName: "Amara", kind: "alert" } as const;
  const burst = (alert: string) => ({
    name: `${alert}.burst`,
    burst: { about: { ...about, alert, startedMs: RAISED }, endedMs: RAISED + 2000, state: "whole" as const },
  });
  const maker = { name: "Ina", organisation: "Harbour Guard", atMs: RAISED + 90_000 };
  const record = debrief(shown(incident, HERE), [burst("alr_1"), burst("alr_2"), { name: "x", burst: null }], maker);
  expect(record).toMatchObject({
    alert: "alr_1",
    outcome: "resolved",
    delivered_after_s: 2,
    acknowledged_after_s: 9,
    closed_after_s: 60,
    raised: "2027-01-15T08:00:00.000Z",
    made: { by: "Ina", organisation: "Harbour Guard" },
  });
  expect(record.steps.at(-1)).toMatchObject({ after_s: 60, kind: "resolved", note: "Let out." });
  expect(record.positions).toHaveLength(1);
  expect(record.recordings.map(({ file }) => file)).toEqual(["alr_1.burst"]);
  expect("handler" in record).toBe(false);
});
