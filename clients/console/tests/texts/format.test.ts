import { afterEach, describe, expect, test } from "vitest";
import { ago, clock, coordinates, list, metres, octets, percent, timeOrDate } from "../../src/texts/format";
import { setLanguage } from "../../src/texts/language.svelte";
import { shortName } from "../../src/texts/names";

afterEach(() => setLanguage("en"));

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test.each([
  [0, "0:00"],
  [7_999, "0:07"],
  [61_000, "1:01"],
  [HOUR + 2 * MINUTE + 3_000, "1:02:03"],
  [-5_000, "0:00"],
])("%i ms are %s", (duration, expected) => {
  expect(clock(duration)).toBe(expected);
});

test.each([
  [0, "now"],
  [-60_000, "now"],
  [25_000, "20 sec. ago"],
  [3 * MINUTE, "3 min. ago"],
  [2 * HOUR + MINUTE, "2 hr. ago"],
  [24 * HOUR, "yesterday"],
])("%i ms ago is %s", (age, expected) => {
  expect(ago(age)).toBe(expected);
});

test("the date stands there only if it was not today", () => {
  const noon = new Date(2026, 10, 29, 12, 5, 9).getTime();
  expect(timeOrDate(noon, noon + HOUR)).toBe("12:05");
  expect(timeOrDate(noon, noon + HOUR, true)).toBe("12:05:09");
  expect(timeOrDate(noon, noon + 24 * HOUR)).toContain("Nov 29");
  expect(timeOrDate(new Date(2026, 10, 29, 0, 5).getTime(), noon)).toBe("00:05");
});

describe("sizes", () => {
  test("in English and German", () => {
    expect(metres(14.4)).toBe("14 m");
    expect(metres(1450)).toBe("1.5 km");
    expect(octets(842_113)).toBe("842 kB");
    expect(octets(3_400_000)).toBe("3.4 MB");
    expect(percent(0.25)).toBe("25%");
    setLanguage("de");
    expect(metres(1450)).toBe("1,5 km");
    expect(percent(0.25)).toBe("25\u00a0%");
    expect(list(["a", "b", "c"])).toBe("a, b und c");
  });

  test("coordinates keep about a metre", () => {
    expect(coordinates(52.516274, -0.1)).toBe("52.51627, -0.10000");
  });
});

describe("short names", () => {
  test("count code points and never cut one in two", () => {
    expect(shortName("😀".repeat(10), 5)).toBe("😀😀😀😀…");
    expect(shortName("abc", 3)).toBe("abc");
  });

  test("what cannot be seen becomes a space", () => {
    expect(shortName("\u202Eabc\u200Bdef\u0000\n")).toBe("abc def");
    expect(shortName("\u200B\u202E")).toBe("");
  });
});
