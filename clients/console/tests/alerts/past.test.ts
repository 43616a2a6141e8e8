import { expect, it } from "vitest";
import { debrief } from "../../src/alerts/debrief";
import { PastAlerts } from "../../src/alerts/past.svelte";
import type { AlertShown } from "../../src/alerts/view";
import type { AlertDebriefing, AlertMark, PastAlert } from "../../src/protocol/messages";
import { Refused } from "../../src/radio/errors";
import type { Radio } from "../../src/radio/radio";

const RAISED = 1_800_000_000_000;
const MAKER = { name: "Ina", organisation: "Harbour Guard", atMs: RAISED };
const past = (number: number): PastAlert => ({
  info: {
    alert: `alr_${number}`, subscriber: "sub_1", name: "Amara", raised_ms: RAISED + number, state: "resolved", drill: false,
  },
  closed_ms: RAISED + number + 60_000,
}); // prettier-ignore
const DEBRIEFING: AlertDebriefing = {
  type: "alert.debriefing",
  re: 1,
  past: { ...past(1), info: { ...past(1).info, handler: "sub_me" } },
  steps: [
    { number: 1, kind: "raised", at_ms: RAISED + 1, by: "sub_1", name: "Amara" },
    { number: 2, kind: "handling", at_ms: RAISED + 2, by: "sub_me", name: "Ina" },
    { number: 3, kind: "noted", at_ms: RAISED + 3, by: "sub_me", name: "Ina", note: "a car is on its way" },
  ],
  place: { latitude: 53, longitude: 10 },
};

/** Keeps alerts 3, 2 and 1, two on a page. `asked`: what was asked of it. */
function server(): { radio: Radio; asked: unknown[] } {
  const asked: unknown[] = [];
  const alerts = {
    past: async (before?: AlertMark) => {
      asked.push(before);
      const last = { alert: "alr_2", raised_ms: RAISED + 2 };
      return before === undefined ? { alerts: [past(3), past(2)], further: last } : { alerts: [past(1)] };
    },
    debrief: async (alert: string) => {
      asked.push(alert);
      if (alert !== "alr_1") throw new Refused("not_found", "kept no longer");
      return DEBRIEFING;
    },
  };
  return { radio: { identity: { subscriber: "sub_me" }, alerts } as unknown as Radio, asked };
}

const names = (alerts: readonly AlertShown[]) => alerts.map(({ alert }) => alert);
const seen = (number: number, state: AlertShown["state"]): AlertShown => ({
  alert: `alr_${number}`, subscriber: "sub_1", name: "Amara", raised_ms: RAISED + number, state, drill: false, mine: false,
  groups: [], ambient: { state: "off", listeners: [], allowed_s: 0 }, steps: [],
}); // prettier-ignore

it("reads page after page, each from where the one before ended, and no more after the last", async () => {
  const { radio, asked } = server();
  const read = new PastAlerts(radio);
  await read.more();
  expect([names(read.with([])), read.isMore]).toEqual([["alr_3", "alr_2"], true]);
  await read.more();
  expect([names(read.with([])), read.isMore]).toEqual([["alr_3", "alr_2", "alr_1"], false]);
  await read.more();
  expect(asked).toEqual([undefined, { alert: "alr_2", raised_ms: RAISED + 2 }]);
});

it("puts what this console saw itself among them, and takes the server's word for what it missed the end of", async () => {
  const read = new PastAlerts(server().radio);
  await read.more();
  const both = read.with([seen(4, "false_alarm"), seen(3, "test"), seen(2, "closed"), seen(5, "handling")]);
  expect(both.map(({ alert, state }) => [alert, state])).toEqual([
    ["alr_4", "false_alarm"],
    ["alr_3", "test"],
    ["alr_2", "resolved"],
  ]);
});

it("reads one in full when it is chosen, once, for the debriefing", async () => {
  const { radio, asked } = server();
  const read = new PastAlerts(radio);
  await read.more();
  await read.more();
  expect(read.with([]).at(-1)!.steps).toBeUndefined();
  await read.open("alr_1");
  await read.open("alr_1");
  const shown = read.with([]).at(-1)!;
  expect(shown).toMatchObject({ handler: "Ina", mine: true, position: { latitude: 53, longitude: 10 } });
  const record = debrief(shown, [], MAKER);
  expect(record.steps.at(-1)).toMatchObject({ kind: "noted", by: "Ina", note: "a car is on its way" });
  expect(record.positions).toEqual([{ latitude: 53, longitude: 10 }]);
  expect(asked.filter((one) => one === "alr_1")).toHaveLength(1);
});

it("says when one is kept no longer", async () => {
  const read = new PastAlerts(server().radio);
  await read.more();
  await read.open("alr_3");
  expect([read.fault?.code, read.isReading]).toEqual(["not_found", false]);
});
