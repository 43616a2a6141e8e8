import { describe, expect, it } from "vitest";
import { Malformed } from "../../src/protocol/malformed";
import { SHAPES } from "../../src/protocol/messages";
import { readMessage } from "../../src/protocol/reading";
import { hostileOctets } from "./hostile";
import { vectors } from "./vectors";

const MESSAGES = vectors("messages");
const SERVER: Record<string, string> = MESSAGES.server;

describe("a text frame of the server", () => {
  it.each([...Object.values(SERVER), ...MESSAGES.server_variants])("is read: %s", (frame) => {
    expect(readMessage(frame)).toEqual(JSON.parse(frame));
  });

  it("may have members that a client does not know", () => {
    for (const { frame } of MESSAGES.read_by_a_client) expect(readMessage(frame)).toEqual(JSON.parse(frame));
  });

  it("of an unknown type is ignored", () => {
    for (const { frame } of MESSAGES.ignored_by_a_client) expect(readMessage(frame)).toBeUndefined();
    expect(readMessage('{"type":"constructor"}')).toBeUndefined();
  });

  it.each(Object.entries(SERVER))("is refused without one of its members: %s", (_, frame) => {
    const message = JSON.parse(frame);
    const required = Object.keys(SHAPES[message.type as keyof typeof SHAPES]).filter((name) => !name.endsWith("?"));
    for (const member of required) {
      const { [member]: _gone, ...rest } = message;
      expect(() => readMessage(JSON.stringify(rest))).toThrow(Malformed);
    }
  });

  it.each([
    '{"type":"welcome","re":1,"protocol":1,"server":"x"}',
    '{"type":"welcome","re":1,"protocol":1,"server":"x","challenge":"?"}',
    '{"type":"alerts","re":1,"alerts":{}}',
    '{"type":"alerts","re":1,"alerts":[{}]}',
    '{"type":"group.emergency","group":"grp_1","on":"yes"}',
    '{"type":"session.ended","reason":null}',
    '["type"]',
    "null",
    "{",
  ])("is refused: %s", (frame) => {
    expect(() => readMessage(frame)).toThrow(Malformed);
  });

  it("throws nothing else, whatever comes", () => {
    const encoder = new TextEncoder();
    const decoder = new TextDecoder();
    for (const octets of hostileOctets(
      Object.values(SERVER)
        .slice(0, 12)
        .map((frame) => encoder.encode(frame)),
      10_000,
    )) {
      try {
        readMessage(decoder.decode(octets));
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed);
      }
    }
  });
});
