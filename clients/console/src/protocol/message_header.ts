/** What is signed of a message, and what its keys are bound to: octets that every client makes the same way. */
import { concat, number, sha256, utf8, type Octets } from "./octets";

const VERSION = 1;
const NOTHING: Octets = new Uint8Array(32);

/** Who says it to whom, and at which place of the conversation. `sequence` counts from 1, in each conversation. */
export interface MessageHeader {
  readonly message: Octets;
  readonly sequence: number;
  readonly previous: Octets;
  readonly sentMs: number;
  readonly sender: string;
  readonly device: string;
  readonly group: string | undefined;
  readonly recipients: readonly string[];
}

/** Content and attachment are encrypted with it as associated data. */
export function headerOctets(header: MessageHeader): Octets {
  return concat(
    head("message"),
    header.message,
    number(header.sequence, 8),
    header.previous,
    number(header.sentMs, 8),
    text(header.sender),
    text(header.device),
    text(header.group ?? ""),
    number(header.recipients.length, 2),
    ...sorted(header.recipients).map(text),
  );
}

/** What the sending device signs. `content`: as it is encrypted. */
export async function signedOctets(header: MessageHeader, content: Octets, attachment?: Octets): Promise<Octets> {
  return concat(headerOctets(header), await sha256(content), attachment ?? NOTHING);
}

/** The group, or all who take part: in each the sender counts by itself. */
export function conversationOf(sender: string, recipients: readonly string[], group: string | undefined): string {
  return group ?? sorted([...new Set([sender, ...recipients])]).join(",");
}

/** `info` of HPKE that a content key is wrapped with: for this message and this device only. */
export function keyBinding(message: Octets, senderDevice: string, recipientDevice: string): Octets {
  return concat(head("message key"), message, text(senderDevice), text(recipientDevice));
}

/** What a device signs to say that this X25519 key is its own. */
export function publishedKey(device: string, publicKey: Octets): Octets {
  return concat(head("device key"), text(device), publicKey);
}

/** By octets, which for identifiers is the order of their characters. */
export function sorted(names: readonly string[]): string[] {
  return [...names].sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
}

function head(label: string): Octets {
  return concat(utf8(`pttserver\0${label}\0`), Uint8Array.of(VERSION));
}

function text(value: string): Octets {
  const octets = utf8(value);
  return concat(number(octets.length, 2), octets);
}
