/** The key of the recordings: drawn at random, kept wrapped under a passphrase, never extractable while in use. */

import type { Bytes } from "./bytes";

/** What lies beside the recordings. Without the passphrase it opens nothing. */
export interface SealedVault {
  readonly version: 1;
  readonly salt: string;
  readonly iterations: number;
  readonly nonce: string;
  readonly wrapped: string;
}

export class WrongPassphrase extends Error {
  constructor() {
    super("The passphrase does not open the recordings.");
  }
}

/** OWASP's advice of 2023 for PBKDF2 with SHA-256. */
export const ITERATIONS = 600_000;
export const SHORTEST_PASSPHRASE = 12;

const AES = { name: "AES-GCM", length: 256 } as const;

/** A new vault and its key. Throws RangeError for a passphrase of less than `SHORTEST_PASSPHRASE` characters. */
export async function makeVault(passphrase: string, iterations = ITERATIONS): Promise<[SealedVault, CryptoKey]> {
  const drawn = await crypto.subtle.generateKey(AES, true, ["encrypt", "decrypt"]);
  const vault = await wrap(drawn, passphrase, iterations);
  return [vault, await openVault(vault, passphrase)];
}

/** Throws WrongPassphrase. */
export async function openVault(vault: SealedVault, passphrase: string): Promise<CryptoKey> {
  return unwrap(vault, passphrase, false);
}

/** The same key under another passphrase. Throws WrongPassphrase, RangeError. */
export async function changePassphrase(vault: SealedVault, old: string, fresh: string): Promise<SealedVault> {
  return wrap(await unwrap(vault, old, true), fresh, vault.iterations);
}

async function wrap(key: CryptoKey, passphrase: string, iterations: number): Promise<SealedVault> {
  if ([...passphrase].length < SHORTEST_PASSPHRASE) throw new RangeError("The passphrase is too short.");
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const wrapping = await derive(passphrase, salt, iterations, "wrapKey");
  const wrapped = await crypto.subtle.wrapKey("raw", key, wrapping, { name: "AES-GCM", iv: nonce });
  return { version: 1, salt: text(salt), iterations, nonce: text(nonce), wrapped: text(new Uint8Array(wrapped)) };
}

async function unwrap(vault: SealedVault, passphrase: string, extractable: boolean): Promise<CryptoKey> {
  const wrapping = await derive(passphrase, octets(vault.salt), vault.iterations, "unwrapKey");
  const algorithm = { name: "AES-GCM", iv: octets(vault.nonce) };
  const uses: KeyUsage[] = ["encrypt", "decrypt"];
  try {
    return await crypto.subtle.unwrapKey("raw", octets(vault.wrapped), wrapping, algorithm, AES, extractable, uses);
  } catch {
    throw new WrongPassphrase();
  }
}

async function derive(passphrase: string, salt: Bytes, iterations: number, use: KeyUsage): Promise<CryptoKey> {
  const typed = new TextEncoder().encode(passphrase.normalize("NFKC"));
  const secret = await crypto.subtle.importKey("raw", typed, "PBKDF2", false, ["deriveKey"]);
  return crypto.subtle.deriveKey({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, secret, AES, false, [use]);
}

const text = (bytes: Bytes): string => btoa(String.fromCharCode(...bytes));
const octets = (encoded: string): Bytes => Uint8Array.from(atob(encoded), (sign) => sign.charCodeAt(0));
