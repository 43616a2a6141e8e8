import { describe, expect, it } from "vitest";
import { History } from "../../src/desk/history";

const ANNA = { burst: "7", name: "Anna" };
const BERT = { burst: "8", name: "Bert", emergency: true };

describe("the history of a group", () => {
  it("has a burst when it is over, newest first", () => {
    const history = new History();
    history.note("grp_1", ANNA, 1_000);
    history.note("grp_1", ANNA, 2_000);
    expect(history.of("grp_1")).toEqual([]);
    history.note("grp_1", BERT, 3_500);
    history.note("grp_1", undefined, 4_000);
    expect(
      history.of("grp_1").map(({ name, at_ms, duration_ms, emergency }) => [name, at_ms, duration_ms, emergency]),
    ).toEqual([
      ["Bert", 3_500, 500, true],
      ["Anna", 1_000, 2_500, false],
    ]);
    expect(history.of("grp_2")).toEqual([]);
  });

  it("forgets the oldest", () => {
    const history = new History();
    for (let burst = 0; burst < 60; burst += 1)
      history.note("grp_1", { burst: String(burst), name: `${burst}` }, burst);
    expect(history.of("grp_1")).toHaveLength(50);
    expect(history.of("grp_1").at(-1)?.name).toBe("9");
  });

  it("gives the same list until something changes", () => {
    const history = new History();
    history.note("grp_1", ANNA, 1);
    history.note("grp_1", undefined, 2);
    expect(history.of("grp_1")).toBe(history.of("grp_1"));
  });
});
