/** The media of a session on the WebSocket: packets in and out, keep-alives, and noticing that the line is dead. */
import type { AlertPacket } from "../protocol/alert_packet";
import type { FloorMessage } from "../protocol/floor_control";
import { Malformed } from "../protocol/malformed";
import { concat, type Octets } from "../protocol/octets";
import {
  decodeRtcp,
  encodeRtcp,
  MAX_BLOCKS,
  NTP_UNITS,
  type DelaySinceReference,
  type ReportBlock,
} from "../protocol/rtcp";
import { decodeRtp, isRtcp, type RtpPacket } from "../protocol/rtp";
import { Alarm, type Clock } from "./clock";
import type { SignallingClient } from "./signalling";

/** A dead line must be noticed while somebody talks, before T1 and T103 (4 s) end the burst twice over. */
const ACTIVE_INTERVAL_S = 3;
const ANSWER_S = 4;
const ANSWER_IN_DOUBT_S = 2;

/** A group as its media see it. */
export interface MediaGroup {
  readonly controlSsrc: number;
  readonly talkerSsrc: number | undefined;
  readonly isActive: boolean;
  receiveFloor(now: number, message: FloorMessage): void;
  receiveVoice(now: number, packet: RtpPacket): void;
  /** What waited for a connection can go out. */
  connected(): void;
  report(): ReportBlock | undefined;
}

export interface MediaFacts {
  readonly ssrc: number;
  readonly serverSsrc: number;
  readonly keepaliveIntervalS: number;
}

export class MediaLink {
  readonly groups = new Map<string, MediaGroup>();
  /** Of the last keep-alive that was answered, in seconds. */
  roundTripS: number | undefined;
  readonly ssrc: number;
  readonly #facts: MediaFacts;
  readonly #clock: Clock;
  readonly #onAlert: (packet: AlertPacket) => void;
  readonly #onSilence: () => void;
  readonly #alarm: Alarm;
  readonly #ntpOffset = Math.floor(Math.random() * NTP_UNITS) * NTP_UNITS; // it need not tell what time it is here
  #link: SignallingClient | undefined;
  #due = 0;
  #answerBy = Infinity;
  #askedAt = 0;

  constructor(facts: MediaFacts, clock: Clock, onAlert: (packet: AlertPacket) => void, onSilence: () => void) {
    this.ssrc = facts.ssrc;
    this.#facts = facts;
    this.#clock = clock;
    this.#onAlert = onAlert;
    this.#onSilence = onSilence;
    this.#alarm = new Alarm(clock, (now) => this.#expire(now));
  }

  get isConnected(): boolean {
    return this.#link !== undefined;
  }

  /** The present connection; undefined while it is lost. */
  use(link: SignallingClient | undefined): void {
    this.#link = link;
    this.#answerBy = Infinity;
    if (link === undefined) return this.#alarm.set(undefined);
    this.probe(ANSWER_S);
    for (const group of this.groups.values()) group.connected();
  }

  close(): void {
    this.#link = undefined;
    this.#alarm.close();
  }

  sendVoice(packet: Octets): void {
    this.#link?.sendVoice(packet);
  }

  /** An RTCP packet. */
  sendControl(packet: Octets): void {
    this.#link?.sendControl(packet);
  }

  /** Somebody began or ceased to talk in one of the groups. */
  watchActivity(): void {
    if (this.#link !== undefined) this.#set();
  }

  /** Floor control messages stay unanswered, or the network is another one. */
  doubt(): void {
    if (this.#answerBy === Infinity) this.probe(ANSWER_IN_DOUBT_S);
  }

  /** Sends a keep-alive now; without a sign of the server within `answerS` the line is dead. */
  probe(answerS: number): void {
    if (this.#link === undefined) return;
    const now = this.#clock.now();
    this.#askedAt = now;
    this.#answerBy = now + answerS;
    this.#due = now + this.#facts.keepaliveIntervalS;
    this.sendControl(this.#keepalive(now));
    this.#set();
  }

  #set(): void {
    const active = [...this.groups.values()].some((group) => group.isActive);
    const due = active ? Math.min(this.#due, this.#askedAt + ACTIVE_INTERVAL_S) : this.#due;
    this.#alarm.set(Math.min(due, this.#answerBy));
  }

  #expire(now: number): void {
    const link = this.#link;
    if (link === undefined) return;
    if (now < this.#answerBy) return this.probe(ANSWER_S);
    if (link.heardAt < this.#askedAt) return this.#onSilence();
    this.#answerBy = Infinity;
    this.#set();
  }

  #keepalive(now: number): Octets {
    const { ssrc } = this.#facts;
    const heard = [...this.groups.values()].map((group) => group.report()).filter((block) => block !== undefined);
    const report = encodeRtcp({ kind: "receiver report", ssrc, blocks: heard.slice(0, MAX_BLOCKS) });
    const ntp = BigInt(this.#ntp(now)) << 16n;
    return concat(report, encodeRtcp({ kind: "reference time", ssrc, ntp }));
  }

  /** The middle 32 bits of an NTP time stamp. */
  #ntp(now: number): number {
    return (Math.floor(now * NTP_UNITS) + this.#ntpOffset) % 2 ** 32;
  }

  /** A binary frame. What is malformed is dropped, as the server drops it. */
  receive(packet: Octets): void {
    const now = this.#clock.now();
    try {
      if (isRtcp(packet)) this.#takeControl(now, packet);
      else this.#takeVoice(now, decodeRtp(packet));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
  }

  #takeVoice(now: number, packet: RtpPacket): void {
    for (const group of this.groups.values()) {
      if (group.talkerSsrc === packet.ssrc) group.receiveVoice(now, packet);
    }
  }

  #takeControl(now: number, datagram: Octets): void {
    const { serverSsrc } = this.#facts;
    for (const packet of decodeRtcp(datagram)) {
      if (packet.kind === "floor") {
        for (const group of this.groups.values()) {
          if (group.controlSsrc === packet.ssrc) group.receiveFloor(now, packet);
        }
      } else if (packet.kind === "alert" && packet.ssrc === serverSsrc) {
        this.#onAlert(packet);
      } else if (packet.kind === "delay since reference" && packet.ssrc === serverSsrc) {
        this.#answered(now, packet);
      }
    }
  }

  #answered(now: number, { lastReference, delay }: DelaySinceReference): void {
    this.roundTripS = ((this.#ntp(now) - lastReference - delay) >>> 0) / NTP_UNITS;
  }
}
