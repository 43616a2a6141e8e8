/** Shortcuts of the keyboard: none of them takes a key from who is writing. */

export interface Shortcut {
  /** As `KeyboardEvent.key`, letters in lower case. */
  readonly key: string;
  /** What it does, for the help; empty if another line there speaks for it. */
  readonly means: string;
  /** Absent if the key is taken elsewhere and stands here for the help only. */
  readonly act?: () => void;
}

export interface Pressed {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
  readonly repeat: boolean;
}

const WRITTEN_IN = "input:not([type=checkbox],[type=radio],[type=range]),textarea,select,[contenteditable=true]";
const TAKES_SPACE = "button,a[href],input,summary,[role=button],[role=menuitem],[role=tab],[role=radio],[role=option]";

/** The shortcut that is meant, if one is. */
export function meant(shortcuts: readonly Shortcut[], pressed: Pressed): Shortcut | undefined {
  if (pressed.ctrlKey || pressed.altKey || pressed.metaKey || pressed.repeat) return undefined;
  const key = pressed.key.length === 1 ? pressed.key.toLowerCase() : pressed.key;
  return shortcuts.find((shortcut) => shortcut.key === key && shortcut.act !== undefined);
}

/** Whether the element wants the key for itself: text fields all of them, buttons the space bar and Enter. */
export function wantsKey(element: Pick<Element, "closest"> | null, key: string): boolean {
  if (element === null) return false;
  if (element.closest(WRITTEN_IN) !== null) return !/^F\d+$/.test(key);
  return (key === " " || key === "Enter") && element.closest(TAKES_SPACE) !== null;
}
