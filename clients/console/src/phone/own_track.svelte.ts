/** Where the phone is while its own SOS is open: measured at the interval of the terms, and told to who answers it. */
import type { Position } from "../protocol/messages";
import type { Radio } from "../radio/radio";
import { PERMISSION_DENIED, positionOf } from "./locating.svelte";
import type { TrackShown } from "./view";

const LEAST_PAUSE_MS = 1000;
const FIX_WITHIN_MS = 10_000;

export class OwnTrack {
  #state = $state<TrackShown["state"]>("searching");
  #intervalS = $state<number>();
  readonly #radio: Radio;
  readonly #stop: () => void;
  #alert: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(radio: Radio) {
    this.#radio = radio;
    const stops = [
      radio.alerts.listen(() => this.#follow()),
      radio.location.listen(() => this.#follow()),
      radio.listen(({ kind }) => (kind === "connected" ? this.#restart() : this.#follow())),
    ];
    this.#stop = () => stops.forEach((stop) => stop());
    this.#follow();
  }

  close(): void {
    this.#stop();
    this.#cease();
  }

  /** Undefined: no alert is open, or the organisation lets alerts carry no position. */
  get shown(): TrackShown | undefined {
    return this.#intervalS === undefined ? undefined : { state: this.#state, interval_s: this.#intervalS };
  }

  /** The browser is asked while the alert is open and may carry a position, and not a moment longer. */
  #follow(): void {
    const { own, track } = this.#radio.alerts;
    const alert = track.intervalS !== undefined && "geolocation" in navigator ? own?.alert : undefined;
    this.#intervalS = alert === undefined ? undefined : track.intervalS;
    if (alert === this.#alert) return;
    this.#cease();
    this.#alert = alert;
    this.#state = "searching";
    if (alert !== undefined) this.#measure(alert);
  }

  #restart(): void {
    this.#cease();
    this.#follow();
  }

  #cease(): void {
    clearTimeout(this.#timer);
    this.#alert = undefined;
  }

  #measure(alert: string): void {
    navigator.geolocation.getCurrentPosition(
      (found) => void this.#send(alert, positionOf(found)),
      ({ code }) => this.#measured(alert, code === PERMISSION_DENIED ? "refused" : "searching"),
      { enableHighAccuracy: true, maximumAge: 0, timeout: FIX_WITHIN_MS },
    );
  }

  async #send(alert: string, position: Position): Promise<void> {
    if (alert !== this.#alert) return; // closed, or switched off, while it was measured
    const tracked = await this.#radio.alerts.track.take(position);
    if (tracked === "taken") this.#measured(alert, "sending");
    else this.#measured(alert, tracked === "unsent" ? "searching" : this.#state);
  }

  #measured(alert: string, state: TrackShown["state"]): void {
    if (alert !== this.#alert) return;
    this.#state = state;
    clearTimeout(this.#timer);
    const pauseMs = Math.max(LEAST_PAUSE_MS, this.#radio.alerts.track.waitMs(Date.now()));
    this.#timer = setTimeout(() => this.#measure(alert), pauseMs);
  }
}
