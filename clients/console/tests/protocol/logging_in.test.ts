import { describe, expect, it } from "vitest";
import { groupedCode, parseEnrolment } from "../../src/protocol/enrolment";
import { Malformed } from "../../src/protocol/malformed";
import { base64, fromBase64, fromHex, hex, sha256, utf8 } from "../../src/protocol/octets";
import { drawDeviceKey, drawMessageKey, proof, sign, verify, type Purpose } from "../../src/protocol/proof";
import { hostileOctets } from "./hostile";
import { deviceKey } from "./keys";
import { vectors } from "./vectors";

const LOGIN = vectors("login");
const ENROLMENT = vectors("enrolment");

describe("the enrolment text", () => {
  const { url, pin, code, text } = ENROLMENT;

  it.each([text, ...ENROLMENT.also_accepted])("is read: %j", (accepted) => {
    expect(parseEnrolment(accepted)).toEqual({ url, pin, code });
  });

  it.each([...ENROLMENT.refused, "", "ptt:enroll?", `${text}${" ".repeat(2)}x`, text.replace("8443", "65536")])(
    "is refused: %j",
    (refused) => {
      expect(() => parseEnrolment(refused)).toThrow(Malformed);
    },
  );

  it("takes an IPv6 address in brackets, but not a wrong one", () => {
    expect(parseEnrolment(text.replace("ptt.example", "[fe80::1]")).url).toBe("wss://[fe80::1]:8443/v1/ptt");
    expect(() => parseEnrolment(text.replace("ptt.example", "[1:2]"))).toThrow(Malformed);
  });

  it("throws nothing else, whatever a camera reads", () => {
    const decoder = new TextDecoder();
    for (const octets of hostileOctets([new TextEncoder().encode(text)], 5000)) {
      try {
        parseEnrolment(decoder.decode(octets));
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed);
      }
    }
  });

  it("has a code as people type it", () => {
    expect(groupedCode("7k3q-of9a xwz2m4tb")).toBe("7K3Q-0F9A-XWZ2-M4TB");
  });
});

describe("proofs", () => {
  it.each<Purpose>(["enroll", "login", "resume"])("of the purpose %s are those of the vectors", async (purpose) => {
    const vector = LOGIN[purpose];
    const digest = fromHex(LOGIN.certificate_digest);
    const octets = proof(purpose, fromHex(LOGIN.challenge), digest, vector.credential);
    expect(hex(octets)).toBe(vector.proof);
    const key = await deviceKey(LOGIN.device_private_key, LOGIN.device_public_key);
    expect(hex(await sign(key, octets))).toBe(vector.signature);
    expect(await verify(key.publicKey, fromHex(vector.signature), octets)).toBe(true);
    expect(await verify(key.publicKey, fromHex(vector.signature), octets.slice(1))).toBe(false);
  });

  it("of a page are bound to its origin", async () => {
    const { origin, origin_digest, ...browser } = LOGIN.browser;
    const digest = await sha256(utf8(origin));
    expect(hex(digest)).toBe(origin_digest);
    for (const vector of Object.values<ReturnType<typeof vectors>>(browser)) {
      const octets = proof(vector.purpose, fromHex(LOGIN.challenge), digest, vector.credential);
      expect(hex(octets)).toBe(vector.proof);
    }
  });

  it("are by keys that nobody can read", async () => {
    for (const key of [await drawDeviceKey(), await drawMessageKey()]) {
      expect(key.publicKey).toHaveLength(32);
      await expect(crypto.subtle.exportKey("pkcs8", key.pair.privateKey)).rejects.toThrow();
    }
  });

  it("by a key that is none are wrong", async () => {
    expect(await verify(fromHex("ff"), new Uint8Array(64), new Uint8Array(1))).toBe(false);
  });
});

describe("base64", () => {
  it("is that of RFC 4648 section 4, with padding", () => {
    const octets = Uint8Array.from({ length: 20_000 }, (_, index) => index % 251);
    expect(fromBase64(base64(octets))).toEqual(octets);
    for (const wrong of ["QQ", "QQ=", "Q_==", "QQ==\n", "Q=Q="]) expect(() => fromBase64(wrong)).toThrow(Malformed);
  });
});
