/**
 * The floor participant of one group (TS 24.380 §6.2) as a table: state x event -> procedure. Pure: time is an argument.
 * After every call carry out the returned effects, in order; then ask `nextDeadline()` and call `expire()` at that time.
 *
 *   U: has no permission   the user listens.
 *   U: pending Request     the key is down; Floor Request is repeated (T101, C101) until any answer comes.
 *   U: queued              the server knows that we wait. It is asked for our position now and then (T104), so a lost
 *                          grant or a lost place is found out. A grant for a key that is up waits for the user (T132).
 *   U: has permission      the user talks.
 *   U: pending Release     the key is up, or a revoke is obeyed; Floor Release is repeated (T100, C100) until Floor Ack.
 *                          A key pressed now is remembered until the release is over.
 *
 * Three rules keep harmless what comes late or twice: Floor Granted, Taken and Idle with an older Message Sequence-Number
 * are not read; a burst is known by its SSRC; a grant that nobody waits for is given back. An event without an entry is
 * discarded and the state stays, as the standard demands (§6.2.4.1).
 */
import { Indicator, MessageType, type FloorMessage } from "./floor_control";
import type { FloorEffect } from "./floor_effects";
import { FloorProcedures } from "./floor_procedures";
import { eventOf, TIMERS, type FloorEvent, type FloorState, type ParticipantTimers } from "./floor_states";

type Procedure = (does: FloorProcedures, now: number, message: FloorMessage) => FloorEffect[];

const ask: Procedure = (does, now) => does.ask(now);
const askOrTake: Procedure = (does, now) => does.askOrTake(now);
const repeatRequest: Procedure = (does, now) => does.repeatRequest(now);
const askPosition: Procedure = (does, now) => does.askPosition(now);
const accept: Procedure = (does, now, grant) => does.accept(now, grant);
const decline: Procedure = (does, now, grant) => does.decline(now, grant);
const giveUp: Procedure = (does, now, deny) => does.giveUp(now, deny);
const wait: Procedure = (does, now, info) => does.wait(now, info);
const askAgain: Procedure = (does, now) => does.askAgain(now);
const letGo: Procedure = (does, now) => does.letGo(now);
const repeatRelease: Procedure = (does, now) => does.repeatRelease(now);
const finish: Procedure = (does, now) => does.finish(now);
const obey: Procedure = (does, now, revoke) => does.obey(now, revoke);
const hearTaken: Procedure = (does, now, taken) => does.hearTaken(now, taken);
const hearIdle: Procedure = (does) => does.hearIdle();
const loseToAnother: Procedure = (does, now, taken) => does.loseToAnother(now, taken);
const lose: Procedure = (does) => does.lose();
const finishIfTaken: Procedure = (does, now, taken) => does.finishIfTaken(now, taken);
const finishIfIdle: Procedure = (does, now) => does.finishIfIdle(now);

export const TABLE: Readonly<Record<FloorState, Readonly<Partial<Record<FloorEvent, Procedure>>>>> = {
  "U: has no permission": {
    "key pressed": ask,
    "Floor Granted": decline,
    "Floor Taken": hearTaken,
    "Floor Idle": hearIdle,
  },
  "U: pending Request": {
    "key pressed": ask,
    "key let go": letGo,
    "T101 Floor Request": repeatRequest,
    "Floor Granted": accept,
    "Floor Deny": giveUp,
    "Floor Queue Position Info": wait,
    "Floor Taken": hearTaken,
    "Floor Idle": hearIdle,
  },
  "U: queued": {
    "key pressed": askOrTake,
    "key let go": letGo,
    "T104 Floor Queue Position Request": askPosition,
    "T132 queued granted user action": letGo,
    "Floor Granted": accept,
    "Floor Deny": giveUp,
    "Floor Queue Position Info": wait,
    "Floor Queue Position Info: not queued": askAgain,
    "Floor Taken": hearTaken,
    "Floor Idle": hearIdle,
  },
  "U: has permission": {
    "key let go": letGo,
    "Floor Granted": accept,
    "Floor Revoke": obey,
    "Floor Taken": loseToAnother,
    "Floor Idle": lose,
  },
  "U: pending Release": {
    "T100 Floor Release": repeatRelease,
    "Floor Ack of the release": finish,
    "Floor Granted": decline,
    "Floor Taken": finishIfTaken,
    "Floor Idle": finishIfIdle,
  },
};

/** One participant's end of the floor. Times are monotonic seconds; `ssrc` is that of the affiliation. */
export class FloorParticipant {
  readonly #ssrc: number;
  readonly #does: FloorProcedures;

  constructor(ssrc: number, timers: ParticipantTimers = TIMERS) {
    this.#ssrc = ssrc;
    this.#does = new FloorProcedures(ssrc, timers);
  }

  get state(): FloorState {
    return this.#does.state;
  }

  /** The SSRC of the burst that somebody else is known to talk in. */
  get talkerSsrc(): number | undefined {
    return this.#does.hearing.talkerSsrc;
  }

  /** The user wants to talk. While pending or queued: asks anew, with another urgency perhaps. */
  press(now: number, indicator: number = Indicator.normal, priority?: number): FloorEffect[] {
    this.#does.keyDown = true;
    const type = MessageType.floorRequest;
    this.#does.request = { kind: "floor", type, ssrc: this.#ssrc, floorPriority: priority, indicator };
    return this.#happens(now, "key pressed");
  }

  /** The user lets go of the key. `keepPlace`: if queued, waits on and is offered its turn. */
  release(now: number, keepPlace = false): FloorEffect[] {
    this.#does.keyDown = false;
    return keepPlace && this.state === "U: queued" ? [] : this.#happens(now, "key let go");
  }

  /** A message of the floor control server. */
  receive(now: number, message: FloorMessage): FloorEffect[] {
    const event = eventOf(message);
    if (event === undefined || this.#does.hearing.isLate(message)) return [];
    if (event !== "Floor Granted") return [...this.#does.ack(message), ...this.#happens(now, event, message)];
    return message.grantedSsrc === this.#does.endedSsrc ? [] : this.#happens(now, event, message);
  }

  /** RTP came from the network: T103 starts anew. */
  mediaReceived(now: number): void {
    this.#does.hearing.mediaReceived(now);
  }

  /** When `expire` is due (monotonic seconds); undefined: no timer runs. */
  nextDeadline(): number | undefined {
    const earliest = Math.min(this.#does.hearing.nextDeadline(), ...this.#does.deadlines.values());
    return earliest === Infinity ? undefined : earliest;
  }

  /** Lets every timer expire that is due. Too early a call does nothing. */
  expire(now: number): FloorEffect[] {
    const effects = this.#does.hearing.nextDeadline() <= now ? this.#does.hearing.idle() : [];
    const due = [...this.#does.deadlines].filter(([, deadline]) => deadline <= now);
    for (const [timer] of due) {
      this.#does.deadlines.delete(timer); // a state runs one timer at a time
      effects.push(...this.#happens(now, timer));
    }
    return effects;
  }

  #happens(now: number, event: FloorEvent, message: FloorMessage = this.#does.request): FloorEffect[] {
    return TABLE[this.state][event]?.(this.#does, now, message) ?? [];
  }
}
