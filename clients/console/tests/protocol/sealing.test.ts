import { beforeAll, describe, expect, it } from "vitest";
import { openSealed, sealFor } from "../../src/protocol/hpke";
import { Malformed } from "../../src/protocol/malformed";
import { judge, NEW_CHAIN, type Chain, type Verdict } from "../../src/protocol/message_chain";
import {
  headerOctets,
  keyBinding,
  publishedKey,
  signedOctets,
  type MessageHeader,
} from "../../src/protocol/message_header";
import { isOwnKey, openAttachment, openMessage, readBody, seal } from "../../src/protocol/message_sealing";
import type { StoredMessage } from "../../src/protocol/messages";
import { base64, equal, fromBase64, fromHex, hex, sha256, utf8 } from "../../src/protocol/octets";
import { drawDeviceKey, drawMessageKey, type DeviceKey } from "../../src/protocol/proof";
import { messageKey } from "./keys";
import { vectors } from "./vectors";

const SEALED = vectors("sealed-messages");
type Vector = ReturnType<typeof vectors>;

function headerOf(vector: Vector): MessageHeader {
  return {
    message: fromHex(vector["message"]),
    sequence: vector["sequence"],
    previous: fromHex(vector["previous"]),
    sentMs: vector["sent_ms"],
    sender: vector["sender"],
    device: vector["device"],
    group: (vector["group"] as string | null) ?? undefined,
    recipients: vector["recipients"],
  };
}

/** The message as the server hands it to the device `at` of the vector's keys. */
function stored(vector: Vector, at: number): StoredMessage {
  return {
    id: "msg_00000000000000a1",
    sender: vector["sender"],
    name: "Anna",
    at_ms: 1,
    signing_key: base64(fromHex(SEALED.device_public_key)),
    sealed: JSON.parse(vector["sealed"]),
    key: base64(fromHex(vector.keys[at]!["wrapped"]!)),
  };
}

describe.each<Vector>(SEALED.messages)("the message of the vectors with number $sequence", (vector) => {
  it("has the header and the octets to sign of every client", async () => {
    expect(hex(headerOctets(headerOf(vector)))).toBe(vector["header"]);
    const attachment = vector["attachment"] ? await sha256(fromHex(vector["attachment"])) : undefined;
    const signed = await signedOctets(headerOf(vector), fromHex(vector["content"]), attachment);
    expect(hex(signed)).toBe(vector["signed"]);
    expect(hex(await sha256(signed))).toBe(vector["digest"]);
  });

  it("has its keys wrapped as RFC 9180 says", async () => {
    for (const key of vector.keys) {
      const info = fromHex(key["info"]!);
      expect(info).toEqual(keyBinding(fromHex(vector["message"]), vector["device"], key["device"]!));
      const ephemeral = await messageKey(key["ephemeral_private_key"]!, key["enc"]!);
      const contentKey = fromHex(vector["content_key"]);
      const wrapped = await sealFor(fromHex(key["public_key"]!), info, contentKey, ephemeral);
      expect(hex(wrapped)).toBe(key["wrapped"]);
      const own = await messageKey(key["private_key"]!, key["public_key"]!);
      expect(await openSealed(own, info, wrapped)).toEqual(contentKey);
    }
  });

  it("is opened by each device that it was sealed for", async () => {
    for (const [at, key] of vector.keys.entries()) {
      const own = await messageKey(key["private_key"]!, key["public_key"]!);
      const opened = await openMessage(stored(vector, at), undefined, key["device"]!, own);
      expect(opened.verdict).toBe("genuine");
      expect(opened.body).toEqual(JSON.parse(vector["body"]));
      expect(hex(opened.digest!)).toBe(vector["digest"]);
    }
  });
});

it("opens the attachment of the vectors, and no other", async () => {
  const vector: Vector = SEALED.messages[0];
  const own = await messageKey(vector.keys[1]!["private_key"]!, vector.keys[1]!["public_key"]!);
  const octets = fromHex(vector["attachment"]);
  const device = vector.keys[1]!["device"]!;
  expect(hex(await openAttachment(stored(vector, 1), octets, device, own))).toBe(vector["attachment_plain"]);
  octets[20]! ^= 1;
  await expect(openAttachment(stored(vector, 1), octets, device, own)).rejects.toThrow(Malformed);
  await expect(openAttachment(stored(SEALED.messages[1], 1), octets, device, own)).rejects.toThrow(Malformed);
});

it("knows a message key that its device signed", async () => {
  const { device, key, signed, signature } = SEALED.published_key;
  expect(hex(publishedKey(device, fromHex(key)))).toBe(signed);
  const told = (octets: string) => base64(fromHex(octets));
  const keys = { device, key: told(key), signing_key: told(SEALED.device_public_key), signature: told(signature) };
  expect(await isOwnKey(keys)).toBe(true);
  expect(await isOwnKey({ ...keys, device: "dev_00000000000000d9" })).toBe(false);
});

