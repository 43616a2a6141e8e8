/** A service of the radio besides voice: it asks the server, hears its events, and starts anew with each log-in. */
import type { ServerEvent } from "../protocol/messages";
import { RadioError } from "./errors";
import { Listeners } from "./listeners";
import type { Ask } from "./signalling";

/** Made once for a radio; it outlives connections and sessions. `listen` tells what happens. */
export class Service<Event> {
  protected readonly ask: Ask;
  readonly #listeners = new Listeners<Event>();

  constructor(ask: Ask) {
    this.ask = ask;
  }

  /** What it returns ends the listening. */
  listen(callback: (event: Event) => void): () => void {
    return this.#listeners.listen(callback);
  }

  protected tell(event: Event): void {
    this.#listeners.tell(event);
  }

  /** An event of the server; most concern other services. */
  take(_event: ServerEvent): void {}

  /** The radio is logged in, or its session goes on. What it rejects with of ours is dropped: it is called again. */
  async connected(): Promise<void> {}

  /** The connection is lost: what comes next comes over another one. */
  disconnected(): void {}

  /** The session is over for good. */
  close(): void {}
}

/** What the radio knows of a service. */
export type Part = Pick<Service<never>, "take" | "connected" | "disconnected" | "close">;

/** Work that nobody waits for. A refusal or a lost connection ends it; anything else is a bug, and shows as one. */
export function inBackground(work: Promise<unknown>): void {
  work.catch((error: unknown) => {
    if (!(error instanceof RadioError)) throw error;
  });
}
