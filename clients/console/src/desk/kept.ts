/** What this browser remembers of a desk: how groups sound, which are monitored, the talk key, sound devices. */
import type { TalkMode } from "../look/talk/talk_press";
import type { Sound } from "./view";

export interface KeptDesk {
  readonly selected: string | undefined;
  /** Groups for which somebody chose; the others are monitored if one is a member. */
  readonly monitored: Readonly<Record<string, boolean>>;
  readonly sounds: Readonly<Record<string, Sound>>;
  /** As `KeyboardEvent.key`. */
  readonly talkKey: string;
  readonly talkMode: TalkMode;
  /** Of `MediaDeviceInfo`; "" is the system's choice. */
  readonly input: string;
  readonly output: string;
  /** Echo cancellation, noise suppression and level control of the browser. */
  readonly processing: boolean;
}

export const LOUD: Sound = { volume: 1, pan: 0, muted: false };

const FIRST: KeptDesk = {
  selected: undefined,
  monitored: {},
  sounds: {},
  talkKey: " ",
  talkMode: "hold",
  input: "",
  output: "",
  processing: true,
};

/** One for each account that logs in at this browser. */
export class Kept {
  #desk: KeptDesk;
  readonly #storage: Pick<Storage, "getItem" | "setItem">;
  readonly #name: string;

  constructor(storage: Pick<Storage, "getItem" | "setItem">, subscriber: string) {
    this.#storage = storage;
    this.#name = `desk.${subscriber}`;
    this.#desk = read(storage.getItem(this.#name));
  }

  get desk(): KeptDesk {
    return this.#desk;
  }

  /** Throws DOMException if the browser's storage is full; it holds for this page all the same. */
  change(changes: Partial<KeptDesk>): void {
    this.#desk = { ...this.#desk, ...changes };
    this.#storage.setItem(this.#name, JSON.stringify(this.#desk));
  }
}

/** What is damaged, or of an older page, is as if it had never been chosen. */
function read(text: string | null): KeptDesk {
  const found = parsed(text);
  const record = <Value>(given: unknown, fits: (value: unknown) => value is Value): Record<string, Value> =>
    Object.fromEntries(
      Object.entries(isObject(given) ? given : {}).filter((entry): entry is [string, Value] => fits(entry[1])),
    );
  const word = (given: unknown, otherwise: string) => (typeof given === "string" ? given : otherwise);
  return {
    selected: typeof found["selected"] === "string" ? found["selected"] : undefined,
    monitored: record(found["monitored"], (value) => typeof value === "boolean"),
    sounds: record(found["sounds"], isSound),
    talkKey: word(found["talkKey"], FIRST.talkKey) || FIRST.talkKey,
    talkMode: found["talkMode"] === "toggle" ? "toggle" : "hold",
    input: word(found["input"], FIRST.input),
    output: word(found["output"], FIRST.output),
    processing: found["processing"] !== false,
  };
}

function parsed(text: string | null): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(text ?? "{}");
    return isObject(found) ? found : {};
  } catch {
    return {};
  }
}

function isObject(given: unknown): given is Record<string, unknown> {
  return typeof given === "object" && given !== null;
}

function isSound(given: unknown): given is Sound {
  if (!isObject(given)) return false;
  const { volume, pan, muted } = given;
  const within = (value: unknown, least: number) => typeof value === "number" && value >= least && value <= 1;
  return within(volume, 0) && within(pan, -1) && typeof muted === "boolean";
}
