import { beforeEach, expect, it } from "vitest";
import type { AlertInfo } from "../../src/protocol/messages";
import { Alerts, type AlertEvent } from "../../src/radio/alerts";
import { CLOCK } from "../../src/radio/clock";
import type { Ask } from "../../src/radio/signalling";

const INFO: AlertInfo = {
  alert: "alr_1", subscriber: "sub_1", name: "Amara", raised_ms: 0, state: "raised", drill: false,
}; // prettier-ignore

let asked: { type: string; [member: string]: unknown }[];
let alerts: Alerts;
let told: AlertEvent[];

beforeEach(() => {
  asked = [];
  told = [];
  const ask = async (type: string, members: object) => {
    asked.push({ type, ...members });
    return type === "alert.listen" ? { group: "grp_x", at_most_s: 60 } : { alerts: [] };
  };
  alerts = new Alerts(ask as unknown as Ask, "sub_me", CLOCK, () => undefined, () => undefined); // prettier-ignore
  alerts.listen((event) => told.push(event));
});

it("confirms an alert when it comes in, or when the page says that it shows it", async () => {
  alerts.take({ type: "alert.raised", info: INFO });
  expect(asked).toEqual([{ type: "alert.delivered", alert: "alr_1" }]);
  alerts.isShownByPage = true;
  alerts.take({ type: "alert.raised", info: { ...INFO, alert: "alr_2" } });
  expect(asked).toHaveLength(1);
  alerts.shown("alr_2");
  expect(asked[1]).toEqual({ type: "alert.delivered", alert: "alr_2" });
});

it("confirms neither its own alert nor one that is over", () => {
  alerts.isShownByPage = true;
  alerts.take({ type: "alert.raised", info: { ...INFO, subscriber: "sub_me" } });
  alerts.shown("alr_1");
  alerts.shown("alr_9");
  expect(asked).toEqual([]);
});

it("follows the raiser of an open alert, and of no other", () => {
  const position = { latitude: 53, longitude: 10, accuracy_m: 8, at_ms: 5 };
  alerts.take({ type: "alert.raised", info: INFO });
  alerts.take({ type: "alert.moved", alert: "alr_1", position });
  alerts.take({ type: "alert.moved", alert: "alr_2", position });
  expect(alerts.open.get("alr_1")!.position).toEqual(position);
  expect(told.filter(({ kind }) => kind === "moved")).toEqual([{ kind: "moved", alert: "alr_1", position }]);
});

it("asks to listen in with a reason and for how long, and ends it", async () => {
  expect(await alerts.listenIn("alr_1", "no answer", 60)).toEqual({ group: "grp_x", at_most_s: 60 });
  await alerts.endListening("alr_1");
  expect(asked).toEqual([
    { type: "alert.listen", alert: "alr_1", reason: "no answer", for_s: 60 },
    { type: "alert.listen.end", alert: "alr_1" },
  ]);
});
