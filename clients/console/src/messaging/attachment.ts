/** A file of this computer as an attachment of a message. */
import type { Attachment } from "../radio/message_outbox";

const LONGEST_NAME = 64; // proto/messages.md
const MEDIA_TYPE = /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/;

export async function attachmentOf(file: File): Promise<Attachment> {
  const name = [...file.name].slice(-LONGEST_NAME).join("") || "file";
  const media_type = MEDIA_TYPE.test(file.type) ? file.type : "application/octet-stream";
  const kind = media_type.startsWith("image/") ? "image" : "file";
  return { about: { kind, name, media_type }, octets: new Uint8Array(await file.arrayBuffer()) };
}
