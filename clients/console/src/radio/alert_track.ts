/** Where this device is while its own alert is open: told to who answers it at the interval of the terms, then no more. */
import type { AlertInfo, Position, Terms } from "../protocol/messages";
import { NotConnected, RadioError } from "./errors";
import type { Ask } from "./signalling";

/** `taken`: told to who answers. `early`: not due yet, or not to be sent. `dropped`: the server did not take it. */
export type Tracked = "taken" | "early" | "dropped" | "unsent";

/** `take` each position that the device measures. What must not be sent is let go of, and never kept. */
export class AlertTrack {
  readonly #ask: Ask;
  readonly #own: () => AlertInfo | undefined;
  readonly #terms: () => Terms | undefined;
  #sentMs = 0;

  constructor(ask: Ask, own: () => AlertInfo | undefined, terms: () => Terms | undefined) {
    this.#ask = ask;
    this.#own = own;
    this.#terms = terms;
  }

  /** Between two positions of an open alert; undefined: the organisation lets alerts carry none at this moment. */
  get intervalS(): number | undefined {
    const location = this.#terms()?.location;
    if (location === undefined || !(location.state === "on" || location.sos)) return undefined;
    return location.sos_interval_s;
  }

  /** Until the next one is due. `nowMs`: UTC milliseconds. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#sentMs + 1000 * (this.intervalS ?? 0) - nowMs);
  }

  /** Sends it if an own alert is open and it is due. What cannot be sent now (`unsent`) is not sent later. */
  async take(position: Position): Promise<Tracked> {
    const own = this.#own();
    const { intervalS } = this;
    if (own === undefined || intervalS === undefined) return "early";
    if (position.at_ms - this.#sentMs < 1000 * intervalS) return "early";
    const before = this.#sentMs;
    this.#sentMs = position.at_ms;
    try {
      const { accepted } = await this.#ask("alert.position", { alert: own.alert, position });
      return accepted > 0 ? "taken" : "dropped";
    } catch (error) {
      if (!(error instanceof RadioError)) throw error;
      if (!(error instanceof NotConnected)) return "dropped"; // switched off on its way
      this.#sentMs = before; // the first one after the connection is back goes out at once
      return "unsent";
    }
  }
}
