import { describe, expect, test } from "vitest";
import { together } from "../../src/look/messages/messages";
import { bars, deviceIcon, found, type PersonShown } from "../../src/look/people/people";

const person = (name: string, parts: Partial<PersonShown> = {}): PersonShown => ({
  subscriber: name,
  name,
  presence: "online",
  ...parts,
});

describe("the list of people", () => {
  test("who talks first, then presence, then the name as the language sorts", () => {
    const sorted = found(
      [
        person("Zoe", { presence: "offline" }),
        person("Émile"),
        person("Eva"),
        person("Unit 10"),
        person("Unit 9"),
        person("Bo", { presence: "affiliated" }),
        person("Yara", { talking: true, presence: "offline" }),
      ],
      "",
      "en",
    );
    expect(sorted.map((one) => one.name)).toEqual(["Yara", "Bo", "Émile", "Eva", "Unit 9", "Unit 10", "Zoe"]);
  });

  test("every word must be there, in any order, accents and case aside", () => {
    const people = [person("François Petit"), person("Petra Frank")];
    expect(found(people, "petit FRANCOIS", "en").map((one) => one.name)).toEqual(["François Petit"]);
    expect(found(people, "pet fran", "en")).toHaveLength(2);
    expect(found(people, "nobody", "en")).toEqual([]);
  });

  test("a thousand names of 10,000 characters are sorted and searched at once", () => {
    const people = Array.from({ length: 1000 }, (_, index) => person(`${index} ${"x".repeat(10_000)}`));
    expect(found(people, "999", "en")).toHaveLength(1);
  });
});

test.each([
  [0, 10, 4],
  [0.02, 10, 3],
  [0.07, 10, 2],
  [0.12, 10, 1],
  [0.3, 10, 0],
  [0, 400, 0],
])("loss %f and jitter %i ms are %i bars", (lost, jitter, expected) => {
  expect(bars(lost, jitter)).toBe(expected);
});

test("a device of an unknown kind is a person", () => {
  expect(deviceIcon("console")).toBe("desk");
  expect(deviceIcon("toaster")).toBe("person");
  expect(deviceIcon(undefined)).toBe("person");
});

test("a message to several is told by the worst of its deliveries", () => {
  expect(together(["read", "sent", "delivered"])).toBe("sent");
  expect(together(["read", "undelivered"])).toBe("undelivered");
  expect(together(["read", "read"])).toBe("read");
  expect(together([])).toBe("sending");
});