describe("a message that was sealed here", () => {
  let anna: DeviceKey;
  let bert: DeviceKey;
  let message: StoredMessage;
  const picture = crypto.getRandomValues(new Uint8Array(5000));
  let encrypted: Uint8Array<ArrayBuffer>;

  beforeAll(async () => {
    anna = await drawDeviceKey();
    bert = await drawMessageKey();
    const header = headerOf({ ...SEALED.messages[0], sequence: 1 });
    const body = { text: "Hør: 🚒", attachment: { kind: "image", name: "quay.png", media_type: "image/png" } } as const;
    const keys = new Map([["dev_00000000000000d2", bert.publicKey]]);
    const sealed = await seal({ header, body, keys, attachment: picture }, anna);
    encrypted = sealed.attachment!;
    message = {
      id: "msg_00000000000000a1",
      sender: header.sender,
      name: "Anna",
      at_ms: 1,
      signing_key: base64(anna.publicKey),
      sealed: sealed.message,
      key: sealed.keys[0]!.octets,
    };
  });

  const open = (
    changed: Partial<StoredMessage> = {},
    known?: Uint8Array<ArrayBuffer>,
    device = "dev_00000000000000d2",
  ) => openMessage({ ...message, ...changed }, known, device, bert);

  it("is read by its recipient, with its attachment", async () => {
    expect(await open()).toMatchObject({ verdict: "genuine", body: { text: "Hør: 🚒" } });
    expect(equal(await openAttachment(message, encrypted, "dev_00000000000000d2", bert), picture)).toBe(true);
  });

  it.each<[string, () => Partial<StoredMessage>, Verdict]>([
    ["said to be somebody else's", () => ({ sender: "sub_00000000000000c9" }), "forged"],
    [
      "with other recipients",
      () => ({ sealed: { ...message.sealed!, recipients: ["sub_00000000000000c9"] } }),
      "forged",
    ],
    ["with another number", () => ({ sealed: { ...message.sealed!, sequence: 2 } }), "forged"],
    [
      "with a changed content",
      () => ({ sealed: { ...message.sealed!, content: flipped(message.sealed!.content) } }),
      "forged",
    ],
    [
      "with a changed signature",
      () => ({ sealed: { ...message.sealed!, signature: flipped(message.sealed!.signature) } }),
      "forged",
    ],
    ["without a key of its sender", () => ({ signing_key: undefined }), "forged"],
    ["with a changed content key", () => ({ key: flipped(message.key!) }), "altered"],
    ["with a content key that is cut off", () => ({ key: "QUJD" }), "altered"],
    ["that is no longer held", () => ({ sealed: undefined }), "gone"],
    ["that was not sealed for us", () => ({ key: undefined }), "unreadable"],
  ])("shows it: %s", async (_, change, verdict) => {
    const opened = await open(change());
    expect(opened.verdict).toBe(verdict);
    expect(opened.body).toBeUndefined();
  });

  it("shows a key that changed, and one that was wrapped for another device", async () => {
    const other = (await drawDeviceKey()).publicKey;
    expect((await open({}, other)).verdict).toBe("key_changed");
    expect((await open({}, undefined, "dev_00000000000000d9")).verdict).toBe("altered");
  });
});

function flipped(text: string): string {
  const octets = fromBase64(text);
  octets[octets.length >> 1]! ^= 1;
  return base64(octets);
}

describe("a body", () => {
  it.each([
    '{"text":1}',
    "[]",
    "null",
    "",
    "{}",
    `{"text":"${"a".repeat(2001)}"}`,
    '{"text":"","attachment":{"kind":"virus"}}',
  ])("is refused: %s", (content) => {
    expect(() => readBody(utf8(content))).toThrow(Malformed);
  });

  it("counts characters, not units of UTF-16", () => {
    expect(readBody(utf8(JSON.stringify({ text: "🚒".repeat(2000), more: 1 }))).text).toHaveLength(4000);
  });
});

it("tells in which order messages were said", async () => {
  const digests = await Promise.all([1, 2, 3, 4, 5].map((n) => sha256(Uint8Array.of(n))));
  const said: [number, number, Verdict][] = [
    [1, 0, "genuine"],
    [2, 1, "genuine"],
    [2, 1, "duplicate"],
    [4, 3, "gap"],
    [3, 2, "late"],
    [3, 2, "duplicate"],
    [5, 3, "broken"],
  ];
  let chain: Chain = NEW_CHAIN;
  for (const [sequence, previous, expected] of said) {
    const before = previous === 0 ? new Uint8Array(32) : digests[previous - 1]!;
    const [next, verdict] = judge(chain, sequence, before, digests[sequence - 1]!);
    expect([sequence, verdict]).toEqual([sequence, expected]);
    chain = next;
  }
});
