/** A channel that is ours to talk in: when a burst ends by itself, the next one is asked for (proto/calls.md). */
import type { Talkgroup } from "./talkgroup";

/** For as long as `isWanted`, and as we take part. */
export function keepTalking(group: Talkgroup, isWanted: () => boolean): void {
  let hasLeft = false;
  const askAnew = () => {
    if (hasLeft || !isWanted()) return;
    group.release();
    group.press();
  };
  group.listen(({ kind }) => {
    hasLeft ||= kind === "left"; // the group may be gone before its call or its alert is said to be over
    const isLost = group.state.is === "lost" || group.state.is === "revoked";
    if (kind === "state" && isLost) queueMicrotask(askAnew);
  });
}
