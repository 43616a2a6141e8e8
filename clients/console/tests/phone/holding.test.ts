import { expect, test } from "vitest";
import { held, HOLD_MS } from "../../src/phone/holding";

test("nothing is held before the press, all of it after two seconds, and no more", () => {
  expect(held(undefined, 5_000)).toBe(0);
  expect(held(1_000, 1_000)).toBe(0);
  expect(held(1_000, 1_000 + HOLD_MS / 4)).toBe(0.25);
  expect(held(1_000, 1_000 + HOLD_MS - 1)).toBeLessThan(1);
  expect(held(1_000, 1_000 + HOLD_MS)).toBe(1);
  expect(held(1_000, 60_000)).toBe(1);
  expect(held(1_000, 0)).toBe(0);
});
