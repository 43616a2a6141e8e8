/** The groups of the desk: which there are, which are monitored, their floors now, and how they sound. */
import type { Radio } from "../radio/radio";
import type { Talkgroup, TalkgroupEvent } from "../radio/talkgroup";
import type { Voice } from "../radio/voice";
import type { Fault } from "../texts/errors";
import { say } from "../texts/say";
import { floorOf, type FloorSource, type Times } from "./floor_shown";
import { History, type Talks } from "./history";
import { LOUD, type Kept } from "./kept";
import type { GroupShown, Sound } from "./view";

interface Known {
  readonly group: string;
  readonly name: string;
  readonly temporary: boolean;
  readonly member: boolean;
}

export class Groups {
  shown = $state.raw<readonly GroupShown[]>([]);
  /** The one that the talk key talks to. */
  selected = $state<string | undefined>(undefined);
  /** The microphone, as it was at the last press. */
  microphone = $state.raw<Fault | undefined>(undefined);
  /** Changes whenever somebody joins, leaves or talks. */
  presence = $state(0);
  readonly #radio: Radio;
  readonly #voice: Pick<Voice, "setChannel">;
  readonly #kept: Kept;
  readonly #times: Times;
  readonly #history = new History();
  readonly #heard = new Map<Talkgroup, () => void>();
  readonly #temporary = new Set<string>();
  readonly #cache = new Map<string, GroupShown>();
  readonly #stops: (() => void)[];
  #changed = new Set<string>();

  constructor(radio: Radio, voice: Pick<Voice, "setChannel">, kept: Kept, times: Times) {
    this.#radio = radio;
    this.#voice = voice;
    this.#kept = kept;
    this.#times = times;
    this.#stops = [
      radio.listen((event) => {
        if (event.kind === "groups" && event.added !== undefined) this.#gained(event.added.group, event.temporary);
        this.#allChanged();
      }),
      radio.dispatch.listen(() => this.#allChanged()),
      radio.calls.listen(() => this.#allChanged()),
      radio.alerts.listen(() => this.#allChanged()),
    ];
  }

  /** Monitors what was monitored before, and selects what was selected. Rejects as `monitor` does. */
  async open(): Promise<void> {
    this.#allChanged();
    const { selected } = this.#kept.desk;
    for (const { group } of this.#known().filter((known) => this.#wants(known))) await this.#affiliate(group);
    this.selected = this.#known().some(({ group }) => group === selected) ? selected : this.shown[0]?.group;
    this.#flush();
  }

  close(): void {
    for (const stop of [...this.#stops, ...this.#heard.values()]) stop();
  }

  // What the dispatcher does. Rejects with Refused, NotConnected.

  /** From now on the talk key talks there; so it is heard, too. */
  async select(group: string): Promise<void> {
    this.selected = group;
    this.#kept.change({ selected: group });
    if (!this.#radio.talkgroups.has(group)) await this.monitor(group, true);
  }

  async monitor(group: string, on: boolean): Promise<void> {
    this.#kept.change({ monitored: { ...this.#kept.desk.monitored, [group]: on } });
    if (on) await this.#affiliate(group);
    else await this.#radio.deaffiliate(group);
    this.#allChanged();
  }

  sound(group: string, sound: Sound): void {
    this.#voice.setChannel(group, sound);
    this.#change(group);
    this.#kept.change({ sounds: { ...this.#kept.desk.sounds, [group]: sound } });
  }

  press(group: string): void {
    const talkgroup = this.#radio.talkgroups.get(group);
    talkgroup?.press({ imminentPeril: talkgroup.imminentPeril });
  }

  release(group: string): void {
    this.#radio.talkgroups.get(group)?.release();
  }

  name(group: string): string {
    return this.#cache.get(group)?.name ?? this.#radio.talkgroups.get(group)?.name ?? "";
  }

  /** What was pressed where nothing could be said. */
  microphoneFailed(event: TalkgroupEvent): void {
    if (event.kind === "microphone") this.microphone = { code: `microphone.${event.error.reason}` };
  }

  // Which there are

  #known(): Known[] {
    const own = this.#radio.groups.map(({ group, name }) => this.#place(group, name, true));
    const ids = new Set(own.map(({ group }) => group));
    const inCalls = this.#ofCalls();
    const others = [...this.#radio.dispatch.groups.values()].filter(({ group }) => !ids.has(group));
    const seen = others.map(({ group, name }) => this.#place(group, name, false));
    const collator = new Intl.Collator(undefined, { numeric: true });
    return [...own, ...seen.sort((one, other) => collator.compare(one.name, other.name))].filter(
      ({ group }) => !inCalls.has(group),
    );
  }

  #place(group: string, name: string, member: boolean): Known {
    const temporary = this.#radio.dispatch.groups.get(group)?.temporary ?? this.#temporary.has(group);
    return { group, name, temporary, member };
  }

  /** They are shown as calls. */
  #ofCalls(): Set<string | undefined> {
    const calls = [...this.#radio.calls.live.values()];
    return new Set(calls.flatMap(({ talkGroup, listenGroup }) => [talkGroup?.group, listenGroup?.group]));
  }

  #wants({ group, member }: Known): boolean {
    return this.#kept.desk.monitored[group] ?? member;
  }

  async #affiliate(group: string): Promise<void> {
    this.#voice.setChannel(group, this.#soundOf(group));
    await this.#radio.affiliate(group);
    this.#hearAll();
  }

  /** Somebody put us into a group: what is said there concerns us. */
  #gained(group: string, temporary = false): void {
    if (temporary) this.#temporary.add(group);
    this.#radio.affiliate(group).then(
      () => this.#hearAll(),
      () => undefined, // gone again, or the connection is; the card says that it is not monitored
    );
  }

  #soundOf(group: string): Sound {
    return this.#kept.desk.sounds[group] ?? LOUD;
  }

  // What is heard of them

  #hearAll(): void {
    for (const talkgroup of this.#radio.talkgroups.values()) {
      if (this.#heard.has(talkgroup)) continue;
      this.#heard.set(
        talkgroup,
        talkgroup.listen((event) => this.#hear(talkgroup, event)),
      );
      this.#note(talkgroup);
    }
    this.#allChanged();
  }

  #hear(talkgroup: Talkgroup, event: TalkgroupEvent): void {
    this.microphoneFailed(event);
    if (event.kind === "state" && talkgroup.state.is === "granted") this.microphone = undefined;
    if (event.kind === "left") {
      this.#heard.get(talkgroup)?.();
      this.#heard.delete(talkgroup);
    }
    this.#note(talkgroup);
    this.presence += 1;
    this.#change(talkgroup.group);
  }

