/**
 * The text of the enrolment QR code: where the server is, how to know it, and the one-time code (proto/keys.md).
 *
 *     ptt:enroll?url=wss://HOST:PORT/v1/ptt&pin=PIN&code=CODE
 */
import { Malformed } from "./malformed";

const PREFIX = "ptt:enroll?";
const MAX_LENGTH = 512;
const URL_FORM = /^wss:\/\/(?:[A-Za-z0-9._-]{1,253}|(\[[0-9A-Fa-f:.]{2,45}\])):([1-9][0-9]{0,4})\/v1\/ptt$/;
const CODE_FORM = /^[0-9A-HJKMNP-TV-Z]{16}$/;
// 32 octets are 43 symbols; of the last one only the upper four bits are used.
const PIN_FORM = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

export interface Enrolment {
  readonly url: string;
  readonly pin: string;
  /** In groups of four, as it is sent and signed. */
  readonly code: string;
}

/** Throws Malformed. */
export function parseEnrolment(text: string): Enrolment {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH || !trimmed.startsWith(PREFIX)) throw new Malformed("no enrolment text");
  const pairs = trimmed
    .slice(PREFIX.length)
    .split("&")
    .map((pair) => [pair.split("=", 1)[0]!, pair.slice(pair.indexOf("=") + 1)] as const);
  const names = pairs.map(([name]) => name).sort();
  if (names.join() !== "code,pin,url") throw new Malformed("url, pin and code must each be there once");
  const { url, pin, code } = Object.fromEntries(pairs) as Record<"url" | "pin" | "code", string>;
  if (!isServerUrl(url)) throw new Malformed("the url is wss://HOST:PORT/v1/ptt");
  if (!PIN_FORM.test(pin)) throw new Malformed("the pin is the base64url of 32 octets, without padding");
  return { url, pin, code: groupedCode(code) };
}

/** In groups of four, from what a person typed: any case, O for 0, I and L for 1. Throws Malformed. */
export function groupedCode(typed: string): string {
  const symbols = typed
    .slice(0, MAX_LENGTH)
    .replaceAll(/[a-z]/g, (letter) => letter.toUpperCase())
    .replaceAll("O", "0")
    .replaceAll(/[IL]/g, "1")
    .replaceAll(/[- ]/g, "");
  if (!CODE_FORM.test(symbols)) throw new Malformed("the code has 16 letters and digits");
  return symbols.match(/.{4}/g)!.join("-");
}

function isServerUrl(url: string): boolean {
  const match = URL_FORM.exec(url);
  if (match === null || Number(match[2]) > 65_535) return false;
  return match[1] === undefined || URL.canParse(`https://${match[1]}/`); // the address in brackets
}
