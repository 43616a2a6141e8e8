/** Alerts that are over, as far as the organisation keeps them: read from the server page by page, one by one in full. */
import { SvelteMap } from "svelte/reactivity";
import type { AlertDebriefing, AlertMark, PastAlert } from "../protocol/messages";
import { codeOf } from "../radio/errors";
import type { Radio } from "../radio/radio";
import type { Fault } from "../texts/errors";
import { nameOf, stepShown } from "./incident";
import { isOpen, type AlertShown, type PositionShown } from "./view";

export class PastAlerts {
  /** What was refused last. */
  fault = $state.raw<Fault>();
  /** Whether there are older ones than those that were read. */
  isMore = $state(true);
  isReading = $state(false);
  readonly #radio: Radio;
  readonly #known = new SvelteMap<string, AlertShown>();
  #further: AlertMark | undefined;

  constructor(radio: Radio) {
    this.#radio = radio;
  }

  /** With those that this console saw itself, newest first: of those it knows more, unless it was away at the end. */
  with(seen: readonly AlertShown[]): AlertShown[] {
    const own = new Map(
      seen.filter((alert) => !isOpen(alert) && !this.#knowsBetter(alert)).map((one) => [one.alert, one]),
    );
    const read = [...this.#known.values()].filter(({ alert }) => !own.has(alert));
    return [...own.values(), ...read].sort((one, other) => other.raised_ms - one.raised_ms);
  }

  #knowsBetter({ alert, state }: AlertShown): boolean {
    return state === "closed" && this.#known.has(alert);
  }

  /** The next page. */
  async more(): Promise<void> {
    if (this.isReading || !this.isMore) return;
    await this.#read(async () => {
      const { alerts, further } = await this.#radio.alerts.past(this.#further);
      for (const past of alerts) this.#known.set(past.info.alert, listed(past, this.#radio.identity.subscriber));
      this.#further = further;
      this.isMore = further !== undefined;
    });
  }

  /** All of one that is listed. */
  async open(alert: string): Promise<void> {
    const known = this.#known.get(alert);
    if (known === undefined || known.steps !== undefined) return;
    await this.#read(async () => {
      this.#known.set(alert, debriefed(await this.#radio.alerts.debrief(alert), this.#radio.identity.subscriber));
    });
  }

  async #read(work: () => Promise<void>): Promise<void> {
    this.fault = undefined;
    this.isReading = true;
    try {
      await work();
    } catch (error) {
      this.fault = codeOf(error);
    } finally {
      this.isReading = false;
    }
  }
}

function listed({ info }: PastAlert, me: string): AlertShown {
  return {
    alert: info.alert,
    subscriber: info.subscriber,
    name: info.name,
    raised_ms: info.raised_ms,
    state: info.state,
    drill: info.drill,
    mine: info.handler === me,
    groups: [],
    ambient: { state: "off", listeners: [], allowed_s: 0 },
  };
}

export function debriefed({ past, steps, place, track }: AlertDebriefing, me: string): AlertShown {
  const position: PositionShown | undefined = track?.at(-1) ?? place;
  const handler = past.info.handler;
  return {
    ...listed(past, me),
    steps: steps.map(stepShown),
    ...(position === undefined ? {} : { position }),
    ...(track === undefined ? {} : { track }),
    ...(handler === undefined ? {} : { handler: nameOf(steps, handler) }),
  };
}

const living = new WeakMap<Radio, PastAlerts>();

/** The same for all who ask: what was read stays while the room comes and goes. */
export function pastOf(radio: Radio): PastAlerts {
  const past = living.get(radio) ?? new PastAlerts(radio);
  living.set(radio, past);
  return past;
}
