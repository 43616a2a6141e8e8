/** How an enrolment code comes to the page: in the link, in a QR code, or by hand. */
import { groupedCode, parseEnrolment, type Enrolment } from "../protocol/enrolment";

/** The server that the code is for, as far as it says; a code that was typed alone is for this page's server. */
export type Invitation = Pick<Enrolment, "url" | "code">;

const IN_LINK = "enroll";

/** The enrolment text behind the `#` of a link; undefined if there is none. */
export function textOfLink(hash: string): string | undefined {
  return new URLSearchParams(hash.replace(/^#/, "").replaceAll("+", "%2B")).get(IN_LINK) ?? undefined;
}

/** Of an enrolment text, a link with one, or a code alone; `host` is the page's. Throws Malformed. */
export function invitation(typed: string, host: string): Invitation {
  const text = typed.trim();
  if (/^https?:/i.test(text)) return parseEnrolment(textOfLink(text.slice(text.indexOf("#"))) ?? "");
  if (text.startsWith("ptt:")) return parseEnrolment(text);
  return { url: `wss://${host}/v1/ptt`, code: groupedCode(text) };
}

/** Where to go with it, if it is of another server: a page may speak with its own only. */
export function otherServer({ url }: Invitation, host: string): string | undefined {
  const wanted = new URL(url).host;
  return wanted === host ? undefined : `https://${wanted}/phone`;
}
