/** The groups of a radio: which there are, which it takes part in, and what the server says of them. */
import type { Affiliation, GroupInfo, ServerEvent } from "../protocol/messages";
import type { Clock } from "./clock";
import { NotConnected, Refused } from "./errors";
import type { MediaLink } from "./media";
import type { SignallingClient } from "./signalling";
import { Talkgroup } from "./talkgroup";
import type { Voice } from "./voice";

/** The list changed: `added` is new, for a while only if `temporary`; `removed` is gone. */
export interface GroupsChanged {
  readonly kind: "groups";
  readonly added?: GroupInfo;
  readonly temporary?: boolean;
  readonly removed?: string;
}

/** We take part in another group. */
export interface Affiliated {
  readonly kind: "affiliated";
  readonly group: string;
}

export class Memberships {
  /** All that we may take part in. */
  list: readonly GroupInfo[] = [];
  /** Those that we take part in, by identifier. They outlive sessions. */
  readonly live = new Map<string, Talkgroup>();
  /** Of the present session. */
  media: MediaLink | undefined;
  readonly #voice: Voice;
  readonly #clock: Clock;
  readonly #tell: (event: GroupsChanged | Affiliated) => void;

  constructor(voice: Voice, clock: Clock, tell: (event: GroupsChanged | Affiliated) => void) {
    this.#voice = voice;
    this.#clock = clock;
    this.#tell = tell;
  }

  setList(list: readonly GroupInfo[]): void {
    this.list = list;
    this.#tell({ kind: "groups" });
  }

  /** Rejects with Refused (`not_found`), NotConnected. `signals`: false for a channel that is not to be heard of. */
  async affiliate(link: SignallingClient, group: string, press: boolean, signals = true): Promise<Talkgroup> {
    // at once, since the state of the floor, and perhaps voice, come right behind the reply
    await link.ask("affiliate", { group }, ({ affiliation }) => {
      const joined = this.#joined(affiliation);
      joined.hasSignals = signals;
      if (press) joined.press();
    });
    const talkgroup = this.live.get(group);
    if (talkgroup === undefined) throw new Refused("not_found", "the group is gone"); // right behind the reply
    return talkgroup;
  }

  #joined(affiliation: Affiliation): Talkgroup {
    if (this.media === undefined) throw new NotConnected("there is no session");
    const known = this.live.get(affiliation.group);
    known?.bind(affiliation, this.media);
    const group = known ?? new Talkgroup(affiliation, this.media, this.#voice, this.#clock);
    this.live.set(group.group, group);
    if (known === undefined) this.#tell({ kind: "affiliated", group: group.group });
    return group;
  }

  /** The session goes on. */
  goOn(affiliations: readonly Affiliation[]): void {
    for (const affiliation of affiliations) this.live.get(affiliation.group)?.goOn(affiliation);
  }

  /** What was left or taken away while the connection was lost. `present`: our groups as the server sees it. */
  async agree(link: SignallingClient, present: readonly string[]): Promise<void> {
    for (const group of [...this.live.keys()].filter((group) => !present.includes(group))) {
      try {
        await this.affiliate(link, group, false);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.#lose(group);
      }
    }
    for (const group of present.filter((group) => !this.live.has(group))) await link.ask("deaffiliate", { group });
  }

  leave(group: string): void {
    const talkgroup = this.live.get(group);
    this.live.delete(group);
    talkgroup?.close();
  }

  close(): void {
    for (const group of [...this.live.keys()]) this.leave(group);
  }

  take(event: ServerEvent): void {
    switch (event.type) {
      case "group.roster":
        return this.live.get(event.group)?.changeRoster(event);
      case "group.rights":
        return this.live.get(event.group)?.changeRights(event);
      case "group.condition":
        return this.live.get(event.group)?.changeCondition({ imminentPeril: event.imminent_peril });
      case "group.emergency":
        return this.live.get(event.group)?.changeCondition({ emergency: event.on });
      case "group.added":
        return this.#gain(event.group, event.temporary);
      case "group.removed":
        return this.#lose(event.group);
    }
  }

  #gain(added: GroupInfo, temporary: boolean): void {
    this.list = [...this.list.filter(({ group }) => group !== added.group), added];
    this.#tell({ kind: "groups", added, temporary });
  }

  #lose(group: string): void {
    this.leave(group);
    this.list = this.list.filter((info) => info.group !== group);
    this.#tell({ kind: "groups", removed: group });
  }
}
