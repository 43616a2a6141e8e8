/** One group that the radio takes part in: its floor, its talker, its people, voice in and out. */
import { encodeFloor, Indicator, type FloorMessage } from "../protocol/floor_control";
import type { FloorEffect } from "../protocol/floor_effects";
import { FloorParticipant } from "../protocol/floor_participant";
import type { Affiliation, GroupRights, GroupRoster } from "../protocol/messages";
import type { ReportBlock } from "../protocol/rtcp";
import { encodeRtp, type RtpPacket } from "../protocol/rtp";
import { Alarm, type Clock } from "./clock";
import { Listeners } from "./listeners";
import { Listening } from "./listening";
import type { MediaGroup, MediaLink } from "./media";
import { People } from "./people";
import { denied, queued, revoked, type Talker, type TalkState } from "./talk_state";
import { Utterance, type Outlet } from "./utterance";
import { MicrophoneError, type Voice } from "./voice";

type Signal = Parameters<Voice["play"]>[0];

const DOUBT_AFTER_UNANSWERED = 2;
/** A denial stays in sight this long, then the state is `idle` again. */
const SHOWN_S = 4;

/** How urgent a press is. */
export interface Urgency {
  readonly emergency?: boolean;
  readonly imminentPeril?: boolean;
  /** Less than the own floor priority. */
  readonly priority?: number;
}

export type TalkgroupEvent =
  | { readonly kind: "state" }
  | { readonly kind: "talker" }
  | { readonly kind: "roster" }
  /** Rights, emergency or imminent peril. */
  | { readonly kind: "condition" }
  | { readonly kind: "microphone"; readonly error: MicrophoneError }
  /** The radio takes part no more. */
  | { readonly kind: "left" };

/** A voice packet of the group, heard or said: for recording. `talker` undefined: ourselves. */
export interface VoicePacket {
  readonly packet: RtpPacket;
  readonly talker: Talker | undefined;
}

/** Made by `Radio.affiliate`. Read the properties when `listen` tells of a change. */
export class Talkgroup implements MediaGroup {
  readonly group: string;
  name = "";
  priority = 0;
  listenOnly = false;
  emergency = false;
  imminentPeril = false;
  readonly people = new People();
  state: TalkState = { is: "idle" };
  controlSsrc = 0;
  /** False: no sound of the radio itself tells what happens here. */
  hasSignals = true;
  readonly #clock: Clock;
  readonly #voice: Voice;
  readonly #alarm: Alarm;
  readonly #listeners = new Listeners<TalkgroupEvent>();
  readonly #listening: Listening;
  readonly #voiceListeners = new Listeners<VoicePacket>();
  #media!: MediaLink;
  #floor!: FloorParticipant;
  #utterance: Utterance | undefined;
  #ending: Promise<void> = Promise.resolve();
  #unanswered = 0;
  #forgetState = () => {};
  #isKeyDown = false;
  #isOver = false;

  constructor(affiliation: Affiliation, media: MediaLink, voice: Voice, clock: Clock) {
    this.group = affiliation.group;
    this.#voice = voice;
    this.#clock = clock;
    this.#listening = new Listening(this.group, voice, () => this.#listeners.tell({ kind: "talker" }));
    this.#alarm = new Alarm(clock, (now) => this.#perform(this.#floor.expire(now)));
    this.bind(affiliation, media);
  }

  listen(callback: (event: TalkgroupEvent) => void): () => void {
    return this.#listeners.listen(callback);
  }

  listenVoice(callback: (packet: VoicePacket) => void): () => void {
    return this.#voiceListeners.listen(callback);
  }

  /** (Re)starts with the SSRCs of an affiliation; a floor of the one before is gone. */
  bind(affiliation: Affiliation, media: MediaLink): void {
    this.#dropFloor();
    this.#media = media;
    this.#floor = new FloorParticipant(affiliation.ssrc);
    this.controlSsrc = affiliation.control_ssrc;
    this.#alarm.set(undefined);
    media.groups.set(this.group, this);
    this.goOn(affiliation);
  }

