/** Keys of the test vectors: WebCrypto takes a private key in the envelope of PKCS #8 (RFC 8410 §7). */
import { concat, fromHex, type Octets } from "../../src/protocol/octets";
import type { DeviceKey } from "../../src/protocol/proof";

export async function deviceKey(privateKey: string, publicKey: string): Promise<DeviceKey> {
  return pair("Ed25519", "70", privateKey, publicKey, ["sign"], ["verify"]);
}

export async function messageKey(privateKey: string, publicKey: string): Promise<DeviceKey> {
  return pair("X25519", "6e", privateKey, publicKey, ["deriveBits"], []);
}

async function pair(
  algorithm: string,
  oid: string,
  privateKey: string,
  publicKey: string,
  privateUse: KeyUsage[],
  publicUse: KeyUsage[],
): Promise<DeviceKey> {
  const envelope: Octets = concat(fromHex(`302e020100300506032b65${oid}04220420`), fromHex(privateKey));
  const octets = fromHex(publicKey);
  return {
    pair: {
      privateKey: await crypto.subtle.importKey("pkcs8", envelope, algorithm, false, privateUse),
      publicKey: await crypto.subtle.importKey("raw", octets, algorithm, true, publicUse),
    },
    publicKey: octets,
  };
}
