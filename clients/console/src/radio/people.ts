/** Who takes part in a group: how many, and their names unless the group is too large for names. */
import type { GroupRoster, Participant, Roster } from "../protocol/messages";

export class People {
  count = 0;
  /** Names by subscriber; undefined: only the count is known. A new map with each change. */
  names: ReadonlyMap<string, string> | undefined;

  set({ count, participants }: Roster): void {
    this.count = count;
    this.names = participants && new Map(participants.map(({ subscriber, name }) => [subscriber, name]));
  }

  /** With neither names nor changes, the list is void from now on. */
  change({ count, participants, joined, left }: GroupRoster): void {
    if (participants !== undefined || (joined === undefined && left === undefined)) {
      return this.set({ count, participants });
    }
    this.count = count;
    this.names = this.names && changed(this.names, joined ?? [], left ?? []);
  }
}

function changed(
  names: ReadonlyMap<string, string>,
  joined: readonly Participant[],
  left: readonly string[],
): ReadonlyMap<string, string> {
  const present = new Map(names);
  for (const { subscriber, name } of joined) present.set(subscriber, name);
  for (const subscriber of left) present.delete(subscriber);
  return present;
}
