/** A message as the radio has it, in the terms of the page. */
import type { RecipientState } from "../protocol/messages";
import type { Verdict } from "../protocol/message_chain";
import type { AttachmentShown, MessageShown, Trouble } from "../look/messages/messages";
import type { ReadMessage } from "../radio/messages";

const TROUBLE: Partial<Record<Verdict, Trouble>> = {
  gap: "missing_before",
  late: "late",
  broken: "changed",
  altered: "changed",
  forged: "unverified",
  key_changed: "unverified",
  unreadable: "unreadable",
};

/**
 * `nameOf`: display name of a subscriber. `isNew`: the device was seen for the first time just now. `outcomes`: what
 * became of it at its recipients since it was read.
 */
export function messageShown(
  message: ReadMessage,
  me: string,
  nameOf: (subscriber: string) => string,
  isNew: (device: string) => boolean,
  outcomes: ReadonlyMap<string, RecipientState["state"]> | undefined,
): MessageShown {
  const { stored, verdict, text } = message;
  const attachment = attachmentShown(message);
  const trouble = TROUBLE[verdict] ?? (isNew(stored.sealed?.device ?? "") ? "new_device" : undefined);
  const mine = stored.sender === me;
  const states = stored.states?.map(({ subscriber, state }) => ({
    name: nameOf(subscriber),
    state: outcomes?.get(subscriber) ?? state,
  }));
  return {
    id: message.id,
    mine,
    sender: stored.name,
    at_ms: stored.at_ms,
    ...(text === undefined ? {} : { text }),
    ...(attachment === undefined ? {} : { attachment }),
    ...(trouble === undefined ? {} : { trouble }),
    ...(mine ? { deliveries: states ?? [{ name: "", state: "sent" }] } : {}),
  };
}

function attachmentShown({ attachment, stored }: ReadMessage): AttachmentShown | undefined {
  if (attachment === undefined) return undefined;
  const { kind, name } = attachment;
  const size = stored.sealed?.attachment?.size;
  return { kind, name, size_bytes: size ?? 0, state: size === undefined ? "gone" : "held" };
}
