import { beforeEach, describe, expect, it } from "vitest";
import { freshness, LONGEST_SHOWN_MS } from "../../src/map/age";
import { marksOf } from "../../src/map/marks_of";
import { foundOnMap } from "../../src/map/view";
import { Whereabouts } from "../../src/map/whereabouts";

const NOW = 1_800_000_000_000;
const at = (age_ms: number, latitude = 1) => ({ latitude, longitude: 2, accuracy_m: 5, at_ms: NOW - age_ms });
let whereabouts: Whereabouts;

beforeEach(() => {
  whereabouts = new Whereabouts();
  whereabouts.interval_s = 30;
  whereabouts.setOnline(new Map([["anna", "Anna"], ["ben", "Ben"], ["cem", "Çem"]])); // prettier-ignore
});

const states = () => Object.fromEntries(whereabouts.people(NOW).map(({ subscriber, state }) => [subscriber, state]));

describe("age", () => {
  it("goes from live to old to lost, by the reports that are due", () => {
    expect(
      [0, 75_000, 75_001, LONGEST_SHOWN_MS, LONGEST_SHOWN_MS + 1].map((age) => freshness(NOW - age, NOW, 30)),
    ).toEqual(["live", "live", "old", "old", "lost"]);
    expect(freshness(NOW - 60_000, NOW, 5)).toBe("live");
    expect(freshness(NOW - 60_001, NOW, 5)).toBe("old");
  });

  it("of a clock that is ahead is none", () => expect(freshness(NOW + 5000, NOW, 30)).toBe("live"));

  it("never shows what is too old, however seldom reports are due", () => {
    expect(freshness(NOW - LONGEST_SHOWN_MS - 1, NOW, 86_400)).toBe("lost");
  });

  it("lets go of what says nothing any more", () => {
    whereabouts.place("anna", "Anna", at(LONGEST_SHOWN_MS + 1));
    whereabouts.place("ben", "Ben", at(1000));
    whereabouts.age(NOW);
    expect([...whereabouts.placed.keys()]).toEqual(["ben"]);
    expect(states()).toEqual({ anna: "unknown", ben: "live", cem: "unknown" });
  });
});

describe("whereabouts", () => {
  it("keep the newest position, whatever comes later", () => {
    whereabouts.place("anna", "Anna", at(1000, 5));
    whereabouts.place("anna", "Anna", at(9000, 6));
    expect(whereabouts.person("anna", NOW).position?.latitude).toBe(5);
  });

  it("of who switched location off are gone, and stay so until a position comes", () => {
    whereabouts.place("anna", "Anna", at(1000));
    whereabouts.switchedOff("anna");
    expect(whereabouts.person("anna", NOW)).toEqual({
      subscriber: "anna",
      name: "Anna",
      state: "off",
      position: undefined,
    });
    expect([...marksOf(whereabouts, NOW)]).toEqual([]);
    whereabouts.place("anna", "Anna", at(0));
    expect(whereabouts.person("anna", NOW).state).toBe("live");
  });

  it("are forgotten all at once", () => {
    whereabouts.place("anna", "Anna", at(1000));
    whereabouts.switchedOff("ben");
    whereabouts.forget();
    expect(new Set(Object.values(states()))).toEqual(new Set(["unknown"]));
  });

  it("of an alert are the newer of the two that are known", () => {
    whereabouts.setAlerts([{ alert: "alr", subscriber: "anna", name: "Anna", drill: true, position: at(5000, 7) }]);
    expect(whereabouts.person("anna", NOW)).toMatchObject({ state: "alert", position: { latitude: 7 } });
    whereabouts.place("anna", "Anna", at(1000, 8));
    const [mark] = [...marksOf(whereabouts, NOW)];
    expect(mark).toMatchObject({ drill: true, person: { position: { latitude: 8 } } });
  });

  it("of an alert without a position are in the list, and nowhere on the map", () => {
    whereabouts.setAlerts([{ alert: "alr", subscriber: "dora", name: "Dora", drill: false, position: undefined }]);
    expect(whereabouts.person("dora", NOW)).toMatchObject({ name: "Dora", state: "alert", position: undefined });
    expect([...marksOf(whereabouts, NOW)]).toEqual([]);
  });
});

it("people are found by parts of their names, who calls for help first and who cannot be located last", () => {
  whereabouts.switchedOff("anna");
  whereabouts.place("ben", "Ben", at(1000));
  whereabouts.setAlerts([{ alert: "alr", subscriber: "cem", name: "Çem", drill: false, position: undefined }]);
  const names = (wanted: string) => foundOnMap(whereabouts.people(NOW), wanted, "en").map(({ name }) => name);
  expect(names("")).toEqual(["Çem", "Ben", "Anna"]);
  expect(names("cem")).toEqual(["Çem"]);
  expect(names("n be")).toEqual(["Ben"]);
});