  /** The session was resumed: rights and roster may have changed meanwhile, the floor has not. */
  goOn(affiliation: Affiliation): void {
    this.name = affiliation.name;
    this.emergency = affiliation.emergency ?? false;
    this.imminentPeril = affiliation.imminent_peril ?? false;
    this.people.set(affiliation.roster);
    this.#listeners.tell({ kind: "roster" });
    this.changeRights(affiliation);
  }

  /** Takes part no more. */
  close(): void {
    this.#isOver = true;
    this.#dropFloor();
    this.#alarm.close();
    this.#media.groups.delete(this.group);
    this.#media.watchActivity();
    this.#listeners.tell({ kind: "left" });
  }

  // What the server says of the group

  changeRoster(roster: GroupRoster): void {
    this.people.change(roster);
    this.#listeners.tell({ kind: "roster" });
  }

  changeRights({ priority, listen_only }: Pick<GroupRights, "priority" | "listen_only">): void {
    this.priority = priority;
    this.listenOnly = listen_only;
    this.#listeners.tell({ kind: "condition" });
  }

  changeCondition(condition: { emergency?: boolean; imminentPeril?: boolean }): void {
    this.emergency = condition.emergency ?? this.emergency;
    this.imminentPeril = condition.imminentPeril ?? this.imminentPeril;
    this.#listeners.tell({ kind: "condition" });
  }

  // The key

  /** Somebody talks, or we do. */
  get isActive(): boolean {
    return this.talker !== undefined || this.state.is === "granted";
  }

  /** Of our burst, in seconds; undefined: we do not talk, or for as long as we like. */
  get remainingS(): number | undefined {
    if (this.state.is !== "granted" || this.state.endsAt === undefined) return undefined;
    return Math.max(0, this.state.endsAt - this.#clock.now());
  }

  /** The key goes down: `state` tells what becomes of it. Pressing while it is down asks anew, more urgently perhaps. */
  press(urgency: Urgency = {}): void {
    if (this.#isOver) return; // `left` was told
    if (this.#isKeyDown) return this.#ask(urgency);
    this.#isKeyDown = true;
    if (this.#utterance === undefined || this.#utterance.isComplete) return this.#begin(urgency);
    this.#afterwards(() => this.#isKeyDown && this.#begin(urgency)); // the last syllable is still on its way
  }

  /**
   * The key goes up. What was said is sent to its end, also if the floor is not granted yet; a place in the queue is
   * given up.
   */
  release(): void {
    if (!this.#isKeyDown) return;
    this.#isKeyDown = false;
    const utterance = this.#utterance;
    if (utterance === undefined) return; // denied or revoked: the floor is not ours
    this.#ending = utterance.complete().then(() => this.#letGoOf(utterance));
  }

  #begin(urgency: Urgency): void {
    this.#abandon();
    const media = () => this.#media;
    const outlet: Outlet = {
      get isOpen() {
        return media().isConnected;
      },
      send: (packet) => this.#sendVoice(packet),
    };
    const utterance = new Utterance(this.#voice, outlet, (error) => this.#microphoneFailed(utterance, error));
    this.#utterance = utterance;
    this.#setState({ is: "requesting" });
    this.#ask(urgency);
  }

  #ask({ emergency, imminentPeril, priority }: Urgency): void {
    const kind = emergency ? "emergency" : imminentPeril ? "imminentPeril" : "normal";
    this.#perform(this.#floor.press(this.#clock.now(), Indicator[kind], priority));
  }

  #letGoOf(utterance: Utterance): void {
    if (utterance !== this.#utterance) return;
    if (this.#floor.state === "U: pending Request") return; // the answer decides
    this.#utterance = undefined;
    utterance.flush();
    utterance.abandon();
    this.#perform(this.#floor.release(this.#clock.now()));
    this.#setState({ is: "idle" });
  }

  #microphoneFailed(utterance: Utterance, error: unknown): void {
    if (utterance !== this.#utterance) return;
    this.#abandon();
    this.#perform(this.#floor.release(this.#clock.now()));
    this.#setState({ is: "idle" });
    const known = error instanceof MicrophoneError ? error : new MicrophoneError("unsupported");
    this.#listeners.tell({ kind: "microphone", error: known });
  }

  #abandon(): void {
    this.#utterance?.abandon();
    this.#utterance = undefined;
  }

  #dropFloor(): void {
    if (this.#utterance !== undefined) this.#setState({ is: "lost" });
    this.#abandon();
    this.#listening.ends();
  }

  #sendVoice(packet: RtpPacket): void {
    this.#media.sendVoice(encodeRtp(packet));
    this.#voiceListeners.tell({ packet, talker: undefined });
  }

  // The floor

  receiveFloor(now: number, message: FloorMessage): void {
    this.#unanswered = 0;
    this.#perform(this.#floor.receive(now, message));
  }

  #perform(effects: readonly FloorEffect[]): void {
    for (const effect of effects) this.#carryOut(effect);
    this.#alarm.set(this.#floor.nextDeadline());
    this.#media.watchActivity();
  }

  #carryOut(effect: FloorEffect): void {
    switch (effect.kind) {
      case "transmit":
        return this.#transmit(effect.message);
      case "granted":
        return this.#granted(effect.burstSsrc, effect.durationS);
      case "queued":
        return this.#queued(effect.position, effect.size);
      case "lost":
        return this.#refused(effect.mustStop ? revoked(effect.cause) : { is: "lost" });
      case "denied":
        return this.#refused(denied(effect.cause, effect.phrase));
      case "unanswered":
        return this.#refused({ is: "unanswered" });
      case "taken":
        return this.#listening.begins(this.#clock.now(), effect);
      case "idle":
        if (this.talker !== undefined) this.#signal("released");
        return this.#listening.ends();
      case "offered": // our key is never up while we wait
        return;
    }
  }

  #transmit(message: FloorMessage): void {
    this.#unanswered += 1;
    if (this.#unanswered > DOUBT_AFTER_UNANSWERED) this.#media.doubt();
    this.#media.sendControl(encodeFloor(message));
  }

  #granted(burstSsrc: number, durationS: number | undefined): void {
    this.#listening.ends();
    this.#signal("granted");
    const endsAt = durationS === undefined ? undefined : this.#clock.now() + durationS;
    this.#setState({ is: "granted", burstSsrc, endsAt });
    const utterance = this.#utterance;
    utterance?.granted(burstSsrc);
    if (utterance?.isComplete) this.#afterwards(() => this.#letGoOf(utterance));
  }

