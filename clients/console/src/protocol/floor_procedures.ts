/**
 * The procedures of the floor participant, and the few facts that they change (TS 24.380 §6.2.4).
 *
 * Each takes the time (monotonic seconds) and the message (for a key or a timer: our last request), and returns the
 * effects in their order. The table in `floor_participant.ts` says which one is run when.
 */
import { FLOOR_PARTICIPANT, MessageType, type FloorMessage } from "./floor_control";
import type { FloorEffect } from "./floor_effects";
import { Hearing } from "./floor_hearing";
import type { FloorState, FloorTimer, ParticipantTimers } from "./floor_states";

export class FloorProcedures {
  state: FloorState = "U: has no permission";
  keyDown = false;
  request: FloorMessage;
  /** Of our own burst: granted, offered, or being released. */
  burstSsrc: number | undefined;
  endedSsrc: number | undefined;
  readonly hearing: Hearing;
  readonly deadlines = new Map<FloorTimer, number>();
  readonly #ssrc: number;
  readonly #timers: ParticipantTimers;
  #tries = 0;
  #offered = false;

  constructor(ssrc: number, timers: ParticipantTimers) {
    this.#ssrc = ssrc;
    this.#timers = timers;
    this.hearing = new Hearing(timers.t103EndOfRtpS);
    this.request = { kind: "floor", type: MessageType.floorRequest, ssrc };
  }

  // Asking

  ask(now: number): FloorEffect[] {
    this.#enter("U: pending Request");
    return this.#transmitRequest(now);
  }

  /** The key goes down while queued: for the turn that is offered, or with another urgency. */
  askOrTake(now: number): FloorEffect[] {
    return this.#offered ? this.#talk(this.burstSsrc!, undefined) : this.ask(now);
  }

