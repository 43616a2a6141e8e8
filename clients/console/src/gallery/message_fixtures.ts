/** A conversation in all states of delivery and trouble. */
import type { MessageShown } from "../look/messages/messages";
import { HOSTILE, MINUTE, START } from "./fixtures";

export const MESSAGES: readonly MessageShown[] = [
  {
    id: "1",
    mine: false,
    sender: "Amara Okafor",
    at_ms: START - 44 * MINUTE,
    text: "The container at row 17 has a broken seal. I have a photo.",
  },
  {
    id: "2",
    mine: false,
    sender: "Amara Okafor",
    at_ms: START - 43 * MINUTE,
    attachment: { kind: "image", name: "seal-row17.jpg", size_bytes: 842_113, state: "held" },
  },
  {
    id: "3",
    mine: true,
    sender: "Ina Berger",
    at_ms: START - 40 * MINUTE,
    text: "Received. Customs is on the way; keep away from the door until they are there.",
    deliveries: [
      { name: "Amara Okafor", state: "read" },
      { name: "Ben Schulte", state: "delivered" },
      { name: "Elif Kaya", state: "sent" },
    ],
  },
  {
    id: "4",
    mine: false,
    sender: HOSTILE.html,
    at_ms: START - 12 * MINUTE,
    text: `${HOSTILE.html}\n${HOSTILE.bidi}`,
    trouble: "unverified",
  },
  { id: "5", mine: false, sender: "Nadia Haddad", at_ms: START - 9 * MINUTE, trouble: "unreadable" },
  {
    id: "6",
    mine: false,
    sender: HOSTILE.arabic,
    at_ms: START - 8 * MINUTE,
    text: "تم الاستلام. سأصل خلال عشر دقائق.",
    trouble: "new_device",
  },
  {
    id: "7",
    mine: true,
    sender: "Ina Berger",
    at_ms: START - 2 * MINUTE,
    text: "Thank you.",
    attachment: { kind: "file", name: `${"long-name-".repeat(20)}.pdf`, size_bytes: 12_400, state: "here" },
    deliveries: [{ name: "Amara Okafor", state: "delivered" }],
  },
  {
    id: "8",
    mine: true,
    sender: "Ina Berger",
    at_ms: START - MINUTE,
    text: "Who takes the gate?",
    deliveries: [{ name: "x", state: "failed" }],
  },
];
