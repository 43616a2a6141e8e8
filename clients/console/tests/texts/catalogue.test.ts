import { afterEach, describe, expect, test } from "vitest";
import { de } from "../../src/texts/de";
import { en } from "../../src/texts/en";
import { explained } from "../../src/texts/errors";
import { setLanguage, spoken } from "../../src/texts/language.svelte";
import { say, type Text } from "../../src/texts/say";

afterEach(() => setLanguage("en"));

const forms = (text: Text): string[] => (typeof text === "string" ? [text] : [text.one, text.other]);
const places = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort();

describe("the catalogues", () => {
  const keys = Object.keys(en) as (keyof typeof en)[];

  test("have the same keys", () => {
    expect(Object.keys(de).sort()).toEqual([...keys].sort());
  });

  test("have the same places in each sentence, and no empty one", () => {
    for (const key of keys) {
      expect(new Set(forms(de[key]).flatMap(places)), key).toEqual(new Set(forms(en[key]).flatMap(places)));
      for (const text of [...forms(en[key]), ...forms(de[key])]) expect(text.trim(), key).not.toBe("");
    }
  });
});

describe("say", () => {
  test("puts values in and chooses the plural", () => {
    expect(say("people.found", { count: 1 })).toBe("1 person found");
    expect(say("people.found", { count: 1200 })).toBe("1,200 people found");
    setLanguage("de");
    expect(say("people.found", { count: 1200 })).toBe("1.200 Personen gefunden");
  });

  test("a value that looks like a place, or like a pattern, is only text", () => {
    expect(say("floor.talks", { name: "{name} $& $1" })).toBe("{name} $& $1 is talking");
  });

  test("a name cannot turn the sentence around, nor break the line, nor flood it", () => {
    expect(say("floor.talks", { name: "Ann\u202Egnp.exe" })).toBe("Ann gnp.exe is talking");
    expect(say("floor.talks", { name: "a\nb\u2069" })).toBe("a b is talking");
    expect(say("floor.talks", { name: "محمد" })).toBe("\u2068محمد\u2069 is talking");
    const flooded = say("floor.talks", { name: "N".repeat(10_000) });
    expect(flooded).toBe(`${"N".repeat(79)}… is talking`);
  });
});

test.each([
  [["de-AT", "en"], "de"],
  [["fr", "DE"], "de"],
  [["fr", "nl"], "en"],
  [[], "en"],
])("who wants %j gets %s", (wanted, language) => {
  expect(spoken(wanted)).toBe(language);
});

describe("faults", () => {
  test("the wait is told where the server told it", () => {
    expect(explained({ code: "auth.throttled", details: { retry_after_s: 41.2 } })).toContain("0:42");
    expect(explained({ code: "busy", details: { retry_after_s: 3 } })).toContain("0:03");
  });

  test("why a call could not be set up", () => {
    expect(explained({ code: "call.unavailable", details: { why: "offline" } })).toContain(
      "Nobody you called is online",
    );
    expect(explained({ code: "call.unavailable", details: { why: "new reason" } })).toBe(
      explained({ code: "call.unavailable" }),
    );
  });

  test("a code that is not known is an inner fault, and the server's words are not shown as ours", () => {
    expect(explained({ code: "toString", message: "<b>x</b>" })).toBe(explained({ code: "internal" }));
    expect(explained({ code: "internal" })).toContain("Try again");
  });
});
