/**
 * HPKE (RFC 9180), base mode, one message, with the suite of proto/messages.md: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
 * AES-256-GCM. By WebCrypto alone, so that a private key that nobody can read will do.
 */
import { Malformed } from "./malformed";
import { concat, number, utf8, type Octets } from "./octets";
import type { DeviceKey } from "./proof";

export const ENC_BYTES = 32;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const HASH_BYTES = 32;
const KEM_SUITE = concat(utf8("KEM"), number(0x0020, 2));
const SUITE = concat(utf8("HPKE"), number(0x0020, 2), number(0x0001, 2), number(0x0002, 2));
const NOTHING: Octets = new Uint8Array();

/** `enc`, then the ciphertext. `ephemeral`: drawn for this message alone. Throws Malformed: the key is none. */
export async function sealFor(recipient: Octets, info: Octets, plain: Octets, ephemeral: DeviceKey): Promise<Octets> {
  const shared = await agreed(ephemeral, recipient, ephemeral.publicKey, recipient);
  const [key, iv] = await keySchedule(shared, info, "encrypt");
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain);
  return concat(ephemeral.publicKey, new Uint8Array(sealed));
}

/** Throws Malformed: it is not for this key, was bound to another `info`, or was changed. */
export async function openSealed(own: DeviceKey, info: Octets, octets: Octets): Promise<Octets> {
  const enc = octets.slice(0, ENC_BYTES);
  const shared = await agreed(own, enc, enc, own.publicKey);
  const [key, iv] = await keySchedule(shared, info, "decrypt");
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, octets.slice(ENC_BYTES)));
  } catch {
    throw new Malformed("the seal is broken");
  }
}

/** RFC 9180 §4.1, Encap and Decap: both ends come to the same secret. */
async function agreed(own: DeviceKey, other: Octets, enc: Octets, recipient: Octets): Promise<Octets> {
  const dh = await diffieHellman(own, other);
  const prk = await labeledExtract(KEM_SUITE, NOTHING, "eae_prk", dh);
  return labeledExpand(KEM_SUITE, prk, "shared_secret", concat(enc, recipient), HASH_BYTES);
}

/** WebCrypto refuses a result of all zeros, as RFC 9180 §7.1.4 demands. */
async function diffieHellman(own: DeviceKey, other: Octets): Promise<Octets> {
  try {
    const publicKey = await crypto.subtle.importKey("raw", other, "X25519", false, []);
    const bits = await crypto.subtle.deriveBits({ name: "X25519", public: publicKey }, own.pair.privateKey, 256);
    return new Uint8Array(bits);
  } catch {
    throw new Malformed("no X25519 key");
  }
}

/** RFC 9180 §5.1: key and nonce of the first message. */
async function keySchedule(shared: Octets, info: Octets, use: "encrypt" | "decrypt"): Promise<[CryptoKey, Octets]> {
  const idHash = await labeledExtract(SUITE, NOTHING, "psk_id_hash", NOTHING);
  const infoHash = await labeledExtract(SUITE, NOTHING, "info_hash", info);
  const context = concat(Uint8Array.of(0), idHash, infoHash);
  const secret = await labeledExtract(SUITE, shared, "secret", NOTHING);
  const key = await labeledExpand(SUITE, secret, "key", context, KEY_BYTES);
  const nonce = await labeledExpand(SUITE, secret, "base_nonce", context, NONCE_BYTES);
  return [await crypto.subtle.importKey("raw", key, "AES-GCM", false, [use]), nonce];
}

function labeledExtract(suite: Octets, salt: Octets, label: string, ikm: Octets): Promise<Octets> {
  return hmac(salt, concat(utf8("HPKE-v1"), suite, utf8(label), ikm));
}

/** One block of HKDF-Expand (RFC 5869 §2.3) is enough: nothing here is longer than the hash. */
async function labeledExpand(suite: Octets, prk: Octets, label: string, info: Octets, size: number): Promise<Octets> {
  const labeled = concat(number(size, 2), utf8("HPKE-v1"), suite, utf8(label), info);
  return (await hmac(prk, concat(labeled, Uint8Array.of(1)))).slice(0, size);
}

/** HMAC fills a short key with zeros, so a salt that is absent is a zero octet: WebCrypto takes no empty key. */
async function hmac(key: Octets, octets: Octets): Promise<Octets> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const material = key.length === 0 ? new Uint8Array(1) : key;
  const imported = await crypto.subtle.importKey("raw", material, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign(algorithm, imported, octets));
}