  #queued(position: number, size: number | undefined): void {
    const utterance = this.#utterance;
    utterance?.queued();
    this.#setState(queued(position, size));
    if (utterance?.isComplete) this.#afterwards(() => this.#letGoOf(utterance));
  }

  /** Once the participant is done with what it is at. */
  #afterwards(act: () => unknown): void {
    this.#ending = this.#ending.then(() => void act());
  }

  #refused(state: TalkState): void {
    this.#abandon();
    this.#signal("denied");
    this.#setState(state);
  }

  #signal(signal: Signal): void {
    if (this.hasSignals) this.#voice.play(signal);
  }

  #setState(state: TalkState): void {
    this.#forgetState();
    this.#forgetState = () => {};
    if (["denied", "revoked", "lost", "unanswered"].includes(state.is)) {
      this.#forgetState = this.#clock.after(SHOWN_S, () => this.#setState({ is: "idle" }));
    }
    this.state = state;
    this.#listeners.tell({ kind: "state" });
  }

  // Others

  get talker(): Talker | undefined {
    return this.#listening.talker;
  }

  /** Of the burst that is heard; our own is not. */
  get talkerSsrc(): number | undefined {
    return this.talker?.burstSsrc;
  }

  receiveVoice(now: number, packet: RtpPacket): void {
    this.#floor.mediaReceived(now);
    this.#listening.hear(now, packet);
    this.#voiceListeners.tell({ packet, talker: this.talker });
  }

  connected(): void {
    this.#utterance?.flush();
  }

  report(): ReportBlock | undefined {
    return this.#listening.report();
  }
}
