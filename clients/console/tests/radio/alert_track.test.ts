import { beforeEach, expect, it } from "vitest";
import type { AlertInfo, LocationTerms, Position, Terms } from "../../src/protocol/messages";
import { AlertTrack } from "../../src/radio/alert_track";
import { Ended, NotConnected } from "../../src/radio/errors";
import type { Ask } from "../../src/radio/signalling";

const INFO: AlertInfo = {
  alert: "alr_1", subscriber: "sub_me", name: "Amara", raised_ms: 0, state: "raised", drill: false,
}; // prettier-ignore
const at = (at_ms: number): Position => ({ latitude: 53, longitude: 10, accuracy_m: 8, at_ms });

let asked: object[];
let fails: Error | undefined;
let accepted: number;
let own: AlertInfo | undefined;
let location: Partial<LocationTerms>;
let track: AlertTrack;

beforeEach(() => {
  asked = [];
  fails = undefined;
  accepted = 1;
  own = INFO;
  location = { state: "on", sos: false, sos_interval_s: 5 };
  const ask = async (type: string, members: object) => {
    asked.push({ type, ...members });
    if (fails !== undefined) throw fails;
    return { accepted, dropped: {} };
  };
  track = new AlertTrack(ask as unknown as Ask, () => own, () => ({ location }) as Terms); // prettier-ignore
});

it("tells where the device is at the interval of the terms, and no oftener", async () => {
  expect(await track.take(at(10_000))).toBe("taken");
  expect(asked).toEqual([{ type: "alert.position", alert: "alr_1", position: at(10_000) }]);
  expect(track.waitMs(11_000)).toBe(4000);
  expect(await track.take(at(14_999))).toBe("early");
  expect(await track.take(at(15_000))).toBe("taken");
  expect(asked).toHaveLength(2);
});

it.each(["off_for_all", "off_for_subscriber", "switched_off", "off_duty"] as const)(
  "while location is %s it sends only if alerts are excepted",
  async (state) => {
    location = { ...location, state };
    expect(track.intervalS).toBeUndefined();
    expect(await track.take(at(10_000))).toBe("early");
    expect(asked).toEqual([]);
    location = { ...location, sos: true };
    expect(await track.take(at(10_000))).toBe("taken");
  },
);

it("sends nothing without an own open alert", async () => {
  own = undefined;
  expect(await track.take(at(10_000))).toBe("early");
  expect(asked).toEqual([]);
});

it("sends nothing later that could not be sent at once, and the next one as soon as it can", async () => {
  fails = new NotConnected("lost");
  expect(await track.take(at(10_000))).toBe("unsent");
  fails = undefined;
  expect(await track.take(at(11_000))).toBe("taken");
  expect(asked[1]).toMatchObject({ position: { at_ms: 11_000 } });
});

it("says when the server does not take it", async () => {
  accepted = 0;
  expect(await track.take(at(10_000))).toBe("dropped");
  fails = new Ended({ why: "closed" });
  expect(await track.take(at(20_000))).toBe("dropped");
});
