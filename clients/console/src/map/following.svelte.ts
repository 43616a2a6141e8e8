/**
 * The map room behind its page: follows the radio's positions, alerts and fences, and carries out what is asked.
 *
 * What it knows dies with the room, and with every new connection: somebody may have switched location off meanwhile,
 * and nobody told us.
 */
import type { FenceEvent } from "../protocol/messages";
import { RadioError, Refused } from "../radio/errors";
import type { LocationEvent, Shape } from "../radio/location";
import type { Radio } from "../radio/radio";
import type { Fault } from "../texts/errors";
import { Whereabouts } from "./whereabouts";
import type { FenceDraft, MapActions, MapShown, Outcome, Seen, Trail } from "./view";

const MOST_EVENTS = 200;
const HOUR_MS = 3_600_000;
/** Whose last position is asked for when the map opens: each is a look in the audit log. Others are asked one by one. */
const MOST_ASKED = 200;

export class Following implements MapActions {
  readonly whereabouts = new Whereabouts();
  readonly #radio: Radio;
  readonly #ends: (() => void)[] = [];
  readonly #asked = new Set<string>();
  #isAsking = false;
  #isOver = false;
  #fences = $state.raw<MapShown["fences"]>([]);
  #events = $state.raw<readonly Seen[]>([]);
  #trail = $state.raw<Trail>();
  #fault = $state.raw<Fault>();
  #mayTrail = $state(false);
  #counted = 0;

  constructor(radio: Radio) {
    this.#radio = radio;
    const { location, alerts, dispatch } = radio;
    this.#ends.push(
      location.listen((event) => this.#take(event)),
      alerts.listen(() => this.#takeAlerts()),
      dispatch.listen(({ kind }) => kind === "overview" && this.#takePeople()),
      radio.listen(({ kind }) => kind === "connected" && this.#startAnew()),
    );
    this.#takeTerms();
    this.#takeAlerts();
    void this.#start();
  }

  get shown(): MapShown {
    return {
      fences: this.#fences,
      events: this.#events,
      trail: this.#trail,
      mayTrail: this.#mayTrail,
      fault: this.#fault,
    };
  }

  /** The room is left: nobody is watched any more. */
  close(): void {
    this.#isOver = true;
    for (const end of this.#ends) end();
    void tried(() => this.#radio.location.unwatch());
  }

  async #start(): Promise<void> {
    const { location, dispatch } = this.#radio;
    this.#fault = await tried(() => location.watch());
    if (this.#isOver) return void tried(() => location.unwatch()); // left before it had begun
    if (this.#fault !== undefined) return this.#readFences(); // they stay while nobody is located, and can be removed
    this.#fault = await tried(async () => {
      this.#fences = await location.fences();
      if (!dispatch.isWatching) await dispatch.watch();
    });
    this.#takePeople();
  }

  #startAnew(): void {
    this.whereabouts.forget();
    this.#asked.clear();
    this.#trail = undefined;
    this.#takeTerms();
    this.#takePeople();
    void this.#readFences();
  }

  async #readFences(): Promise<void> {
    await tried(async () => {
      this.#fences = await this.#radio.location.fences();
    });
  }

  // What the radio tells

  #take(event: LocationEvent): void {
    switch (event.kind) {
      case "position": {
        const { subscriber, name, position } = event.position;
        return this.whereabouts.place(subscriber, name, position);
      }
      case "gone":
        if (this.#trail?.subscriber === event.subscriber) this.#trail = undefined;
        return this.whereabouts.switchedOff(event.subscriber);
      case "fence":
        return this.#takeCrossing(event.fence);
      case "terms":
        return this.#takeTerms();
    }
  }

  #takeCrossing(event: FenceEvent): void {
    this.#counted += 1;
    this.#events = [{ number: this.#counted, event }, ...this.#events].slice(0, MOST_EVENTS);
  }

  #takeTerms(): void {
    const terms = this.#radio.location.terms;
    this.whereabouts.interval_s = terms?.interval_s ?? 0;
    this.#mayTrail = terms?.stored ?? false;
    if (!this.#mayTrail) this.#trail = undefined;
  }

  #takeAlerts(): void {
    const open = [...this.#radio.alerts.open.values()];
    this.whereabouts.setAlerts(
      open.map(({ alert, subscriber, name, drill, position }) => ({ alert, subscriber, name, drill, position })),
    );
  }

  #takePeople(): void {
    const people = [...this.#radio.dispatch.people.values()];
    const me = this.#radio.identity.subscriber;
    this.whereabouts.setOnline(
      new Map(people.flatMap(({ subscriber, name }) => (subscriber === me ? [] : [[subscriber, name] as const]))),
    );
    for (const subscriber of this.#asked)
      if (!this.#radio.dispatch.people.has(subscriber)) this.#asked.delete(subscriber);
    void this.#askAll();
  }

  /** Where everybody was last, or that location is off: one question at a time, so that others of ours come between. */
  async #askAll(): Promise<void> {
    if (this.#isAsking || this.#fault !== undefined) return;
    this.#isAsking = true;
    for (let next = this.#nextToAsk(); next !== undefined && !this.#isOver; next = this.#nextToAsk()) {
      this.#asked.add(next);
      const fault = await this.last(next);
      if (fault?.code === "page.offline") break; // with the next connection it begins anew
    }
    this.#isAsking = false;
  }

  #nextToAsk(): string | undefined {
    if (this.#asked.size >= MOST_ASKED) return undefined;
    const me = this.#radio.identity.subscriber;
    for (const subscriber of this.#radio.dispatch.people.keys()) {
      if (subscriber !== me && !this.#asked.has(subscriber) && !this.whereabouts.placed.has(subscriber)) {
        return subscriber;
      }
    }
    return undefined;
  }

  // What is asked for

  async last(subscriber: string): Outcome {
    return this.#aboutPerson(subscriber, async () => {
      const { position } = await this.#radio.location.last(subscriber);
      if (position !== undefined) this.whereabouts.place(subscriber, this.#nameOf(subscriber), position);
    });
  }

  async request(subscriber: string): Outcome {
    let answered = false;
    const fault = await this.#aboutPerson(subscriber, async () => {
      const position = await this.#radio.location.request(subscriber);
      answered = position !== undefined; // it came as an event as well
    });
    return fault ?? (answered ? undefined : { code: "no_answer" });
  }

