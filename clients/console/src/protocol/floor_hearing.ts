/** Who talks, as far as a participant was told: Floor Taken, Floor Idle, and T103 if neither comes. */
import type { FloorMessage } from "./floor_control";
import type { FloorEffect } from "./floor_effects";

const NUMBERS = 65_536;

/** Serial number arithmetic (RFC 1982 §3.2) of 16-bit Message Sequence-Numbers. */
export function isOlder(number: number, newest: number): boolean {
  const behind = (newest - number + NUMBERS) % NUMBERS;
  return behind > 0 && behind < NUMBERS / 2;
}

/** The present talker, told once and not at every repetition. Times are monotonic seconds. */
export class Hearing {
  talkerSsrc: number | undefined;
  #deadline = Infinity;
  #idleTold = false;
  #mediaAt = -Infinity;
  #serverSsrc: number | undefined;
  #newest: number | undefined;

  constructor(readonly t103S: number) {}

  /** True for a message that a newer one has overtaken (TS 24.380 §8.2.3.10); else notes its number. */
  isLate(message: FloorMessage): boolean {
    if (message.ssrc !== this.#serverSsrc) {
      this.#serverSsrc = message.ssrc; // another server counts anew
      this.#newest = undefined;
    }
    const number = message.sequenceNumber;
    if (number === undefined) return false;
    if (this.#newest !== undefined && isOlder(number, this.#newest)) return true;
    this.#newest = number;
    return false;
  }

  taken(now: number, taken: FloorMessage): FloorEffect[] {
    this.#deadline = now + this.t103S;
    this.#idleTold = false;
    if (this.talkerSsrc !== undefined && this.talkerSsrc === taken.grantedSsrc) return [];
    this.talkerSsrc = taken.grantedSsrc;
    return [
      {
        kind: "taken",
        burstSsrc: taken.grantedSsrc,
        userId: taken.grantedParty,
        name: taken.functionalAlias,
        indicator: taken.indicator,
        mayRequest: taken.permissionToRequest !== false,
      },
    ];
  }

  /** Nobody talks: Floor Idle came, or nothing did for T103. */
  idle(): FloorEffect[] {
    const told = this.#idleTold;
    this.pause();
    this.#idleTold = true;
    return told ? [] : [{ kind: "idle" }];
  }

  /** We talk ourselves. */
  pause(): void {
    this.talkerSsrc = undefined;
    this.#deadline = Infinity;
    this.#idleTold = false;
  }

  mediaReceived(now: number): void {
    this.#mediaAt = now;
  }

  /** T103; infinite if nobody is known to talk. */
  nextDeadline(): number {
    if (this.talkerSsrc !== undefined) this.#deadline = Math.max(this.#deadline, this.#mediaAt + this.t103S);
    return this.#deadline;
  }
}
