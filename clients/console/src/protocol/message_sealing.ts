/** Sealing and opening of messages: from a text to what goes over the wire, and back with a verdict. */
import { openSealed, sealFor } from "./hpke";
import { Malformed } from "./malformed";
import type { Verdict } from "./message_chain";
import { conversationOf, headerOctets, keyBinding, signedOctets, sorted, type MessageHeader } from "./message_header";
import { publishedKey } from "./message_header";
import type { DeviceKeys, SealedMessage, StoredMessage, WrappedKey } from "./messages";
import { base64, concat, equal, fromBase64, fromUtf8, random, sha256, utf8, type Octets } from "./octets";
import { drawMessageKey, sign, verify, type DeviceKey } from "./proof";

/** Code points of a text. */
export const MAX_TEXT = 2000;
const FOR_ATTACHMENT = utf8("attachment");
const NONCE_BYTES = 12;
const MEDIA_TYPE = /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/;

/** What an attachment is. `voice`: speech as Opus in Ogg (RFC 7845). */
export interface AttachmentName {
  readonly kind: "file" | "image" | "voice";
  readonly name: string;
  readonly media_type: string;
}

export interface MessageBody {
  readonly text: string;
  readonly attachment?: AttachmentName | undefined;
}

/** What is to be sealed. `keys`: X25519 keys by device, of recipients and of the sender's own devices. */
export interface Draft {
  readonly header: MessageHeader;
  readonly body: MessageBody;
  readonly keys: ReadonlyMap<string, Octets>;
  readonly attachment?: Octets | undefined;
}

/** Ready to go. `digest`: what the next message of the conversation names as `previous`. */
export interface Sealed {
  readonly message: SealedMessage;
  readonly keys: readonly WrappedKey[];
  readonly attachment: Octets | undefined;
  readonly digest: Octets;
}

/** Without a body the verdict says why. `digest` is absent if the signature does not fit. */
export interface Opened {
  readonly verdict: Verdict;
  readonly conversation: string;
  readonly body?: MessageBody;
  readonly digest?: Octets;
}

/** Whether the device signed its X25519 key. */
export function isOwnKey(device: DeviceKeys): Promise<boolean> {
  const octets = publishedKey(device.device, fromBase64(device.key));
  return verify(fromBase64(device.signing_key), fromBase64(device.signature), octets);
}

/** Throws Malformed: a key of a recipient is none. */
export async function seal(draft: Draft, key: DeviceKey): Promise<Sealed> {
  const { header } = draft;
  const bound = headerOctets(header);
  const contentKey = random(32);
  const content = await encrypt(contentKey, utf8(JSON.stringify(draft.body)), bound);
  const attachment = draft.attachment && (await encrypt(contentKey, draft.attachment, concat(bound, FOR_ATTACHMENT)));
  const digest = attachment && (await sha256(attachment));
  const signed = await signedOctets(header, content, digest);
  const message = {
    message: base64(header.message),
    device: header.device,
    group: header.group,
    recipients: sorted(header.recipients),
    sequence: header.sequence,
    previous: base64(header.previous),
    sent_ms: header.sentMs,
    content: base64(content),
    attachment: attachment && digest && { size: attachment.length, digest: base64(digest) },
    signature: base64(await sign(key, signed)),
  };
  const keys = sorted([...draft.keys.keys()]).map(async (device) => {
    const info = keyBinding(header.message, header.device, device);
    const octets = await sealFor(draft.keys.get(device)!, info, contentKey, await drawMessageKey());
    return { device, octets: base64(octets) };
  });
  return { message, keys: await Promise.all(keys), attachment, digest: await sha256(signed) };
}

