/** One's own call for help: raised, followed step by step, taken back. */
import type { AlertInfo, AlertStep } from "../protocol/messages";
import type { AlertEvent } from "../radio/alerts";
import { RadioError, type Refused } from "../radio/errors";
import type { Radio } from "../radio/radio";
import type { Fault } from "../texts/errors";
import { faultOf } from "./faults";
import type { Locating } from "./locating.svelte";
import type { Sound } from "./sound.svelte";
import type { Sos, SosEnd } from "./view";

const ENDS: ReadonlySet<string> = new Set(["resolved", "false_alarm", "test", "cancelled"]);

export class OwnAlert {
  fault = $state.raw<Fault>();
  /** How the last one ended. */
  end = $state<SosEnd>();
  #changes = $state(0);
  readonly #radio: Radio;
  readonly #locating: Locating;
  readonly #sound: Sound;
  readonly #stop: () => void;
  /** Who took each alert in hand, by name. */
  readonly #by = new Map<string, string>();
  #mine: string | undefined;

  constructor(radio: Radio, locating: Locating, sound: Sound) {
    this.#radio = radio;
    this.#sound = sound;
    this.#locating = locating;
    const stops = [
      radio.alerts.listen((event) => this.#take(event)),
      radio.listen(({ kind }) => kind === "connected" && void this.#read()),
    ];
    this.#stop = () => stops.forEach((stop) => stop());
    void this.#read();
  }

  close(): void {
    this.#stop();
  }

  get sos(): Sos {
    void this.#changes;
    const info = this.#radio.alerts.own;
    if (info === undefined)
      return this.#radio.alerts.isCalling || this.#isRaising ? { state: "sending" } : { state: "none" };
    return this.#shown(info);
  }

  /** Others who call for help, as far as this phone is told. */
  get others(): readonly AlertInfo[] {
    void this.#changes;
    return [...this.#radio.alerts.open.values()].filter(
      ({ subscriber }) => subscriber !== this.#radio.identity.subscriber,
    );
  }

  #shown(info: AlertInfo): Sos {
    const state = info.state as Exclude<Sos["state"], "none" | "sending">;
    const by = this.#by.get(info.alert);
    return {
      state,
      raised_ms: info.raised_ms,
      drill: info.drill,
      with_position: info.position !== undefined,
      ...(by === undefined ? {} : { by }),
    };
  }

  #isRaising = $state(false);

  /** It is repeated until the server has it, whatever happens to the connection. */
  async raise(): Promise<void> {
    if (this.#isRaising) return;
    this.#isRaising = true;
    this.fault = this.end = undefined;
    try {
      this.#mine = await this.#radio.alerts.raise(false, await this.#locating.forAlert());
    } catch (error) {
      if (!(error instanceof RadioError)) throw error;
      this.fault = faultOf(error);
    } finally {
      this.#isRaising = false;
      this.#changes += 1;
    }
  }

  /** One that the server does not have yet is sent no more. */
  async cancel(reason: string): Promise<void> {
    const info = this.#radio.alerts.own;
    this.fault = undefined;
    if (info === undefined) return this.#radio.alerts.giveUp();
    try {
      await this.#radio.alerts.cancel(info.alert, reason);
    } catch (error) {
      if (!(error instanceof RadioError)) throw error;
      if ((error as Partial<Refused>).code !== "not_found") this.fault = faultOf(error); // it is over already
    }
  }

  /** After a reload an alert is open still, and somebody may have it in hand. */
  async #read(): Promise<void> {
    try {
      for (const { info, steps } of await this.#radio.alerts.list()) {
        for (const step of steps) this.#remember(info.alert, step);
      }
    } catch (error) {
      if (!(error instanceof RadioError)) throw error;
    }
    this.#mine = this.#radio.alerts.own?.alert ?? this.#mine;
    this.#changes += 1;
  }

  #remember(alert: string, { kind, name, by }: AlertStep): void {
    const who = name || by;
    if ((kind === "acknowledged" || kind === "handling") && who !== undefined) this.#by.set(alert, who);
  }

  #take(event: AlertEvent): void {
    this.#changes += 1;
    if (event.kind === "raised") this.#hear(event.info);
    if (event.kind !== "step") return;
    const { alert, step, state } = event.step;
    this.#remember(alert, step);
    if (alert === this.#mine && ENDS.has(state)) this.end = state as SosEnd;
  }

  #hear({ alert, subscriber }: AlertInfo): void {
    if (subscriber === this.#radio.identity.subscriber) {
      this.#mine = alert;
      return;
    }
    this.#sound.voice.play("alert");
    navigator.vibrate?.([400, 200, 400]);
  }
}
