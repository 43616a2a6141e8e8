import { expect, test } from "vitest";
import { floorShown, type FloorSource } from "../../src/phone/floor_shown";

const GROUP: FloorSource = { state: { is: "idle" }, talker: undefined, emergency: false, imminentPeril: false };
const utcMs = (monotonicS: number) => 1000 * monotonicS + 5;
const own = (state: FloorSource["state"], down = true) => floorShown({ ...GROUP, state }, down, utcMs).own;

test("times are the time of day", () => {
  expect(own({ is: "granted", burstSsrc: 1, endsAt: 7 })).toMatchObject({ state: "granted", until_ms: 7005 });
  const talker = { subscriber: "sub", name: "Bert", burstSsrc: 1, since: 3, emergency: false, imminentPeril: false };
  const floor = floorShown({ ...GROUP, talker: { ...talker, mayRequest: true } }, false, utcMs);
  expect(floor.talker).toEqual({ subscriber: "sub", name: "Bert", since_ms: 3005 });
});

test("the key is up, and the last syllable is still on its way", () => {
  expect(own({ is: "granted", burstSsrc: 1, endsAt: 7 }, false)).toEqual({ state: "releasing" });
});

test("refusals keep their cause", () => {
  expect(own({ is: "denied", reason: "alone", phrase: "" })).toEqual({ state: "denied", cause: 3 });
  expect(own({ is: "revoked", reason: "preempted" })).toEqual({ state: "revoked", cause: 4 });
  expect(own({ is: "unanswered" })).toEqual({ state: "denied", cause: 0 });
});

test("an emergency is more than peril", () => {
  expect(floorShown({ ...GROUP, emergency: true, imminentPeril: true }, false, utcMs).condition).toBe("emergency");
  expect(floorShown({ ...GROUP, imminentPeril: true }, false, utcMs).condition).toBe("peril");
});
