/** The key of the keyboard that talks to the selected group from anywhere on the page. */

const WRITTEN_IN = "input:not([type=checkbox],[type=radio],[type=range]),textarea,select,[contenteditable=true]";
const TAKES_SPACE = "button,a[href],input,summary,[role=menuitem],[role=tab],[role=option]";

/**
 * Whether the key talks when it goes down on `target`.
 *
 * Who writes, writes. A button that was reached by the keyboard is pressed by its space bar; one that was clicked
 * is done with, and the space bar talks again.
 */
export function talksHere(key: string, target: Pick<Element, "closest"> | null, focusedByPointer: boolean): boolean {
  if (target === null) return true;
  if (target.closest(WRITTEN_IN) !== null) return /^F\d+$/.test(key);
  if (target.closest("[data-talk-button]") !== null) return false;
  return key !== " " || focusedByPointer || target.closest(TAKES_SPACE) === null;
}
