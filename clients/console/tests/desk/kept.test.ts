import { describe, expect, it } from "vitest";
import { Kept, LOUD } from "../../src/desk/kept";

class Storage {
  readonly values = new Map<string, string>();
  getItem = (name: string) => this.values.get(name) ?? null;
  setItem = (name: string, value: string) => void this.values.set(name, value);
}

describe("what a browser remembers of a desk", () => {
  it("is there at the next visit, for the same account only", () => {
    const storage = new Storage();
    const sound = { volume: 0.5, pan: -1, muted: true };
    new Kept(storage, "sub_1").change({
      sounds: { grp_1: sound },
      talkKey: "F8",
      talkMode: "toggle",
      selected: "grp_1",
    });
    const { desk } = new Kept(storage, "sub_1");
    expect([desk.sounds["grp_1"], desk.talkKey, desk.talkMode, desk.selected]).toEqual([
      sound,
      "F8",
      "toggle",
      "grp_1",
    ]);
    expect(new Kept(storage, "sub_2").desk.talkKey).toBe(" ");
  });

  it.each([
    "{",
    "null",
    "7",
    '{"sounds":7,"monitored":[],"talkKey":"","input":3}',
    '{"sounds":{"grp_1":{"volume":9,"pan":0,"muted":false}},"monitored":{"grp_1":"yes"},"talkMode":"sing"}',
  ])("is as if it had never been chosen, if it is damaged: %s", (text) => {
    const storage = new Storage();
    storage.setItem("desk.sub_1", text);
    const { desk } = new Kept(storage, "sub_1");
    expect(desk).toEqual(new Kept(new Storage(), "sub_1").desk);
    expect(desk.sounds["grp_1"] ?? LOUD).toBe(LOUD);
  });
});
