/** What a page shows of messages. */
import type { PlainKey } from "../../texts/say";
import type { IconName } from "../icons";

export type DeliveryState =
  "sending" | "failed" | "sent" | "delivered" | "read" | "undelivered" | "expired" | "dropped";

/** What a check of the message found (proto/messages.md, Receiving). */
export type Trouble = "new_device" | "unverified" | "unreadable" | "missing_before" | "late" | "changed";

export interface AttachmentShown {
  readonly kind: "file" | "image" | "voice";
  readonly name: string;
  readonly size_bytes: number;
  readonly state: "held" | "fetching" | "here" | "gone";
}

export interface MessageShown {
  readonly id: string;
  readonly mine: boolean;
  readonly sender: string;
  readonly at_ms: number;
  /** Text as text; absent if it could not be opened. */
  readonly text?: string;
  readonly attachment?: AttachmentShown;
  readonly trouble?: Trouble;
  /** Of one's own messages: each recipient. */
  readonly deliveries?: readonly { readonly name: string; readonly state: DeliveryState }[];
}

export interface ConversationShown {
  readonly id: string;
  readonly kind: "group" | "people";
  readonly name: string;
  readonly unread: number;
  readonly newest?: MessageShown;
}

export const DELIVERY: Record<DeliveryState, { icon: IconName; text: PlainKey }> = {
  sending: { icon: "waiting", text: "delivery.sending" },
  failed: { icon: "alert", text: "delivery.failed" },
  sent: { icon: "check", text: "delivery.sent" },
  delivered: { icon: "check_twice", text: "delivery.delivered" },
  read: { icon: "check_twice", text: "delivery.read" },
  undelivered: { icon: "barred", text: "delivery.undelivered" },
  expired: { icon: "clock", text: "delivery.expired" },
  dropped: { icon: "barred", text: "delivery.dropped" },
};

const WORST_FIRST: readonly DeliveryState[] = [
  "failed",
  "undelivered",
  "dropped",
  "expired",
  "sending",
  "sent",
  "delivered",
  "read",
];

/** The state that is told for all recipients together: the worst of theirs. */
export function together(states: readonly DeliveryState[]): DeliveryState {
  return WORST_FIRST.find((state) => states.includes(state)) ?? "sending";
}
