/** The groups of the phone: the one that is talked to and heard, its floor, and the key. */
import type { Radio, RadioEvent } from "../radio/radio";
import type { TalkState } from "../radio/talk_state";
import type { Talkgroup } from "../radio/talkgroup";
import { RadioError } from "../radio/errors";
import { say } from "../texts/say";
import { floorOf, type Times } from "../desk/floor_shown";
import { timesOf } from "../desk/times";
import type { Kept } from "./kept.svelte";
import type { Sound } from "./sound.svelte";
import type { PhoneGroup, PhoneLink } from "./view";
import type { Floor } from "../look/talk/floor";

const AT_THE_KEY: ReadonlySet<TalkState["is"]> = new Set(["requesting", "queued", "granted"]);
const FREE: Floor = { own: { state: "none" }, condition: "normal" };

export class Talking {
  chosen = $state<string>();
  /** Somebody put us into a group for a while. */
  fetched = $state.raw<{ readonly name: string }>();
  #changes = $state(0);
  readonly #radio: Radio;
  readonly #times: Times;
  readonly #kept: Kept;
  readonly #sound: Sound;
  readonly #temporary = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #listened = new WeakSet<Talkgroup>();
  readonly #stop: () => void;
  #isDown = false;

  constructor(radio: Radio, kept: Kept, sound: Sound) {
    this.#radio = radio;
    this.#times = timesOf(radio);
    this.#kept = kept;
    this.#sound = sound;
    this.#stop = radio.listen((event) => this.#take(event));
    const { group } = kept.choices;
    const first =
      radio.groups.find((one) => one.group === group) ?? (radio.groups.length === 1 ? radio.groups[0] : undefined);
    if (first !== undefined) void this.choose(first.group);
  }

  close(): void {
    this.#stop();
  }

  get link(): PhoneLink {
    void this.#changes;
    const { state } = this.#radio;
    if (state.is !== "reconnecting") return "connected";
    return state.nextTryAt === undefined ? "connecting" : "lost";
  }

  get groups(): readonly PhoneGroup[] {
    void this.#changes;
    return this.#radio.groups.map(({ group, name, listen_only }) => {
      const live = this.#radio.talkgroups.get(group);
      const unavailable = this.#unavailable(live?.listenOnly ?? listen_only);
      return {
        group,
        name,
        temporary: this.#temporary.has(group),
        affiliated: live?.people.count ?? this.#counts.get(group),
        floor: live === undefined ? FREE : this.floorOf(live, this.#isDown),
        ...(unavailable === undefined ? {} : { unavailable }),
      };
    });
  }

  #unavailable(listenOnly: boolean): string | undefined {
    if (this.link !== "connected") return say("phone.unlinked");
    return listenOnly ? say("floor.denied.listen_only") : undefined;
  }

  floorOf(group: Talkgroup, down: boolean): Floor {
    void this.#changes;
    return floorOf(group, this.#times, down);
  }

  /** Everybody who takes part in the chosen group, by name. */
  get people(): ReadonlyMap<string, string> {
    void this.#changes;
    return this.#live?.people.names ?? new Map<string, string>();
  }

  /** The key is down, here or in a call, or what was said is still on its way. */
  get isTalking(): boolean {
    void this.#changes;
    return [...this.#radio.talkgroups.values()].some(({ state }) => AT_THE_KEY.has(state.is));
  }

  get #live(): Talkgroup | undefined {
    return this.chosen === undefined ? undefined : this.#radio.talkgroups.get(this.chosen);
  }

  /** How many are in the groups that are not heard. */
  async count(): Promise<void> {
    const others = this.#radio.groups.filter(({ group }) => !this.#radio.talkgroups.has(group));
    await Promise.allSettled(
      others.map(async ({ group }) => this.#counts.set(group, (await this.#radio.presence(group)).affiliated)),
    );
    this.#changes += 1;
  }

  /** Talks to this group and hears it, and leaves the one before. */
  async choose(group: string): Promise<void> {
    const before = this.chosen;
    if (before === group) return;
    this.release();
    this.chosen = group;
    if (!this.#temporary.has(group)) this.#kept.change({ group });
    await quietly(this.#join(group));
    if (before !== undefined && this.#radio.talkgroups.has(before)) await quietly(this.#radio.deaffiliate(before));
  }

  async #join(group: string): Promise<void> {
    this.listenTo(await this.#radio.affiliate(group));
  }

  /** Shows what happens in the group, and how loud it is. */
  listenTo(group: Talkgroup): void {
    this.#setVolume(group.group);
    this.#changes += 1;
    if (this.#listened.has(group)) return;
    this.#listened.add(group);
    group.listen((event) => {
      this.#changes += 1;
      if (event.kind === "microphone") this.#sound.failed(event.error);
    });
  }

  setVolume(volume: number): void {
    this.#kept.change({ volume });
    for (const group of this.#radio.talkgroups.keys()) this.#setVolume(group);
  }

  #setVolume(group: string): void {
    this.#sound.voice.setChannel(group, { volume: this.#kept.choices.volume, pan: 0, muted: false });
  }

  press(): void {
    this.#isDown = true;
    this.#live?.press();
    this.#changes += 1;
  }

  release(): void {
    this.#isDown = false;
    this.#live?.release();
    this.#changes += 1;
  }

  #take(event: RadioEvent): void {
    this.#changes += 1;
    if (event.kind === "connected" && this.chosen !== undefined && this.#live === undefined) {
      void quietly(this.#join(this.chosen));
    }
    if (event.kind !== "groups") return;
    if (event.added !== undefined && event.temporary) {
      this.#temporary.add(event.added.group);
      this.fetched = { name: event.added.name };
      void this.choose(event.added.group);
    }
    if (event.removed !== undefined && event.removed === this.chosen) this.#leaveGone();
  }

  /** Back to the group that the user chose, if it is there. */
  #leaveGone(): void {
    this.#isDown = false;
    this.chosen = undefined;
    this.fetched = undefined;
    const { group } = this.#kept.choices;
    if (this.#radio.groups.some((one) => one.group === group)) void this.choose(group);
  }
}

/** A refusal or a lost connection changes nothing: the next log-in takes part anew, and the list tells what is gone. */
async function quietly(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof RadioError)) throw error;
  }
}
