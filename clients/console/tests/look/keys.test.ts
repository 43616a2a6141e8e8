import { describe, expect, test } from "vitest";
import { nextIndex } from "../../src/look/roving";
import { meant, wantsKey, type Pressed, type Shortcut } from "../../src/look/shortcuts";
import { talksHere } from "../../src/look/talk/talk_key";

/** An element that matches these parts of a selector list. */
function element(...matches: string[]): Pick<Element, "closest"> {
  return {
    closest: (selectors: string) =>
      selectors.split(/,(?![^(]*\))/).some((one) => matches.includes(one.trim())) ? ({} as Element) : null,
  } as Pick<Element, "closest">;
}

const INPUT = element("input:not([type=checkbox],[type=radio],[type=range])", "input");
const BUTTON = element("button");
const TALK_BUTTON = element("button", "[data-talk-button]");

describe("the talk key", () => {
  test("talks on the bare page", () => {
    expect(talksHere(" ", null, false)).toBe(true);
    expect(talksHere(" ", element(), false)).toBe(true);
  });

  test("takes no letter from who writes, but a function key", () => {
    expect(talksHere(" ", INPUT, true)).toBe(false);
    expect(talksHere("t", INPUT, false)).toBe(false);
    expect(talksHere("F8", INPUT, false)).toBe(true);
  });

  test("leaves the space bar to a button that the keyboard reached, not to one that was clicked", () => {
    expect(talksHere(" ", BUTTON, false)).toBe(false);
    expect(talksHere(" ", BUTTON, true)).toBe(true);
    expect(talksHere("t", BUTTON, false)).toBe(true);
  });

  test("is never taken twice: the talk button hears its keys itself", () => {
    expect(talksHere(" ", TALK_BUTTON, true)).toBe(false);
  });
});

describe("shortcuts", () => {
  const pressed = (key: string, parts: Partial<Pressed> = {}): Pressed => ({
    key,
    ctrlKey: false,
    altKey: false,
    metaKey: false,
    repeat: false,
    ...parts,
  });
  const shortcuts: Shortcut[] = [
    { key: "m", means: "messages", act: () => undefined },
    { key: " ", means: "talk" },
  ];

  test("letters in either case, never with Control, never repeated, never those for the help only", () => {
    expect(meant(shortcuts, pressed("M"))?.means).toBe("messages");
    expect(meant(shortcuts, pressed("m", { ctrlKey: true }))).toBeUndefined();
    expect(meant(shortcuts, pressed("m", { repeat: true }))).toBeUndefined();
    expect(meant(shortcuts, pressed(" "))).toBeUndefined();
  });

  test("text fields keep their keys, buttons the space bar", () => {
    expect(wantsKey(INPUT, "m")).toBe(true);
    expect(wantsKey(INPUT, "F2")).toBe(false);
    expect(wantsKey(BUTTON, " ")).toBe(true);
    expect(wantsKey(BUTTON, "m")).toBe(false);
  });
});

describe("roving focus", () => {
  test.each([
    ["ArrowDown", 2, 0],
    ["ArrowUp", 0, 2],
    ["Home", 2, 0],
    ["End", 0, 2],
  ])("%s from %i goes to %i of three", (key, from, to) => {
    expect(nextIndex(key, from, 3, "vertical")).toBe(to);
  });

  test("arrows of the other direction and an empty list move nothing", () => {
    expect(nextIndex("ArrowLeft", 1, 3, "vertical")).toBeUndefined();
    expect(nextIndex("ArrowDown", 0, 0, "vertical")).toBeUndefined();
  });
});