  /** Refused where positions are not kept as well: that says nothing about the person. */
  trail(subscriber: string, hours: number): Outcome {
    return tried(async () => {
      const until_ms = Date.now();
      const positions = await this.#radio.location.history(subscriber, until_ms - hours * HOUR_MS, until_ms);
      this.#trail = { subscriber, positions };
    });
  }

  clearTrail(): void {
    this.#trail = undefined;
  }

  /** `policy.forbids` of a person's position: it is off. */
  async #aboutPerson(subscriber: string, act: () => Promise<void>): Outcome {
    const fault = await tried(act);
    if (fault?.code === "policy.forbids") this.whereabouts.switchedOff(subscriber, this.#nameOf(subscriber));
    return fault;
  }

  #nameOf(subscriber: string): string {
    return this.#radio.dispatch.people.get(subscriber)?.name ?? this.whereabouts.nameOf(subscriber) ?? "";
  }

  putFence({ fence, name, shape, dwell_s }: FenceDraft): Outcome {
    return tried(async () => {
      await this.#radio.location.putFence({ fence, name, shape, dwell_s });
      this.#fences = await this.#radio.location.fences();
    });
  }

  removeFence(fence: string): Outcome {
    return tried(async () => {
      await this.#radio.location.removeFence(fence);
      this.#fences = this.#fences.filter((one) => one.fence !== fence);
    });
  }

  callArea(name: string, shape: Shape, reason: string): Outcome {
    return tried(async () => {
      await this.#radio.location.callArea(name, shape, reason);
    });
  }
}

/** The fault, if it is one that people can do something about; anything else is a bug, and shows as one. */
async function tried(act: () => Promise<void>): Outcome {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (error instanceof Refused) return { code: error.code, message: error.message, details: error.details };
    if (error instanceof RadioError) return { code: "page.offline" };
    throw error;
  }
}
