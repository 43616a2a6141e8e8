/**
 * What dispatchers and managers do: see who is there, take floors back, control devices from afar, regroup people. Every
 * act needs a reason, which goes into the organisation's audit log. Rejects with Refused: `auth.forbidden`, `not_found`.
 */
import type {
  DeviceChanged,
  DispatchChanged,
  GroupState,
  OnlineSubscriber,
  Regroup,
  ServerEvent,
} from "../protocol/messages";
import { Service } from "./service";

export type DispatchEvent =
  /** `people`, `groups` or `online` changed. */
  | { readonly kind: "overview" }
  /** Somebody controls a device: `confirmed` tells that a wiped one deleted its keys. */
  | { readonly kind: "device"; readonly change: DeviceChanged };

export type DeviceAct = "logout" | "stun" | "enable" | "wipe";

/** `people` by subscriber and `groups` by identifier, as they are while `watch` is on. */
export class Dispatch extends Service<DispatchEvent> {
  readonly people = new Map<string, OnlineSubscriber>();
  readonly groups = new Map<string, GroupState>();
  #isWatching = false;

  get isWatching(): boolean {
    return this.#isWatching;
  }

  /** From now on `people` and `groups` follow what happens; also after a new log-in. */
  async watch(): Promise<void> {
    this.#isWatching = true;
    await this.ask("dispatch.watch", { on: true }); // first, so that nothing between the two is missed
    await this.#readAll();
  }

  async unwatch(): Promise<void> {
    this.#isWatching = false;
    await this.ask("dispatch.watch", { on: false });
  }

  async #readAll(): Promise<void> {
    const present = { people: new Set<string>(), groups: new Set<string>() };
    for (let page = 0, last = false; !last; page += 1) {
      const found = await this.ask("dispatch.overview", { page });
      for (const person of found.people) present.people.add(person.subscriber);
      for (const group of found.groups) present.groups.add(group.group);
      this.#put(found);
      last = found.last;
    }
    for (const subscriber of this.people.keys()) if (!present.people.has(subscriber)) this.people.delete(subscriber);
    for (const group of this.groups.keys()) if (!present.groups.has(group)) this.groups.delete(group);
    this.tell({ kind: "overview" });
  }

  #put({ people = [], groups = [] }: Pick<DispatchChanged, "people" | "groups">): void {
    for (const person of people) this.people.set(person.subscriber, person);
    for (const group of groups) this.groups.set(group.group, group);
  }

  override take(event: ServerEvent): void {
    if (event.type === "device.changed") return this.tell({ kind: "device", change: event });
    if (event.type !== "dispatch.changed") return;
    this.#put(event);
    for (const subscriber of event.gone ?? []) this.people.delete(subscriber);
    for (const group of event.dissolved ?? []) this.groups.delete(group);
    this.tell({ kind: "overview" });
  }

  override async connected(): Promise<void> {
    if (this.#isWatching) await this.watch();
  }

  /** Takes the floor of a group back from whoever talks. */
  async revokeFloor(group: string, reason: string): Promise<void> {
    await this.ask("floor.revoke", { group, reason });
  }

  /**
   * `who`: a device (`dev_…`), or a subscriber (`sub_…`) with all its devices. `stun`: out, and refused until it is
   * enabled. `wipe`: deletes its keys, and never logs in again.
   */
  async control(act: DeviceAct, who: string, reason: string): Promise<void> {
    await this.ask(`device.${act}`, { who, reason });
  }

  /** Changes the groups that somebody is a member of, all at once. */
  async regroup(subscriber: string, changes: Pick<Regroup, "add" | "remove">, reason: string): Promise<void> {
    await this.ask("subscriber.regroup", { subscriber, ...changes, reason });
  }

  /** A group for a while; gives its identifier. */
  async makeGroup(name: string, members: readonly string[], reason: string): Promise<string> {
    return (await this.ask("group.make", { name, members, reason })).group;
  }

  async dissolveGroup(group: string, reason: string): Promise<void> {
    await this.ask("group.dissolve", { group, reason });
  }
}
