/** The words on a talk button. */
import { say } from "../../texts/say";
import { ownLine, type Floor } from "./floor";
import type { TalkMode } from "./talk_press";

/** `card`: one line; `desk`: a bar; `phone`: a disc. */
export type TalkShape = "card" | "desk" | "phone";

/**
 * What the button says in this state of the floor.
 *
 * On a card the floor's line beside it says the rest; and while one talks the words stay the same, since screen readers
 * would read each change of the remaining time.
 */
export function buttonText(floor: Floor, shape: TalkShape, mode: TalkMode, now_ms: number): string {
  const { own, talker } = floor;
  if (own.state !== "none") {
    const brief = say(`talk.${own.state}`);
    return shape === "card" || own.state === "granted" ? brief : (ownLine(own, now_ms)?.text ?? brief);
  }
  if (shape === "card") return say("talk.short");
  if (talker !== undefined) return say("talk.wait");
  return say(mode === "hold" ? "talk.hold" : "talk.press");
}