/** `knownKey`: the Ed25519 key that the sending device was first seen with; else the server's word is taken. */
export async function openMessage(
  stored: StoredMessage,
  knownKey: Octets | undefined,
  device: string,
  own: DeviceKey,
): Promise<Opened> {
  const { sealed } = stored;
  if (sealed === undefined) return { verdict: "gone", conversation: "" };
  const header = headerOf(stored, sealed);
  const conversation = conversationOf(header.sender, header.recipients, header.group);
  const content = fromBase64(sealed.content);
  const signed = await signedOctets(header, content, sealed.attachment && fromBase64(sealed.attachment.digest));
  const claimed = stored.signing_key === undefined ? undefined : fromBase64(stored.signing_key);
  const fits = (key: Octets | undefined) => key !== undefined && verify(key, fromBase64(sealed.signature), signed);
  if (!(await fits(knownKey ?? claimed))) {
    const changed = knownKey !== undefined && (await fits(claimed));
    return { verdict: changed ? "key_changed" : "forged", conversation };
  }
  const digest = await sha256(signed);
  if (stored.key === undefined) return { verdict: "unreadable", conversation, digest };
  try {
    const contentKey = await unwrapped(header, fromBase64(stored.key), device, own);
    const body = readBody(await decrypt(contentKey, content, headerOctets(header)));
    return { verdict: "genuine", conversation, digest, body };
  } catch (error) {
    if (error instanceof Malformed) return { verdict: "altered", conversation, digest };
    throw error;
  }
}

/** Throws Malformed: it is not the attachment that was signed, or there is none that this device can open. */
export async function openAttachment(
  stored: StoredMessage,
  octets: Octets,
  device: string,
  own: DeviceKey,
): Promise<Octets> {
  const { sealed, key } = stored;
  if (sealed?.attachment === undefined || key === undefined) throw new Malformed("no attachment for this device");
  if (!equal(await sha256(octets), fromBase64(sealed.attachment.digest))) throw new Malformed("another attachment");
  const header = headerOf(stored, sealed);
  const contentKey = await unwrapped(header, fromBase64(key), device, own);
  return decrypt(contentKey, octets, concat(headerOctets(header), FOR_ATTACHMENT));
}

/** As the signature must cover it: with the sender that the server names. */
function headerOf(stored: StoredMessage, sealed: SealedMessage): MessageHeader {
  return {
    message: fromBase64(sealed.message),
    sequence: sealed.sequence,
    previous: fromBase64(sealed.previous),
    sentMs: sealed.sent_ms,
    sender: stored.sender,
    device: sealed.device,
    group: sealed.group,
    recipients: sealed.recipients,
  };
}

function unwrapped(header: MessageHeader, octets: Octets, device: string, own: DeviceKey): Promise<Octets> {
  return openSealed(own, keyBinding(header.message, header.device, device), octets);
}

/** Members that this version does not know are ignored. Throws Malformed. */
export function readBody(octets: Octets): MessageBody {
  let found: unknown;
  try {
    found = JSON.parse(fromUtf8(octets));
  } catch {
    throw new Malformed("the content is no JSON");
  }
  const body = (found ?? {}) as Record<string, unknown>;
  const { text, attachment } = body;
  if (typeof text !== "string" || [...text].length > MAX_TEXT) throw new Malformed("the content is no message body");
  return attachment === undefined ? { text } : { text, attachment: readAttachmentName(attachment) };
}

function readAttachmentName(value: unknown): AttachmentName {
  const { kind, name, media_type } = (value ?? {}) as Record<string, unknown>;
  const isKind = kind === "file" || kind === "image" || kind === "voice";
  const isName = typeof name === "string" && name.length > 0 && [...name].length <= 64;
  const isType = typeof media_type === "string" && media_type.length <= 100 && MEDIA_TYPE.test(media_type);
  if (!isKind || !isName || !isType) throw new Malformed("the attachment has no name");
  return { kind, name, media_type };
}

/** nonce || AES-256-GCM. */
async function encrypt(key: Octets, plain: Octets, bound: Octets): Promise<Octets> {
  const iv = random(NONCE_BYTES);
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: bound }, imported, plain);
  return concat(iv, new Uint8Array(sealed));
}

/** Throws Malformed. */
async function decrypt(key: Octets, octets: Octets, bound: Octets): Promise<Octets> {
  try {
    const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
    const parameters = { name: "AES-GCM", iv: octets.slice(0, NONCE_BYTES), additionalData: bound };
    return new Uint8Array(await crypto.subtle.decrypt(parameters, imported, octets.slice(NONCE_BYTES)));
  } catch {
    throw new Malformed("the seal is broken");
  }
}
