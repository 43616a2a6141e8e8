/** Which rooms somebody may enter, what may be done there, and the keys of the keyboard that lead there. */
import type { ConsoleSession } from "../account/rest";
import type { Shortcut } from "../look/shortcuts";
import { say } from "../texts/say";
import type { Allowed, Room } from "./view";

/** The scope that a room needs (proto/roles.md); absent: none. */
const NEEDS: Record<Room, string | undefined> = {
  desk: undefined,
  map: "locate",
  alerts: "alert",
  messages: "message",
  recordings: undefined,
  manage: "administer",
};
/** Served to managers alone, whatever the scopes of others are (proto/manage.md). */
const OF_MANAGERS: ReadonlySet<Room> = new Set(["manage"]);
const ROOMS = Object.keys(NEEDS) as Room[];
const KEYS: Record<Room, string> = { desk: "d", map: "k", alerts: "a", messages: "n", recordings: "r", manage: "v" };
const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

export function roomsOf({ role, scopes }: Pick<ConsoleSession, "role" | "scopes">): readonly Room[] {
  const own = ROOMS.filter((room) => role === "manager" || !OF_MANAGERS.has(room));
  return own.filter((room) => NEEDS[room] === undefined || scopes.includes(NEEDS[room]));
}

export function allowedTo({ scopes }: Pick<ConsoleSession, "scopes">): Allowed {
  return {
    remote: scopes.includes("remote_control"),
    locate: scopes.includes("locate"),
    messages: scopes.includes("message"),
    dispatch: scopes.includes("oversee"),
  };
}

interface Shortcuts {
  readonly rooms: readonly Room[];
  readonly talkKey: string;
  readonly go: (room: Room) => void;
  /** `index`: 0 for the first group. */
  readonly select: (index: number) => void;
}

export function shortcutsOf({ rooms, talkKey, go, select }: Shortcuts): readonly Shortcut[] {
  const talk = { key: talkKey, means: say("shortcut.talk") };
  const groups = { key: "1–9", means: say("shortcut.group") };
  const digits = DIGITS.map((key, index) => ({ key, means: "", act: () => select(index) }));
  const ways = rooms.map((room) => ({ key: KEYS[room], means: say(`room.${room}`), act: () => go(room) }));
  return [talk, groups, ...[...digits, ...ways].filter(({ key }) => key !== talkKey)];
}
