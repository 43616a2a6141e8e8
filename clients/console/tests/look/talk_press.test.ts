import { beforeEach, describe, expect, test } from "vitest";
import { TalkPress, type TalkMode } from "../../src/look/talk/talk_press";

let told: string[];
let mode: TalkMode;
let press: TalkPress;

beforeEach(() => {
  told = [];
  mode = "hold";
  press = new TalkPress({ down: () => told.push("down"), up: () => told.push("up") }, () => mode);
});

describe("held to talk", () => {
  test("a press begins and its release ends", () => {
    press.press("pointer 1");
    expect(press.held).toBe(true);
    press.release("pointer 1");
    expect(told).toEqual(["down", "up"]);
    expect(press.held).toBe(false);
  });

  test("a second finger neither begins anew nor ends the first one's press", () => {
    press.press("pointer 1");
    press.press("pointer 2");
    press.release("pointer 2");
    expect(told).toEqual(["down"]);
    press.release("pointer 1");
    expect(told).toEqual(["down", "up"]);
  });

  test("a release without a press is nothing", () => {
    press.release("key");
    expect(told).toEqual([]);
  });

  test("a dropped press needs a new one: the late release tells nothing", () => {
    press.press("key");
    press.drop();
    press.release("key");
    press.drop();
    expect(told).toEqual(["down", "up"]);
    press.press("key");
    expect(told).toEqual(["down", "up", "down"]);
  });

  test("lostpointercapture after pointerup does not end twice", () => {
    press.press("pointer 1");
    press.release("pointer 1");
    press.release("pointer 1");
    expect(told).toEqual(["down", "up"]);
  });

  test("a screen reader's click begins, the next one ends", () => {
    press.toggle("assistive technology");
    press.toggle("assistive technology");
    expect(told).toEqual(["down", "up"]);
  });
});

describe("pressed once to talk, once to end", () => {
  beforeEach(() => {
    mode = "toggle";
  });

  test("the release changes nothing, the second press ends", () => {
    press.press("pointer 1");
    press.release("pointer 1");
    expect(told).toEqual(["down"]);
    press.press("pointer 2");
    press.release("pointer 2");
    expect(told).toEqual(["down", "up"]);
  });

  test("it is dropped like a held one", () => {
    press.press("key");
    press.release("key");
    press.drop();
    expect(told).toEqual(["down", "up"]);
  });
});
