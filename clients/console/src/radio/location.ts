/**
 * Location: reports where this device is, as far as the terms allow; for dispatchers, asks where others are.
 *
 * What must not be sent is not sent: positions are let go of here while the state is not `on`, and so is what waited for
 * a connection. The server checks it all the same.
 */
import type {
  Fence,
  FenceEvent,
  LocationLastKnown,
  LocationPosition,
  LocationTaken,
  LocationTerms,
  Look,
  Position,
  PutFence,
  ServerEvent,
  Terms,
} from "../protocol/messages";
import type { Clock } from "./clock";
import { LocationOff, NotConnected, RadioError, Refused } from "./errors";
import { inBackground, Service } from "./service";
import type { Ask, Members } from "./signalling";

const MOST_BUFFERED = 2000;
const MOST_POSITIONS = 100;
const BUFFERED_AFTER_MS = 60_000;
const FRESH_MS = 30_000;
const ANSWER_TIMEOUT_S = 60;

export type Shape = PutFence["shape"];
export type LocationEvent =
  | { readonly kind: "position"; readonly position: LocationPosition }
  /** Location is off for somebody who was seen: forget the position. */
  | { readonly kind: "gone"; readonly subscriber: string }
  | { readonly kind: "fence"; readonly fence: FenceEvent }
  /** `terms` changed. */
  | { readonly kind: "terms" };

export class Location extends Service<LocationEvent> {
  readonly #clock: Clock;
  readonly #told: () => Terms | undefined;
  readonly #watches: Members<"location.watch">[] = [];
  #waiting: Position[] = [];
  #newest: Position | undefined;
  #sentMs = 0;
  /** The person said so here: it holds at once, whatever the server has said before. */
  #switchedOff = false;

  constructor(ask: Ask, clock: Clock, terms: () => Terms | undefined) {
    super(ask);
    this.#clock = clock;
    this.#told = terms;
  }

  /** What holds for this subscriber; undefined before the log-in. */
  get terms(): LocationTerms | undefined {
    const told = this.#told()?.location;
    return this.#switchedOff && told?.state === "on" ? { ...told, state: "switched_off" } : told;
  }

  /** `on`, or why no position is sent. */
  get state(): LocationTerms["state"] {
    return this.terms?.state ?? "off_for_all";
  }

  // Where this device is

