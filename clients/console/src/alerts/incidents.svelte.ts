/** The alerts of a radio, as living objects: open ones, and those that were closed since the page was opened. */
import { codeOf } from "../radio/errors";
import type { Radio } from "../radio/radio";
import { inBackground } from "../radio/service";
import type { Fault } from "../texts/errors";
import { movedTo, reconciled, shown, stepped, told, type Here, type Incident } from "./incident";
import { shortName } from "../texts/names";
import { LONGEST_NOTE, type AlertActions, type AlertShown } from "./view";

/** Past alerts that are kept to look at. */
const MOST_KEPT = 200;

export class Incidents {
  /** Newest first. */
  alerts = $state.raw<readonly AlertShown[]>([]);
  /** What was refused last. */
  fault = $state.raw<Fault>();
  readonly actions: AlertActions;
  readonly #radio: Radio;
  readonly #me: string;
  readonly #confirmed = new Set<string>();
  #known = new Map<string, Incident>();

  constructor(radio: Radio) {
    this.#radio = radio;
    this.#me = radio.identity.subscriber;
    this.actions = this.#makeActions();
    radio.alerts.isShownByPage = true;
    this.#listen();
    for (const info of radio.alerts.open.values()) this.#known.set(info.alert, told(undefined, info));
    if (radio.state.is === "connected") this.#readAnew();
  }

  #listen(): void {
    this.#radio.listen((event) => {
      if (event.kind === "connected") this.#readAnew();
      if (event.kind === "terms") this.#show();
    });
    this.#radio.alerts.listen((event) => {
      switch (event.kind) {
        case "raised":
          return this.#raised(event.info.alert);
        case "step":
          return this.#change(event.step.alert, (incident) => stepped(incident, event.step));
        case "moved":
          return this.#change(event.alert, (incident) => movedTo(incident, event.position));
        case "open":
          this.#known = reconciled(this.#known, event.alerts);
          return this.#show();
        case "group":
          return this.#show();
      }
    });
  }

  /** The timeline of one that is new begins before we heard of it. */
  #raised(alert: string): void {
    const info = this.#radio.alerts.open.get(alert);
    if (info === undefined) return;
    const isNew = !this.#known.has(alert);
    this.#known.set(alert, told(this.#known.get(alert), info));
    this.#show();
    if (isNew) this.#readAnew();
  }

  #readAnew(): void {
    inBackground(this.#radio.alerts.list());
  }

  #change(alert: string, change: (incident: Incident) => Incident): void {
    const incident = this.#known.get(alert);
    if (incident === undefined) return;
    this.#known.set(alert, change(incident));
    this.#show();
  }

  #show(): void {
    const newestFirst = [...this.#known.values()].sort((one, other) => other.info.raised_ms - one.info.raised_ms);
    this.#known = new Map(newestFirst.slice(0, MOST_KEPT).map((incident) => [incident.info.alert, incident]));
    this.alerts = newestFirst.map((incident) => shown(incident, this.#here(incident)));
  }

  #here(incident: Incident): Here {
    const listenInS = this.#radio.terms?.listen_in_s ?? 0;
    return { me: this.#me, groups: this.#emergencies(incident), listenInS };
  }

  /** As far as we take part in them. */
  #emergencies({ info }: Incident): string[] {
    const groups = [...this.#radio.talkgroups.values()];
    const its = groups.filter(({ emergency, people }) => emergency && people.names?.has(info.subscriber));
    return its.map(({ name }) => name);
  }

  /** It is on the screen: its raiser is told, once. */
  seen(alert: string): void {
    if (this.#confirmed.has(alert)) return;
    this.#confirmed.add(alert);
    this.#radio.alerts.shown(alert);
  }

  #makeActions(): AlertActions {
    const { alerts, calls, location } = this.#radio;
    const raiser = (alert: string) => this.#known.get(alert)!.info.subscriber;
    return {
      acknowledge: (alert) => this.#do(alerts.acknowledge(alert)),
      handle: (alert) => this.#do(alerts.handle(alert)),
      note: (alert, note) => this.#do(alerts.note(alert, shortName(note, LONGEST_NOTE))),
      resolve: (alert, outcome, note) => this.#do(alerts.resolve(alert, outcome, shortName(note, LONGEST_NOTE))),
      listen: (alert, reason, forS) => this.#do(this.#listenIn(alert, reason, forS)),
      endListening: (alert) => this.#do(alerts.endListening(alert)),
      call: (alert) => this.#do(calls.private(raiser(alert))),
      locate: (alert) =>
        this.#do(
          location.request(raiser(alert)).then((position) => {
            if (position === undefined) this.fault = { code: "page.not_located" };
            else this.#change(alert, (incident) => movedTo(incident, position));
          }),
        ),
    };
  }

  async #listenIn(alert: string, reason: string, forS: number): Promise<void> {
    const { group, at_most_s } = await this.#radio.alerts.listenIn(alert, reason, forS);
    this.#change(alert, (incident) => ({ ...incident, listenAtMostS: at_most_s }));
    await this.#radio.affiliate(group);
  }

  /** Gives whether it was done. */
  async #do(work: Promise<unknown>): Promise<boolean> {
    this.fault = undefined;
    try {
      await work;
      return true;
    } catch (error) {
      this.fault = codeOf(error);
      return false;
    }
  }
}

const living = new WeakMap<Radio, Incidents>();

/** The same for all who ask: the room comes and goes, the alerts stay. */
export function incidentsOf(radio: Radio): Incidents {
  const incidents = living.get(radio) ?? new Incidents(radio);
  living.set(radio, incidents);
  return incidents;
}
