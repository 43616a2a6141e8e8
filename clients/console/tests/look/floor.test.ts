import { describe, expect, test } from "vitest";
import { buttonText } from "../../src/look/talk/button_text";
import { announced, ownLine, type Floor } from "../../src/look/talk/floor";

const NOW = 1_800_000_000_000;
const free: Floor = { own: { state: "none" }, condition: "normal" };
const talker = { subscriber: "sub_0000000000000001", name: "Amara", since_ms: NOW };

describe("one's own line", () => {
  test("nothing asked, nothing said", () => {
    expect(ownLine({ state: "none" }, NOW)).toBeUndefined();
  });

  test("a place in the queue, known or not", () => {
    expect(ownLine({ state: "queued", position: 2 }, NOW)?.text).toContain("number 2");
    expect(ownLine({ state: "queued" }, NOW)?.text).toBe("Waiting for the floor");
  });

  test("the time that is left, never below zero", () => {
    expect(ownLine({ state: "granted", since_ms: NOW, until_ms: NOW + 61_000 }, NOW)?.text).toContain("1:01");
    expect(ownLine({ state: "granted", since_ms: NOW, until_ms: NOW }, NOW + 5_000)?.text).toContain("0:00");
  });

  test.each([1, 3, 5, 7])("cause %i of a denial has words of its own", (cause) => {
    expect(ownLine({ state: "denied", cause }, NOW)?.text).not.toBe(
      ownLine({ state: "denied", cause: 255 }, NOW)?.text,
    );
  });

  test.each([2, 3, 4])("cause %i of a revocation has words of its own", (cause) => {
    expect(ownLine({ state: "revoked", cause }, NOW)?.text).not.toBe(
      ownLine({ state: "revoked", cause: 255 }, NOW)?.text,
    );
  });

  test("each state has a shape of its own: it is told without colour", () => {
    const icons = [
      ownLine({ state: "requesting" }, NOW),
      ownLine({ state: "queued" }, NOW),
      ownLine({ state: "granted", since_ms: NOW, until_ms: NOW }, NOW),
      ownLine({ state: "denied", cause: 1 }, NOW),
      ownLine({ state: "revoked", cause: 2 }, NOW),
    ].map((line) => line?.icon);
    expect(new Set(icons).size).toBe(icons.length);
  });
});

describe("what screen readers are told", () => {
  test("who talks, also without a name", () => {
    expect(announced({ ...free, talker })).toBe("Amara is talking");
    expect(announced({ ...free, talker: { ...talker, name: "" } })).toBe("No name is talking");
  });

  test("one's own grant before all, and the same words while it lasts", () => {
    const granted = (until_ms: number) =>
      announced({ ...free, talker, own: { state: "granted", since_ms: 0, until_ms } });
    expect(granted(NOW)).toBe("Talk now");
    expect(granted(NOW + 1000)).toBe(granted(NOW));
  });

  test("a free floor is silence", () => {
    expect(announced(free)).toBe("");
  });
});

describe("the talk button's words", () => {
  const own = (state: Floor["own"]): Floor => ({ ...free, own: state });

  test("invite, or tell to wait, or name the state", () => {
    expect(buttonText(free, "phone", "hold", NOW)).toBe("Hold to talk");
    expect(buttonText(free, "desk", "toggle", NOW)).toContain("again to end");
    expect(buttonText({ ...free, talker }, "phone", "hold", NOW)).toBe("Hold to ask for the floor");
    expect(buttonText(own({ state: "denied", cause: 3 }), "phone", "hold", NOW)).toBe("Denied: nobody else is here");
  });

  test("are short on a card, whatever the state", () => {
    const states: Floor["own"][] = [
      { state: "none" },
      { state: "requesting" },
      { state: "queued", position: 12 },
      { state: "granted", since_ms: NOW, until_ms: NOW + 60_000 },
      { state: "releasing" },
      { state: "denied", cause: 7 },
      { state: "revoked", cause: 2 },
    ];
    const words = states.map((state) => buttonText(own(state), "card", "hold", NOW));
    expect(new Set(words).size).toBe(states.length);
    for (const word of words) expect(word.length).toBeLessThan(20);
  });

  test("do not change while one talks: screen readers would read each second", () => {
    const granted = own({ state: "granted", since_ms: NOW, until_ms: NOW + 60_000 });
    expect(buttonText(granted, "phone", "hold", NOW)).toBe(buttonText(granted, "phone", "hold", NOW + 5_000));
  });
});