  /** Sends them now, oldest first. Rejects with LocationOff, Refused, NotConnected. */
  async report(positions: readonly Position[], request?: string): Promise<LocationTaken> {
    if (this.state !== "on") throw new LocationOff("location is off");
    const buffered = positions.some(({ at_ms }) => at_ms < this.#clock.utcMs() - BUFFERED_AFTER_MS);
    return this.ask("location.report", { positions, buffered, request });
  }

  /** A new position of this device: it is reported no oftener than the terms say, when there is a connection. */
  moved(position: Position): void {
    if (this.state !== "on") return this.#letGo();
    this.#newest = position;
    if (position.at_ms - this.#sentMs < 1000 * (this.terms?.interval_s ?? 0)) return;
    this.#sentMs = position.at_ms;
    this.#waiting = [...this.#waiting, position].slice(-MOST_BUFFERED);
    inBackground(this.#sendWaiting());
  }

  /** The terms are others than when it was measured: location may have been off and on again unnoticed. */
  #forgetWhatIsNotToBeTold(): void {
    if (this.state !== "on") return this.#letGo();
    const sinceMs = this.terms?.on_since_ms ?? 0;
    this.#waiting = this.#waiting.filter(({ at_ms }) => at_ms > sinceMs);
    if (this.#newest !== undefined && this.#newest.at_ms <= sinceMs) this.#newest = undefined;
  }

  async #sendWaiting(): Promise<void> {
    this.#forgetWhatIsNotToBeTold();
    while (this.#waiting.length > 0) {
      const some = this.#waiting.slice(0, MOST_POSITIONS);
      try {
        await this.report(some);
      } catch (error) {
        if (error instanceof Refused || error instanceof LocationOff) this.#letGo(); // it is not sent again
        if (error instanceof RadioError) return;
        throw error;
      }
      this.#waiting = this.#waiting.filter((position) => !some.includes(position));
    }
  }

  #letGo(): void {
    this.#waiting = [];
    this.#newest = undefined;
  }

  /** The person's own switch. Off holds here from the first step on. Rejects with Refused (`policy.forbids`). */
  async switch(on: boolean): Promise<void> {
    if (!on) {
      this.#switchedOff = true;
      this.#letGo();
    }
    try {
      await this.ask("location.switch", { on });
    } catch (error) {
      if (error instanceof Refused) this.#switchedOff = false;
      throw error;
    }
    if (on) this.#switchedOff = false;
  }

  /** Who looked at the position of this subscriber, newest first. */
  async looks(): Promise<readonly Look[]> {
    return (await this.ask("location.looks", {})).looks;
  }

  // Where others are. Rejects with Refused: not entitled, unknown, or location is off.

  last(subscriber: string): Promise<LocationLastKnown> {
    return this.ask("location.last", { subscriber });
  }

  async history(subscriber: string, fromMs: number, untilMs: number, limit = 1000): Promise<readonly Position[]> {
    const members = { subscriber, from_ms: fromMs, until_ms: untilMs, limit };
    return (await this.ask("location.history", members)).positions;
  }

  /** Asks the device itself; what is known since, if it answered just now. undefined: no answer within a minute. */
  async request(subscriber: string): Promise<Position | undefined> {
    const { promise, resolve } = Promise.withResolvers<Position | undefined>();
    let wanted: string | undefined;
    const early = new Map<string, Position>();
    const stop = this.listen((event) => {
      if (event.kind !== "position" || event.position.request === undefined) return;
      if (event.position.request === wanted) resolve(event.position.position);
      else early.set(event.position.request, event.position.position);
    });
    try {
      wanted = (await this.ask("location.request", { subscriber })).request;
      if (early.has(wanted)) return early.get(wanted);
      const callOff = this.#clock.after(ANSWER_TIMEOUT_S, () => resolve(undefined));
      return await promise.finally(callOff);
    } finally {
      stop();
    }
  }

  /** Events come from now on, also after a new log-in. Neither: of everybody. */
  async watch(what: Members<"location.watch"> = {}): Promise<void> {
    await this.ask("location.watch", what);
    this.#watches.push(what);
  }

  async unwatch(): Promise<void> {
    this.#watches.length = 0;
    await this.ask("location.unwatch", {});
  }

  /** Everybody who is there now gets into a group with us for a while; gives its identifier. */
  async callArea(name: string, shape: Shape, reason: string): Promise<string> {
    return (await this.ask("location.group", { name, shape, reason })).group;
  }

  /** A new fence, or with `fence` another shape for it; gives its identifier. */
  async putFence(fence: Members<"fence.put">): Promise<string> {
    return (await this.ask("fence.put", fence)).fence;
  }

  async removeFence(fence: string): Promise<void> {
    await this.ask("fence.remove", { fence });
  }

  /** All of the organisation. */
  async fences(): Promise<readonly Fence[]> {
    const found: Fence[] = [];
    for (let further = true; further;) {
      const page = await this.ask("fence.list", { after: found.at(-1)?.fence });
      found.push(...page.fences);
      further = page.further;
    }
    return found;
  }

  // What the server says

  override take(event: ServerEvent): void {
    switch (event.type) {
      case "location.wanted":
        return this.#answer(event.request);
      case "location.position":
        return this.tell({ kind: "position", position: event });
      case "location.gone":
        return this.tell({ kind: "gone", subscriber: event.subscriber });
      case "fence.event":
        return this.tell({ kind: "fence", fence: event });
      case "terms":
        this.#forgetWhatIsNotToBeTold();
        return this.tell({ kind: "terms" });
    }
  }

  /** Without a fresh position there is no answer: whoever asked sees that none came. */
  #answer(request: string): void {
    const newest = this.#newest;
    if (newest === undefined || newest.at_ms < this.#clock.utcMs() - FRESH_MS) return;
    this.#sentMs = newest.at_ms;
    inBackground(this.report([newest], request));
  }

  override async connected(): Promise<void> {
    this.#forgetWhatIsNotToBeTold();
    for (const watch of this.#watches) await this.#watchAgain(watch);
    await this.#sendWaiting();
  }

  /** What is watched may be gone meanwhile; the others are watched all the same. */
  async #watchAgain(watch: Members<"location.watch">): Promise<void> {
    try {
      await this.ask("location.watch", watch);
    } catch (error) {
      if (error instanceof NotConnected || !(error instanceof RadioError)) throw error;
      this.#watches.splice(this.#watches.indexOf(watch), 1);
    }
  }

  override close(): void {
    this.#letGo();
  }
}