  repeatRequest(now: number): FloorEffect[] {
    this.#tries += 1;
    if (this.#tries <= this.#timers.c101FloorRequest) return this.#transmitRequest(now);
    this.#stop();
    return [{ kind: "unanswered" }];
  }

  /** T104: any answer starts the count anew. */
  askPosition(now: number): FloorEffect[] {
    this.#tries += 1;
    if (this.#tries > this.#timers.c104QueuePosition) return [{ kind: "unanswered" }, ...this.letGo(now)];
    this.deadlines.set("T104 Floor Queue Position Request", now + this.#timers.t104QueuePositionS);
    return [this.#transmit({ type: MessageType.queuePositionRequest })];
  }

  // Being answered

  accept(now: number, grant: FloorMessage): FloorEffect[] {
    const ssrc = grant.grantedSsrc!; // eventOf lets no grant without it pass
    const answer = this.keyDown ? this.#talk(ssrc, grant.durationS) : this.#offer(now, ssrc);
    return [...this.ack(grant), ...answer];
  }

  #talk(ssrc: number, durationS: number | undefined): FloorEffect[] {
    const again = this.state === "U: has permission" && this.burstSsrc === ssrc;
    this.#enter("U: has permission");
    this.hearing.pause();
    this.burstSsrc = ssrc;
    return again ? [] : [{ kind: "granted", burstSsrc: ssrc, durationS }];
  }

  #offer(now: number, ssrc: number): FloorEffect[] {
    if (this.#offered && this.burstSsrc === ssrc) return [];
    this.#enter("U: queued");
    this.#offered = true;
    this.burstSsrc = ssrc;
    this.deadlines.set("T132 queued granted user action", now + this.#timers.t132QueuedGrantedS);
    return [{ kind: "offered", burstSsrc: ssrc }];
  }

  /** A request that the user no longer stands by was granted late. */
  decline(now: number, grant: FloorMessage): FloorEffect[] {
    this.burstSsrc = grant.grantedSsrc;
    this.#enter("U: pending Release");
    return this.#transmitRelease(now);
  }

  giveUp(_now: number, deny: FloorMessage): FloorEffect[] {
    this.#stop();
    return [{ kind: "denied", cause: deny.rejectCause ?? 0, phrase: deny.rejectPhrase ?? "" }];
  }

  wait(now: number, info: FloorMessage): FloorEffect[] {
    if (this.#offered) return [];
    this.#enter("U: queued");
    this.deadlines.set("T104 Floor Queue Position Request", now + this.#timers.t104QueuePositionS);
    return [{ kind: "queued", ...info.queueInfo!, size: info.queueSize }];
  }

  /** Our place is gone, or the grant that took it was lost: the answer tells which. */
  askAgain(now: number): FloorEffect[] {
    return this.#offered ? [] : this.ask(now);
  }

  // Letting go

  letGo(now: number): FloorEffect[] {
    this.keyDown = false;
    this.#enter("U: pending Release");
    return this.#transmitRelease(now);
  }

  repeatRelease(now: number): FloorEffect[] {
    this.#tries += 1;
    return this.#tries <= this.#timers.c100FloorRelease ? this.#transmitRelease(now) : this.finish(now);
  }

  /** The release is over; a key that went down meanwhile counts now. */
  finish(now: number): FloorEffect[] {
    this.#endBurst();
    this.#enter("U: has no permission");
    return this.keyDown ? this.ask(now) : [];
  }

  /** The grace is for voice under way: the sooner we release, the sooner the next one talks. */
  obey(now: number, revoke: FloorMessage): FloorEffect[] {
    const { burstSsrc } = this;
    if (burstSsrc === undefined || (revoke.grantedSsrc ?? burstSsrc) !== burstSsrc) return [];
    return [{ kind: "lost", burstSsrc, mustStop: true, cause: revoke.rejectCause }, ...this.letGo(now)];
  }

  // Hearing of others

  hearTaken(now: number, taken: FloorMessage): FloorEffect[] {
    return this.hearing.taken(now, taken);
  }

  hearIdle(): FloorEffect[] {
    return this.hearing.idle();
  }

  loseToAnother(now: number, taken: FloorMessage): FloorEffect[] {
    return taken.grantedSsrc === this.burstSsrc ? [] : [...this.#lose(), ...this.hearing.taken(now, taken)];
  }

  lose(): FloorEffect[] {
    return [...this.#lose(), ...this.hearing.idle()];
  }

  /** Another one talks, so the burst that we release is over; a place in the queue need not be. */
  finishIfTaken(now: number, taken: FloorMessage): FloorEffect[] {
    const heard = this.hearing.taken(now, taken);
    return this.burstSsrc === undefined ? heard : [...heard, ...this.finish(now)];
  }

  finishIfIdle(now: number): FloorEffect[] {
    return [...this.hearing.idle(), ...this.finish(now)];
  }

  // Steps that procedures share

  /** Every state runs timers of its own; those of the state before stop. */
  #enter(state: FloorState): void {
    this.state = state;
    this.#tries = 0;
    this.#offered = false;
    this.deadlines.clear();
  }

  /** Without the floor, whatever the key does: the user has to press it anew. */
  #stop(): void {
    this.keyDown = false;
    this.#endBurst();
    this.#enter("U: has no permission");
  }

  #endBurst(): void {
    this.endedSsrc = this.burstSsrc ?? this.endedSsrc;
    this.burstSsrc = undefined;
  }

  #lose(): FloorEffect[] {
    const burstSsrc = this.burstSsrc ?? 0;
    this.#stop();
    return [{ kind: "lost", burstSsrc, mustStop: false, cause: undefined }];
  }

  #transmitRequest(now: number): FloorEffect[] {
    this.deadlines.set("T101 Floor Request", now + this.#backoffS(this.#timers.t101FloorRequestS));
    return [{ kind: "transmit", message: this.request }];
  }

  #transmitRelease(now: number): FloorEffect[] {
    this.deadlines.set("T100 Floor Release", now + this.#backoffS(this.#timers.t100FloorReleaseS));
    const release = { type: MessageType.floorRelease, ackRequired: true, grantedSsrc: this.burstSsrc };
    return [this.#transmit(release)];
  }

  #backoffS(firstS: number): number {
    return Math.min(firstS * 2 ** this.#tries, this.#timers.retryCapS);
  }

  ack(message: FloorMessage): FloorEffect[] {
    if (!message.ackRequired) return [];
    return [this.#transmit({ type: MessageType.floorAck, source: FLOOR_PARTICIPANT, messageType: message.type })];
  }

  #transmit(message: Omit<FloorMessage, "kind" | "ssrc">): FloorEffect {
    return { kind: "transmit", message: { kind: "floor", ssrc: this.#ssrc, ...message } };
  }
}
