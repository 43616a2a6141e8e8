import { expect, test } from "vitest";
import { Kept } from "../../src/phone/kept.svelte";

function storage(kept?: string): Storage {
  const values = new Map(kept === undefined ? [] : [["phone", kept]]);
  return {
    getItem: (name: string) => values.get(name) ?? null,
    setItem: (name: string, value: string) => void values.set(name, value),
    removeItem: (name: string) => void values.delete(name),
  } as unknown as Storage;
}

test("choices outlive the page, until the phone is forgotten", () => {
  const kept = storage();
  new Kept(kept).change({ group: "grp_1", mode: "toggle" });
  const again = new Kept(kept);
  expect(again.choices).toMatchObject({ group: "grp_1", mode: "toggle", volume: 1 });
  again.forget();
  expect(new Kept(kept).choices.group).toBe("");
});

test.each(["", "no JSON", "null", "7", '"text"', "[1]", '{"volume": 7, "mode": "shout", "awake": "yes", "other": 1}'])(
  "what is damaged is as if it had never been chosen: %j",
  (text) => expect(new Kept(storage(text)).choices).toEqual(new Kept(storage()).choices),
);
