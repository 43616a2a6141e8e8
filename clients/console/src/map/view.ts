/** What the map room shows and does, apart from the radio: so that the gallery can show it too. */
import type { Fence, FenceEvent, Position } from "../protocol/messages";
import type { Shape } from "../radio/location";
import type { Fault } from "../texts/errors";
import type { PlainKey } from "../texts/say";
import type { IconName } from "../look/icons";
import type { PersonOnMap, PersonState } from "./whereabouts";

/** Of an act that was tried: nothing if it worked. */
export type Outcome = Promise<Fault | undefined>;

export interface Trail {
  readonly subscriber: string;
  readonly positions: readonly Position[];
}

export interface FenceDraft {
  /** Absent: a new one. */
  readonly fence: string | undefined;
  readonly name: string;
  readonly shape: Shape;
  readonly dwell_s: number;
}

export interface MapActions {
  /** Asks the device. `no_answer` as a fault's code if none came within a minute. */
  request(subscriber: string): Outcome;
  /** Reads the last known position; tells whether location is off. */
  last(subscriber: string): Outcome;
  /** Shows where the person was in these last hours. */
  trail(subscriber: string, hours: number): Outcome;
  clearTrail(): void;
  putFence(draft: FenceDraft): Outcome;
  removeFence(fence: string): Outcome;
  callArea(name: string, shape: Shape, reason: string): Outcome;
}

export interface Seen {
  readonly number: number;
  readonly event: FenceEvent;
}

export interface MapShown {
  readonly fences: readonly Fence[];
  /** Newest first. */
  readonly events: readonly Seen[];
  readonly trail: Trail | undefined;
  /** Whether the organisation keeps positions, so that a trail can be asked for. */
  readonly mayTrail: boolean;
  /** Why nothing can be shown. */
  readonly fault: Fault | undefined;
}

export const STATES: Record<PersonState, { icon: IconName; text: PlainKey }> = {
  alert: { icon: "alert", text: "map.state.alert" },
  live: { icon: "location", text: "map.state.live" },
  old: { icon: "clock", text: "map.state.old" },
  lost: { icon: "help", text: "map.state.lost" },
  unknown: { icon: "help", text: "map.state.unknown" },
  off: { icon: "location_off", text: "map.state.off" },
};

export const EVENTS: Record<FenceEvent["event"], { icon: IconName; text: PlainKey }> = {
  entered: { icon: "down", text: "map.event.entered" },
  stays: { icon: "waiting", text: "map.event.stays" },
  left: { icon: "log_out", text: "map.event.left" },
};

const RANK: Record<PersonState, number> = { alert: 0, live: 1, old: 2, lost: 3, unknown: 3, off: 4 };

function folded(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase();
}

/** Those whose names hold every word, accents and case aside: who calls for help first, who cannot be located last. */
export function foundOnMap(people: readonly PersonOnMap[], wanted: string, language: string): PersonOnMap[] {
  const words = folded(wanted).split(/\s+/).filter(Boolean);
  const collator = new Intl.Collator(language, { numeric: true });
  return people
    .filter(({ name }) => words.every((word) => folded(name.slice(0, 500)).includes(word)))
    .sort(
      (one, other) =>
        RANK[one.state] - RANK[other.state] || collator.compare(one.name.slice(0, 100), other.name.slice(0, 100)),
    );
}