  #note({ group, talker, state }: Talkgroup): void {
    const own: Talks | undefined =
      state.is === "granted" ? { burst: `own ${state.burstSsrc}`, name: this.#radio.name } : undefined;
    const heard = talker && { burst: String(talker.burstSsrc), name: talker.name, emergency: talker.emergency };
    this.#history.note(group, own ?? heard, Date.now());
  }

  // What is shown: made anew for what changed, once for all that happens at a time

  #allChanged(): void {
    this.#change(...this.#known().map(({ group }) => group));
  }

  #change(...groups: readonly string[]): void {
    if (this.#changed.size === 0) queueMicrotask(() => this.#flush());
    for (const group of ["", ...groups]) this.#changed.add(group);
  }

  #flush(): void {
    this.#hearNew();
    const changed = this.#changed;
    this.#changed = new Set();
    this.shown = this.#known().map((known) => {
      const before = this.#cache.get(known.group);
      if (before !== undefined && !changed.has(known.group)) return before;
      const now = this.#show(known);
      this.#cache.set(known.group, now);
      return now;
    });
    if (!this.shown.some(({ group }) => group === this.selected)) this.selected = this.shown[0]?.group;
    this.presence += 1;
  }

  #hearNew(): void {
    const unheard = [...this.#radio.talkgroups.values()].some((talkgroup) => !this.#heard.has(talkgroup));
    if (unheard) this.#hearAll();
  }

  #show({ group, name, temporary }: Known): GroupShown {
    const talkgroup = this.#radio.talkgroups.get(group);
    const seen = this.#radio.dispatch.groups.get(group);
    const talker = seen?.talker;
    if (talkgroup === undefined) {
      const burst = talker && { burst: `${talker.subscriber} ${seen.affiliated}`, name: talker.name };
      this.#history.note(group, burst, Date.now());
    }
    return {
      group,
      name,
      temporary,
      monitored: talkgroup !== undefined,
      floor: floorOf(talkgroup ?? this.#unheard(group), this.#times),
      sound: this.#soundOf(group),
      affiliated: talkgroup?.people.count ?? seen?.affiliated ?? 0,
      waiting: seen?.waiting ?? 0,
      ...(talkgroup?.listenOnly ? { unavailable: say("desk.listen_only") } : {}),
      activity: this.#history.of(group),
    };
  }

  /** A group that one takes no part in, as the overview has it: who talks there is seen, not heard. */
  #unheard(group: string): FloorSource {
    const seen = this.#radio.dispatch.groups.get(group);
    const imminentPeril = seen?.imminent_peril ?? false;
    const floor = { state: { is: "idle" }, emergency: false, imminentPeril } as const;
    if (seen?.talker === undefined) return { ...floor, talker: undefined };
    const since = this.#seenSince(group, seen.talker.subscriber);
    const talker = { ...seen.talker, since, burstSsrc: 0, emergency: false, imminentPeril, mayRequest: false };
    return { ...floor, talker };
  }

  readonly #seen = new Map<string, { readonly who: string; readonly since: number }>();

  #seenSince(group: string, who: string): number {
    const before = this.#seen.get(group);
    if (before?.who === who) return before.since;
    const since = this.#radio.now();
    this.#seen.set(group, { who, since });
    return since;
  }
}
