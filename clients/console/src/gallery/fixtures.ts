/** People and groups of a city's night, and names that mean harm. */
import type { CallShown, GroupShown, Sound, Who } from "../desk/view";
import type { PersonShown } from "../look/people/people";
import type { Floor } from "../look/talk/floor";

export const START = Date.now();
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;

/** An object of which every member is a function that does nothing. */
export function deaf<T extends object>(): T {
  return new Proxy({} as T, { get: () => () => undefined });
}

export const nothing = (): void => undefined;

export const HOSTILE = {
  html: `<img src=x onerror="alert(1)"><b>bold</b>`,
  bidi: "Ann\u202Egnp.exe\u202C \u2067abc",
  arabic: "محمد عبد الله الشمري",
  long: "N".repeat(10_000),
  zalgo: `Z${"\u0335\u0321\u0359".repeat(60)}algo`,
  lines: "two\nlines\tand\u0000controls",
  empty: "",
} as const;

export const WHO: Who = {
  name: "Ina Berger",
  role: "dispatcher",
  organisation: "Harbour Guard",
  idle_expires_ms: START + 24 * MINUTE,
  absolute_expires_ms: START + 7.4 * 60 * MINUTE,
};

const NAMES = [
  "Amara Okafor", "Ben Schulte", "Çağla Demir", "Dmitri Volkov", "Elif Kaya", "François Petit", "Gerda Lindqvist",
  "Hiro Tanaka", "Imke Janssen", "Jonas Brandt", "Katya Morozova", "Luis Herrera", "Mette Sørensen", "Nadia Haddad",
  "Oskar Zieliński", "Priya Raman", "Quentin Moreau", "Rosa Álvarez", "Stefan Müller", "Tuan Nguyen",
]; // prettier-ignore
const DEVICES = ["handset", "phone", "console", "fixed gateway", "rugged radio"] as const;

/** `count` people, the first of whom talks; the same each time. */
export function people(count: number, names: readonly string[] = NAMES): PersonShown[] {
  return Array.from({ length: count }, (_, index): PersonShown => {
    const presence = index % 5 === 4 ? "offline" : index % 3 === 2 ? "online" : "affiliated";
    const round = Math.floor(index / names.length);
    return {
      subscriber: `sub_${index.toString(16).padStart(16, "0")}`,
      name: `${names[index % names.length]}${round === 0 ? "" : ` ${round + 1}`}`,
      presence,
      role: index % 11 === 7 ? "dispatcher" : index === 12 ? "manager" : "subscriber",
      device_type: DEVICES[index % DEVICES.length]!,
      connected: index !== 6,
      talking: index === 0,
      self: index === 7,
      location_off: index % 9 === 5,
      ...(presence === "offline"
        ? {}
        : { fraction_lost: [0, 0.02, 0.07, 0.12, 0.3][index % 5]!, jitter_ms: 20 + index }),
    };
  });
}

const QUIET: Sound = { volume: 0.8, pan: 0, muted: false };

export function floor(parts: Partial<Floor> = {}): Floor {
  return { own: { state: "none" }, condition: "normal", ...parts };
}

export function talker(name: string, seconds = 7): NonNullable<Floor["talker"]> {
  return { subscriber: "sub_0000000000000001", name, since_ms: START - seconds * SECOND };
}

let counted = 0;

export function group(name: string, parts: Partial<GroupShown> = {}): GroupShown {
  counted += 1;
  const id = `grp_${counted.toString(16).padStart(16, "0")}`;
  return {
    group: id,
    name,
    temporary: false,
    monitored: true,
    floor: floor(),
    sound: QUIET,
    affiliated: 12,
    activity: [0, 1, 2, 3, 4].map((index) => ({
      id: `${id}-${index}`,
      name: NAMES[(counted + 3 * index) % NAMES.length]!,
      at_ms: START - (index * 2 + 1) * MINUTE - counted * SECOND,
      duration_ms: (3 + ((index * 7 + counted) % 19)) * SECOND,
    })),
    ...parts,
  };
}

export const GROUPS: readonly GroupShown[] = [
  group("Pier 4 watch", { floor: floor({ talker: talker("Amara Okafor", 12) }), affiliated: 23 }),
  group("Night shift", { sound: { ...QUIET, pan: -1 } }),
  group("Gate North", {
    floor: floor({ talker: talker("Stefan Müller", 31), condition: "emergency" }),
    affiliated: 8,
    waiting: 2,
    recording: true,
  }),
  group("Patrol boats", { sound: { ...QUIET, pan: 1 }, affiliated: 5 }),
  group("Customs liaison", { floor: floor({ condition: "peril" }), affiliated: 4 }),
  group("Fire brigade", { sound: { ...QUIET, muted: true }, floor: floor({ talker: talker("Jonas Brandt", 3) }) }),
  group("Container 17", { temporary: true, affiliated: 3, activity: [] }),
  group("Maintenance", { monitored: false, affiliated: 9 }),
  group("Announcements", { unavailable: "You may only listen in this group.", affiliated: 41 }),
];

export const CALLS: readonly CallShown[] = [
  {
    call: "cal_1",
    kind: "private",
    state: "incoming",
    duplex: true,
    party: "Elif Kaya",
    since_ms: START - 4 * SECOND,
    rings_until_ms: START + 26 * SECOND,
  },
  {
    call: "cal_2",
    kind: "private",
    state: "active",
    duplex: false,
    party: "Tuan Nguyen",
    since_ms: START - 83 * SECOND,
    floor: floor({ talker: talker("Tuan Nguyen", 2) }),
  },
  {
    call: "cal_3",
    kind: "private",
    state: "active",
    duplex: true,
    party: "Rosa Álvarez",
    since_ms: START - 15 * SECOND,
  },
  {
    call: "cal_4",
    kind: "first_to_answer",
    state: "outgoing",
    duplex: false,
    party: "Patrol boats",
    since_ms: START,
    rings_until_ms: START + 20 * SECOND,
  },
  {
    call: "cal_5",
    kind: "broadcast",
    state: "active",
    duplex: false,
    party: "Pier 4 watch",
    since_ms: START - 9 * SECOND,
    floor: floor(),
  },
  {
    call: "cal_6",
    kind: "private",
    state: "ended",
    duplex: false,
    party: "Hiro Tanaka",
    since_ms: START,
    ended: "no_answer",
  },
];
