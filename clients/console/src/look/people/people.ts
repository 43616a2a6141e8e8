/** What a page shows of people, and how a list of hundreds is ordered and searched. */
import type { PlainKey } from "../../texts/say";
import type { IconName } from "../icons";

export type Presence = "affiliated" | "online" | "offline";

export interface PersonShown {
  readonly subscriber: string;
  readonly name: string;
  readonly presence: Presence;
  readonly role?: "subscriber" | "dispatcher" | "manager";
  /** Text that the device gave at its enrolment, e.g. `handset`. */
  readonly device_type?: string;
  /** False: the signalling connection is lost, the session waits for it. */
  readonly connected?: boolean;
  readonly via?: "udp" | "websocket";
  readonly fraction_lost?: number;
  readonly jitter_ms?: number;
  readonly talking?: boolean;
  /** Location is off for this person: cannot be located. */
  readonly location_off?: boolean;
  /** Oneself: cannot be called. */
  readonly self?: boolean;
}

export const PRESENCE: Record<Presence, { icon: IconName; text: PlainKey }> = {
  affiliated: { icon: "listen", text: "presence.affiliated" },
  online: { icon: "online", text: "presence.online" },
  offline: { icon: "idle", text: "presence.offline" },
};

const RANK: Record<Presence, number> = { affiliated: 0, online: 1, offline: 2 };

/** 0 (lost) to 4 (good), by what speech still bears: 5 % loss is heard, 20 % is not understood. */
export function bars(fraction_lost: number, jitter_ms: number): 0 | 1 | 2 | 3 | 4 {
  if (fraction_lost >= 0.2 || jitter_ms >= 300) return 0;
  if (fraction_lost >= 0.1 || jitter_ms >= 150) return 1;
  if (fraction_lost >= 0.05 || jitter_ms >= 80) return 2;
  return fraction_lost >= 0.01 || jitter_ms >= 40 ? 3 : 4;
}

function folded(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase();
}

/** Those whose names hold every word of `wanted`, accents and case aside; who talks first, then by presence and name. */
export function found(people: readonly PersonShown[], wanted: string, language: string): PersonShown[] {
  const words = folded(wanted).split(/\s+/).filter(Boolean);
  const collator = new Intl.Collator(language, { numeric: true });
  return people
    .filter((person) => words.every((word) => folded(person.name.slice(0, 500)).includes(word)))
    .sort(
      (one, other) =>
        Number(other.talking ?? false) - Number(one.talking ?? false) ||
        RANK[one.presence] - RANK[other.presence] ||
        collator.compare(one.name.slice(0, 100), other.name.slice(0, 100)),
    );
}

/** The icon for what the device calls itself; a person's outline for what is not known. */
export function deviceIcon(device_type: string | undefined): IconName {
  if (device_type === undefined) return "person";
  if (/console|desk|browser|pc|computer/i.test(device_type)) return "desk";
  if (/phone|android|ios|mobile/i.test(device_type)) return "phone";
  if (/handset|radio|rugged/i.test(device_type)) return "handset";
  return /fixed|gateway|base/i.test(device_type) ? "fixed" : "person";
}
