import { expect, test } from "vitest";
import { Malformed } from "../../src/protocol/malformed";
import { invitation, otherServer, textOfLink } from "../../src/phone/invitation";

const PIN = `${"a".repeat(42)}A`;
const TEXT = `ptt:enroll?url=wss://ptt.example:8443/v1/ptt&pin=${PIN}&code=7K3Q-0F9A-XWZ2-M4TB`;
const LINK = `https://ptt.example:8443/phone#enroll=${encodeURIComponent(TEXT)}`;
const HERE = "ptt.example:8443";

test.each([TEXT, `  ${TEXT}\n`, LINK, "7k3q of9a xwz2 m4tb"])("%j is the same invitation", (typed) => {
  expect(invitation(typed, HERE)).toMatchObject({
    url: "wss://ptt.example:8443/v1/ptt",
    code: "7K3Q-0F9A-XWZ2-M4TB",
  });
});

test.each(["", "hello", "ptt:enroll?", "https://ptt.example:8443/phone", "https://x/#enroll=hello", "7K3Q-0F9A"])(
  "%j is none",
  (typed) => expect(() => invitation(typed, HERE)).toThrow(Malformed),
);

test("a page speaks with its own server only", () => {
  expect(otherServer(invitation(TEXT, HERE), HERE)).toBeUndefined();
  expect(otherServer(invitation(TEXT, HERE), "other.example")).toBe("https://ptt.example:8443/phone");
});

test("the port of https need not be written", () => {
  const text = TEXT.replace(":8443", ":443");
  expect(otherServer(invitation(text, "ptt.example"), "ptt.example")).toBeUndefined();
});

test("a link without a code says nothing", () => {
  expect(textOfLink("")).toBeUndefined();
  expect(textOfLink("#elsewhere")).toBeUndefined();
  expect(textOfLink(`#enroll=${encodeURIComponent("a+b=c&d")}`)).toBe("a+b=c&d");
});
