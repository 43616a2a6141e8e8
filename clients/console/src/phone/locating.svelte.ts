/** Where the phone is: asked of the browser only while somebody may be told, and who has looked. */
import type { Position } from "../protocol/messages";
import { RadioError } from "../radio/errors";
import type { Radio } from "../radio/radio";
import type { Fault } from "../texts/errors";
import { faultOf } from "./faults";
import type { LocationShown, Look } from "./view";

const FRESH_MS = 30_000;
/** Help is called first; a position that takes longer than this goes without. */
const SOS_WAITS_MS = 1500;
const LOOKS: ReadonlySet<string> = new Set(["last", "history", "request", "watch", "group", "alert", "refused"]);
/** Of GeolocationPositionError. */
export const PERMISSION_DENIED = 1;

export class Locating {
  fault = $state.raw<Fault>();
  #refused = $state(false);
  #looks = $state.raw<LocationShown["looks"]>([]);
  #changes = $state(0);
  readonly #radio: Radio;
  readonly #stop: () => void;
  #watch: number | undefined;
  #newest: Position | undefined;

  constructor(radio: Radio) {
    this.#radio = radio;
    const stops = [
      radio.location.listen(({ kind }) => kind === "terms" && this.#follow()),
      radio.listen(({ kind }) => kind === "connected" && this.#follow()),
    ];
    this.#stop = () => stops.forEach((stop) => stop());
    this.#follow();
  }

  close(): void {
    this.#stop();
    this.#cease();
  }

  get shown(): LocationShown {
    void this.#changes;
    const { state } = this.#radio.location;
    const terms = this.#radio.location.terms;
    return {
      state,
      interval_s: terms?.interval_s ?? 0,
      precision_m: terms?.precision_m ?? 0,
      stored: terms?.stored ?? false,
      may_switch_off: terms?.may_switch_off ?? false,
      sos: terms?.sos ?? false,
      refused: this.#refused,
      looks: this.#looks,
    };
  }

  /** Positions go out just now. */
  get isLocated(): boolean {
    return this.shown.state === "on" && !this.#refused;
  }

  /** The browser is asked while location is on, and not a moment longer. */
  #follow(): void {
    this.#changes += 1;
    if (this.#radio.location.state !== "on") return this.#cease();
    if (this.#watch !== undefined || !("geolocation" in navigator)) return;
    this.#watch = navigator.geolocation.watchPosition(
      (found) => {
        this.#refused = false;
        this.#newest = positionOf(found);
        this.#radio.location.moved(this.#newest);
      },
      ({ code }) => (this.#refused = code === PERMISSION_DENIED),
      { enableHighAccuracy: true, maximumAge: FRESH_MS },
    );
  }

  #cease(): void {
    if (this.#watch !== undefined) navigator.geolocation.clearWatch(this.#watch);
    this.#watch = this.#newest = undefined;
  }

  async switch(on: boolean): Promise<void> {
    if (!on) this.#cease();
    await this.#attempt(() => this.#radio.location.switch(on));
    this.#follow();
  }

  async readLooks(): Promise<void> {
    await this.#attempt(async () => {
      const looks = await this.#radio.location.looks();
      this.#looks = looks.filter(({ what }) => LOOKS.has(what)).map((look) => ({ ...look, what: look.what as Look }));
    });
  }

  /** For a call for help, as far as the terms let it carry one. */
  async forAlert(): Promise<Position | undefined> {
    if (!this.#mayTellInAlert) return undefined;
    if (this.#newest !== undefined && Date.now() - this.#newest.at_ms < FRESH_MS) return this.#newest;
    if (!("geolocation" in navigator)) return undefined;
    return new Promise((resolve) => {
      setTimeout(() => resolve(undefined), SOS_WAITS_MS);
      navigator.geolocation.getCurrentPosition(
        (found) => resolve(this.#mayTellInAlert ? positionOf(found) : undefined), // it may be off by now
        () => resolve(undefined),
        { maximumAge: FRESH_MS, timeout: SOS_WAITS_MS },
      );
    });
  }

  get #mayTellInAlert(): boolean {
    const { state, terms } = this.#radio.location;
    return state === "on" || terms?.sos === true;
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    this.fault = undefined;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof RadioError)) throw error;
      this.fault = faultOf(error);
    }
  }
}

export function positionOf({ coords, timestamp }: GeolocationPosition): Position {
  return {
    latitude: coords.latitude,
    longitude: coords.longitude,
    accuracy_m: coords.accuracy,
    at_ms: Math.round(timestamp),
    altitude_m: coords.altitude ?? undefined,
    speed_mps: coords.speed ?? undefined,
    heading_deg: coords.heading ?? undefined,
  };
}
