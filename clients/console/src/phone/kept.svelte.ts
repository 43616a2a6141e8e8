/** What a phone remembers of its user's choices. */
import type { TalkMode } from "../look/talk/talk_press";

export interface Choices {
  readonly group: string;
  readonly mode: TalkMode;
  readonly volume: number;
  /** The screen stays on while a group is heard. */
  readonly awake: boolean;
  /** The microphone stays open between presses. */
  readonly warm: boolean;
  readonly receipts: boolean;
  /** Of `MediaDeviceInfo`; "" is the system's choice. */
  readonly input: string;
  readonly output: string;
}

const FIRST: Choices = {
  group: "",
  mode: "hold",
  volume: 1,
  awake: true,
  warm: true,
  receipts: false,
  input: "",
  output: "",
};
const KEPT_AS = "phone";

export class Kept {
  choices = $state.raw<Choices>(FIRST);
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
    this.choices = { ...FIRST, ...fitting(storage.getItem(KEPT_AS)) };
  }

  /** It holds for this page also if the browser's storage is full. */
  change(changes: Partial<Choices>): void {
    this.choices = { ...this.choices, ...changes };
    this.#storage.setItem(KEPT_AS, JSON.stringify(this.choices));
  }

  forget(): void {
    this.choices = FIRST;
    this.#storage.removeItem(KEPT_AS);
  }
}

/** What has the type that it should have; the rest is as if it had never been chosen. */
function fitting(text: string | null): Partial<Choices> {
  const found = parsed(text ?? "{}");
  const fits = (name: string, value: unknown): boolean => {
    if (name === "mode") return value === "hold" || value === "toggle";
    if (name === "volume") return typeof value === "number" && value >= 0 && value <= 1;
    return typeof value === typeof FIRST[name as keyof Choices];
  };
  return Object.fromEntries(Object.entries(found).filter(([name, value]) => name in FIRST && fits(name, value)));
}

function parsed(text: string): object {
  try {
    return Object(JSON.parse(text)) as object;
  } catch {
    return {};
  }
}
