/** Names that others chose, made harmless inside our sentences: no controls, one line, of bounded length. */

// Controls (C0, C1), what cannot be seen, and what turns the direction of the text around it (UAX #9).
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/g;
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const FIRST_STRONG_ISOLATE = "\u2068";
const POP_ISOLATE = "\u2069";
const LONGEST_IN_SENTENCE = 80;

/** `text` on one line without what cannot be seen, of at most `longest` code points; "…" stands for the rest. */
export function shortName(text: string, longest = LONGEST_IN_SENTENCE): string {
  // Code points are at most two UTF-16 units: nothing behind these is looked at, however long the text is.
  const points = [
    ...text
      .slice(0, 2 * longest + 2)
      .replace(UNSEEN, " ")
      .trim(),
  ];
  return points.length > longest ? `${points.slice(0, longest - 1).join("")}…` : points.join("");
}

/** A name to be put into a sentence: what reads from right to left is isolated from the rest. */
export function isolated(text: string): string {
  const short = shortName(text);
  return RIGHT_TO_LEFT.test(short) ? `${FIRST_STRONG_ISOLATE}${short}${POP_ISOLATE}` : short;
}
