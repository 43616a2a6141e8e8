import { beforeEach, expect, it } from "vitest";
import type { LocationTerms, Position, Terms } from "../../src/protocol/messages";
import type { Clock } from "../../src/radio/clock";
import { NotConnected } from "../../src/radio/errors";
import { Location } from "../../src/radio/location";
import type { Ask } from "../../src/radio/signalling";

const at = (at_ms: number): Position => ({ latitude: 53, longitude: 10, accuracy_m: 8, at_ms });
const settled = () => new Promise((resolve) => setTimeout(resolve));

let sent: string[];
let offline: boolean;
let told: Partial<LocationTerms>;
let location: Location;
let answer: () => void;

beforeEach(() => {
  sent = [];
  offline = false;
  told = { state: "on", interval_s: 5, sos: false };
  const ask = async (type: string, members: { positions?: Position[] }) => {
    if (offline) throw new NotConnected("no connection");
    sent.push(type, ...(members.positions ?? []).map(({ at_ms }) => String(at_ms)));
    if (type === "location.switch") await new Promise<void>((resolve) => (answer = resolve));
    return { accepted: 1, dropped: {} };
  };
  const clock = { utcMs: () => 100_000 } as unknown as Clock;
  location = new Location(ask as unknown as Ask, clock, () => ({ location: told }) as Terms);
});

it("off holds before the server answers, whatever its terms say", async () => {
  const switching = location.switch(false);
  expect(location.state).toBe("switched_off");
  location.moved(at(90_000));
  await settled();
  answer();
  await switching;
  location.moved(at(99_000));
  await settled();
  expect(sent).toEqual(["location.switch"]);
});

it("off without a connection holds with the next one", async () => {
  offline = true;
  await expect(location.switch(false)).rejects.toThrow(NotConnected);
  location.moved(at(90_000));
  offline = false;
  await location.connected();
  expect(sent).toEqual([]);
});

it("lets go of what waited when location was off and on again meanwhile", async () => {
  offline = true;
  location.moved(at(80_000));
  location.moved(at(90_000));
  await settled();
  offline = false;
  told = { ...told, on_since_ms: 80_000 };
  await location.connected();
  expect(sent).toEqual(["location.report", "90000"]);
});
