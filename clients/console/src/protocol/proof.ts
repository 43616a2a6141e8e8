/** How a device proves that it holds its key, and what its keys are (proto/keys.md). Keys never leave WebCrypto. */
import { concat, utf8, type Octets } from "./octets";

export type Purpose = "enroll" | "login" | "resume";
export const PROTOCOL_VERSION = 1;

/** An Ed25519 key of this device. */
export interface DeviceKey {
  readonly pair: CryptoKeyPair;
  /** 32 octets. */
  readonly publicKey: Octets;
}

/** A new key, which nobody can read: it stays in the browser that drew it. */
export async function drawDeviceKey(): Promise<DeviceKey> {
  return withPublicKey((await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair);
}

/** A new X25519 key for messages, likewise. */
export async function drawMessageKey(): Promise<DeviceKey> {
  return withPublicKey((await crypto.subtle.generateKey("X25519", false, ["deriveBits"])) as CryptoKeyPair);
}

async function withPublicKey(pair: CryptoKeyPair): Promise<DeviceKey> {
  return { pair, publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)) };
}

/**
 * The octets that a device signs. `digest`: 32 octets; SHA-256 of the page's origin in a browser, of the server's
 * certificate elsewhere. `credential`: the enrolment code, or the device's identifier.
 */
export function proof(purpose: Purpose, challenge: Octets, digest: Octets, credential: string): Octets {
  const version = Uint8Array.of(PROTOCOL_VERSION);
  return concat(utf8(`pttserver\0${purpose}\0`), version, challenge, digest, utf8(credential));
}

/** Ed25519 (RFC 8032), 64 octets. */
export async function sign(key: DeviceKey, octets: Octets): Promise<Octets> {
  return new Uint8Array(await crypto.subtle.sign("Ed25519", key.pair.privateKey, octets));
}

/** False for a wrong signature, and for a key that is none. */
export async function verify(publicKey: Octets, signature: Octets, octets: Octets): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, octets);
  } catch {
    return false; // WebCrypto refuses octets that are no point of the curve
  }
}
