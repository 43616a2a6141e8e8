/** The people of the selected group, and all who are logged in: presence, device, quality. */
import type { MemberPresence } from "../protocol/messages";
import { RadioError } from "../radio/errors";
import type { Radio } from "../radio/radio";
import type { PersonShown } from "../look/people/people";
import type { Groups } from "./groups.svelte";

/** Members come and go in the organisation's records seldom. */
const ASK_EVERY_MS = 30_000;

export class PeopleSeen {
  /** Of the selected group: who takes part, and its other members. */
  readonly here: readonly PersonShown[] = $derived.by(() => {
    void this.#groups.presence;
    return this.#ofGroup(this.#groups.selected, this.#members);
  });
  /** Logged in, to pick from. */
  readonly everybody: readonly PersonShown[] = $derived.by(() => {
    void this.#groups.presence;
    return [...this.#radio.dispatch.people.keys()].map((subscriber) => this.#shown(subscriber, "", "online"));
  });
  #members = $state.raw<readonly MemberPresence[]>([]);
  readonly #radio: Radio;
  readonly #groups: Groups;

  constructor(radio: Radio, groups: Groups) {
    this.#radio = radio;
    this.#groups = groups;
  }

  /** Asks who the members of the group are, now and then; what it returns ends that. */
  follow(group: string): () => void {
    this.#members = [];
    let over = false;
    const ask = async () => {
      try {
        const { listed = [] } = await this.#radio.presence(group);
        if (!over) this.#members = listed;
      } catch (error) {
        if (!(error instanceof RadioError)) throw error; // no member of it, or no connection: who takes part is known
      }
    };
    void ask();
    const asking = setInterval(() => void ask(), ASK_EVERY_MS);
    return () => {
      over = true;
      clearInterval(asking);
    };
  }

  name(subscriber: string): string {
    const known = this.#radio.dispatch.people.get(subscriber)?.name;
    return known ?? this.here.find((person) => person.subscriber === subscriber)?.name ?? "";
  }

  #ofGroup(group: string | undefined, members: readonly MemberPresence[]): PersonShown[] {
    if (group === undefined) return [];
    const talkgroup = this.#radio.talkgroups.get(group);
    const names = talkgroup?.people.names;
    const talker = talkgroup?.talker?.subscriber;
    const shown = new Map<string, PersonShown>();
    for (const { subscriber, name, presence } of members) {
      const now = names?.has(subscriber)
        ? "affiliated"
        : names !== undefined && presence === "affiliated"
          ? "online"
          : presence;
      shown.set(subscriber, this.#shown(subscriber, name, now, talker));
    }
    for (const [subscriber, name] of names ?? []) {
      shown.set(subscriber, this.#shown(subscriber, name, "affiliated", talker));
    }
    return [...shown.values()];
  }

  #shown(subscriber: string, name: string, presence: PersonShown["presence"], talker?: string): PersonShown {
    const seen = this.#radio.dispatch.people.get(subscriber);
    const loggedIn = this.#radio.dispatch.isWatching && presence !== "affiliated" ? seen !== undefined : undefined;
    const self = subscriber === this.#radio.identity.subscriber;
    const talking = talker === subscriber || (self && this.#weTalk);
    return {
      subscriber,
      name: name || seen?.name || "",
      presence: loggedIn === undefined ? presence : loggedIn ? "online" : "offline",
      talking,
      self,
      ...(seen && {
        role: seen.role,
        device_type: seen.device_type,
        connected: seen.connected,
        via: seen.via,
        fraction_lost: seen.fraction_lost,
        jitter_ms: seen.jitter_ms,
      }),
    };
  }

  get #weTalk(): boolean {
    return this.#radio.talkgroups.get(this.#groups.selected ?? "")?.state.is === "granted";
  }
}
