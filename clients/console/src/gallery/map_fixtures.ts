/** A harbour town with people who move: the same each time. */
import type { Fence } from "../protocol/messages";
import type { Seen, Trail } from "../map/view";
import type { Whereabouts } from "../map/whereabouts";
import { HOSTILE, MINUTE, people, SECOND, START } from "./fixtures";

const HARBOUR = { latitude: 53.5413, longitude: 9.9842 };
const SPREAD = 0.06; // degrees
const STEP = 0.0004;

/** From 0 up to 1, the same for the same number. */
function drawn(seed: number): number {
  const turned = Math.sin(seed * 12.9898) * 43758.5453;
  return turned - Math.floor(turned);
}

function position(index: number, at_ms: number) {
  return {
    latitude: HARBOUR.latitude + SPREAD * (drawn(index) - 0.5),
    longitude: HARBOUR.longitude + 2 * SPREAD * (drawn(index + 0.5) - 0.5),
    accuracy_m: 5 + Math.round(60 * drawn(index + 0.25) ** 3),
    at_ms,
    speed_mps: 3 * drawn(index + 0.75),
  };
}

/** Some are old, some unknown, two have location off, one calls for help, and some have names that mean harm. */
export function populate(whereabouts: Whereabouts, count: number): void {
  const all = people(count);
  const names = all.map(
    ({ name }, index) => [HOSTILE.html, HOSTILE.bidi, HOSTILE.long, HOSTILE.arabic][index - 8] ?? name,
  );
  whereabouts.interval_s = 30;
  whereabouts.setOnline(new Map(all.map(({ subscriber }, index) => [subscriber, names[index]!])));
  for (const [index, { subscriber }] of all.entries()) {
    if (index % 11 === 4 && count < 100) continue;
    if (index % 11 === 6 && count < 100) whereabouts.switchedOff(subscriber);
    else
      whereabouts.place(
        subscriber,
        names[index]!,
        position(index, START - (index % 7 === 5 ? 6 * MINUTE : 9 * SECOND)),
      );
  }
  const raiser = all[2];
  if (raiser === undefined) return;
  const info = { alert: "alr_0000000000000001", subscriber: raiser.subscriber, name: raiser.name, drill: false };
  whereabouts.setAlerts([{ ...info, position: position(2, START - 4 * SECOND) }]);
}

/** A step for everybody. */
export function move(whereabouts: Whereabouts): void {
  const at_ms = Date.now();
  for (const [index, { subscriber, name, position }] of [...whereabouts.placed.values()].entries()) {
    const latitude = position.latitude + STEP * (drawn(at_ms + index) - 0.5);
    const longitude = position.longitude + 2 * STEP * (drawn(at_ms - index) - 0.5);
    whereabouts.place(subscriber, name, { ...position, latitude, longitude, at_ms });
  }
}

export const FENCES: readonly Fence[] = [
  {
    fence: "fen_0000000000000001",
    name: "Container terminal",
    shape: {
      kind: "polygon",
      points: [
        { latitude: 53.5405, longitude: 9.935 },
        { latitude: 53.5405, longitude: 9.962 },
        { latitude: 53.529, longitude: 9.968 },
        { latitude: 53.527, longitude: 9.938 },
      ],
    },
    dwell_s: 1800,
  },
  {
    fence: "fen_0000000000000002",
    name: "Fireworks",
    shape: { kind: "circle", center: { latitude: 53.5485, longitude: 9.995 }, radius_m: 600 },
  },
  {
    fence: "fen_0000000000000003",
    name: "Elbe ferry line 62",
    shape: {
      kind: "corridor",
      width_m: 180,
      points: [
        { latitude: 53.5457, longitude: 9.9705 },
        { latitude: 53.5432, longitude: 9.945 },
        { latitude: 53.544, longitude: 9.92 },
      ],
    },
  },
];

export const EVENTS: readonly Seen[] = (["entered", "stays", "left"] as const).map((event, index) => ({
  number: 3 - index,
  event: {
    type: "fence.event",
    fence: FENCES[index]!.fence,
    fence_name: FENCES[index]!.name,
    subscriber: people(3)[index]!.subscriber,
    name: people(3)[index]!.name,
    event,
    at_ms: START - (index * 4 + 1) * MINUTE,
  },
}));

export const TRAIL: Trail = {
  subscriber: people(2)[1]!.subscriber,
  positions: Array.from({ length: 40 }, (_, index) => ({
    latitude: position(1, START).latitude + 0.00035 * index,
    longitude: position(1, START).longitude + 0.0006 * index + 0.001 * Math.sin(index / 3),
    accuracy_m: 8,
    at_ms: START - (40 - index) * MINUTE,
  })),
};
