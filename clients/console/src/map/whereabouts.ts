/**
 * Who is where, as far as we were told: the last position of each person, who is there without one, who has location off.
 *
 * No runes: a thousand positions a second are drawn from here directly; lists look at it at their own pace.
 */
import type { Position } from "../protocol/messages";
import { Listeners } from "../radio/listeners";
import { freshness, LONGEST_SHOWN_MS, type Freshness } from "./age";

export interface Placed {
  readonly subscriber: string;
  readonly name: string;
  readonly position: Position;
}

/** Somebody calls for help: `position` undefined if the organisation lets alerts carry none. */
export interface AlertPlace {
  readonly alert: string;
  readonly subscriber: string;
  readonly name: string;
  readonly drill: boolean;
  readonly position: Position | undefined;
}

export type PersonState = "alert" | Freshness | "unknown" | "off";

export interface PersonOnMap {
  readonly subscriber: string;
  readonly name: string;
  readonly state: PersonState;
  /** Of `alert`, `live`, `old`. */
  readonly position: Position | undefined;
}

export class Whereabouts {
  readonly placed = new Map<string, Placed>();
  readonly alerts = new Map<string, AlertPlace>();
  readonly #off = new Map<string, string>();
  /** Names of those who are logged in. */
  #online: ReadonlyMap<string, string> = new Map();
  readonly #listeners = new Listeners<void>();
  /** Shortest time between two reports of a device. */
  interval_s = 0;

  listen(callback: () => void): () => void {
    return this.#listeners.listen(callback);
  }

  place(subscriber: string, name: string, position: Position): void {
    const before = this.placed.get(subscriber);
    if (before !== undefined && before.position.at_ms > position.at_ms) return; // an answer that was overtaken
    this.placed.set(subscriber, { subscriber, name, position });
    this.#off.delete(subscriber);
    this.#listeners.tell();
  }

  /** Location is off: nothing of the position stays. */
  switchedOff(subscriber: string, name?: string): void {
    this.#off.set(subscriber, name ?? this.nameOf(subscriber) ?? "");
    this.placed.delete(subscriber);
    this.#listeners.tell();
  }

  isOff(subscriber: string): boolean {
    return this.#off.has(subscriber);
  }

  setOnline(online: ReadonlyMap<string, string>): void {
    this.#online = online;
    for (const subscriber of this.#off.keys()) if (!online.has(subscriber)) this.#off.delete(subscriber);
    this.#listeners.tell();
  }

  setAlerts(alerts: Iterable<AlertPlace>): void {
    this.alerts.clear();
    for (const alert of alerts) this.alerts.set(alert.subscriber, alert);
    this.#listeners.tell();
  }

  /** What was told before may not hold any more: somebody may have switched off while nobody told us. */
  forget(): void {
    this.placed.clear();
    this.#off.clear();
    this.#listeners.tell();
  }

  /** What is too old to say anything is let go of. */
  age(now_ms: number): void {
    const before = this.placed.size;
    for (const { subscriber, position } of [...this.placed.values()]) {
      if (now_ms - position.at_ms > LONGEST_SHOWN_MS) this.placed.delete(subscriber);
    }
    if (this.placed.size !== before) this.#listeners.tell();
  }

  nameOf(subscriber: string): string | undefined {
    return this.#online.get(subscriber) ?? this.placed.get(subscriber)?.name ?? this.#off.get(subscriber);
  }

  person(subscriber: string, now_ms: number): PersonOnMap {
    const alert = this.alerts.get(subscriber);
    const placed = this.placed.get(subscriber);
    const name = alert?.name || this.nameOf(subscriber) || "";
    if (alert !== undefined) return { subscriber, name, state: "alert", position: newer(alert.position, placed) };
    if (placed === undefined) {
      return { subscriber, name, state: this.#off.has(subscriber) ? "off" : "unknown", position: undefined };
    }
    const state = freshness(placed.position.at_ms, now_ms, this.interval_s);
    return { subscriber, name, state, position: state === "lost" ? undefined : placed.position };
  }

  /** Everybody that we know of. */
  people(now_ms: number): PersonOnMap[] {
    const known = new Set([...this.alerts.keys(), ...this.placed.keys(), ...this.#online.keys(), ...this.#off.keys()]);
    return [...known].map((subscriber) => this.person(subscriber, now_ms));
  }
}

function newer(position: Position | undefined, placed: Placed | undefined): Position | undefined {
  if (position === undefined || placed === undefined) return position ?? placed?.position;
  return placed.position.at_ms > position.at_ms ? placed.position : position;
}
