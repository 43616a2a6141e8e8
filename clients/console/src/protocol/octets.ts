/** Octets: text forms, concatenation, comparison. All numbers on the wire are in network byte order. */
import { Malformed } from "./malformed";

/** Octets in memory of their own, as WebCrypto wants them. */
export type Octets = Uint8Array<ArrayBuffer>;

const TEXT = new TextEncoder();
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function utf8(text: string): Octets {
  return TEXT.encode(text);
}

/** Throws Malformed. */
export function fromUtf8(octets: Uint8Array): string {
  try {
    return STRICT_UTF8.decode(octets);
  } catch {
    throw new Malformed("the text is not UTF-8");
  }
}

/** UTF-8 of as many whole characters of the text as fit in `limit` octets. */
export function truncatedUtf8(text: string, limit: number): Octets {
  const octets = utf8(text);
  if (octets.length <= limit) return octets;
  let end = limit;
  while (end > 0 && (octets[end]! & 0xc0) === 0x80) end -= 1; // not within a character
  return octets.slice(0, end);
}

export function concat(...parts: readonly Uint8Array[]): Octets {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `size` octets of an unsigned integer below 2^53. */
export function number(value: number, size: number): Octets {
  const octets = new Uint8Array(size);
  for (let at = size - 1, rest = value; at >= 0; at -= 1, rest = Math.floor(rest / 256)) octets[at] = rest % 256;
  return octets;
}

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((octet, at) => octet === other[at]);
}

export function hex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
}

/** Throws Malformed. */
export function fromHex(text: string): Octets {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new Malformed("not hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** With padding and the standard alphabet (RFC 4648 §4). */
export function base64(octets: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < octets.length; at += 8192) binary += String.fromCharCode(...octets.subarray(at, at + 8192));
  return btoa(binary);
}

export function isBase64(text: string): boolean {
  return BASE64.test(text);
}

/** Throws Malformed. */
export function fromBase64(text: string): Octets {
  if (!isBase64(text)) throw new Malformed("not base64");
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

export async function sha256(octets: Octets): Promise<Octets> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", octets));
}

/** From the system's random generator. */
export function random(size: number): Octets {
  return crypto.getRandomValues(new Uint8Array(size));
}
