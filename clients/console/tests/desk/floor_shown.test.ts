import { describe, expect, it } from "vitest";
import { floorOf, type FloorSource } from "../../src/desk/floor_shown";
import { ownLine } from "../../src/look/talk/floor";
import { denied, revoked, type TalkState } from "../../src/radio/talk_state";

const TIMES = { utcMs: (at: number) => 1_000_000 + 1000 * at, grantedMs: () => 1_005_000 };
const group = (state: TalkState, parts: Partial<FloorSource> = {}): FloorSource => ({
  state,
  talker: undefined,
  emergency: false,
  imminentPeril: false,
  ...parts,
});

describe("the floor that is shown", () => {
  it("counts down to the end that the server told", () => {
    const { own } = floorOf(group({ is: "granted", burstSsrc: 7, endsAt: 65 }), TIMES);
    expect(own).toEqual({ state: "granted", since_ms: 1_005_000, until_ms: 1_065_000 });
  });

  it("waits for the last syllable once the key is up", () => {
    expect(floorOf(group({ is: "granted", burstSsrc: 7, endsAt: 65 }), TIMES, false).own).toEqual({
      state: "releasing",
    });
  });

  it("names who talks, and since when", () => {
    const talker = {
      subscriber: "sub_1",
      name: "Anna",
      burstSsrc: 7,
      since: 3,
      emergency: false,
      imminentPeril: false,
      mayRequest: true,
    };
    expect(floorOf(group({ is: "idle" }, { talker }), TIMES).talker).toEqual({
      subscriber: "sub_1",
      name: "Anna",
      since_ms: 1_003_000,
    });
  });

  it("puts an emergency before imminent peril", () => {
    expect(floorOf(group({ is: "idle" }, { imminentPeril: true }), TIMES).condition).toBe("peril");
    expect(floorOf(group({ is: "idle" }, { imminentPeril: true, emergency: true }), TIMES).condition).toBe("emergency");
  });

  // Reject Causes of TS 24.380 §8.2.3.4 keep their sentences on the way through the radio
  it.each([
    [denied(1, ""), "somebody is talking"],
    [denied(3, ""), "nobody else is here"],
    [denied(5, ""), "only listen"],
    [denied(7, ""), "queue is full"],
    [denied(255, ""), "Denied. Try again."],
    [revoked(2), "talking time is over"],
    [revoked(3), "Stopped by a dispatcher"],
    [revoked(4), "more urgent"],
    [{ is: "lost" } as const, "Press again"],
    [{ is: "unanswered" } as const, "Denied. Try again."],
    [{ is: "queued", position: 2, size: 3 } as const, "number 2"],
  ])("says %o in words", (state, words) => {
    expect(ownLine(floorOf(group(state), TIMES).own, 0)?.text).toContain(words);
  });
});
