/** What the desk shows, and what can be done there: given by whoever wires it to the radio. */
import type { Floor } from "../look/talk/floor";
import type { TalkMode } from "../look/talk/talk_press";

export type Room = "desk" | "map" | "alerts" | "messages" | "recordings" | "manage";

export type Link = "connected" | "connecting" | "lost" | "superseded";

export interface Who {
  readonly name: string;
  readonly role: "subscriber" | "dispatcher" | "manager";
  readonly organisation: string;
  /** When the session ends if nothing is done, and in any case. UTC milliseconds. */
  readonly idle_expires_ms: number;
  readonly absolute_expires_ms: number;
}

export interface Burst {
  readonly id: string;
  readonly name: string;
  readonly at_ms: number;
  readonly duration_ms: number;
  readonly emergency?: boolean;
}

/** `volume` 0 to 1, `pan` -1 (left) to 1 (right). */
export interface Sound {
  readonly volume: number;
  readonly pan: number;
  readonly muted: boolean;
}

export interface GroupShown {
  readonly group: string;
  readonly name: string;
  readonly temporary: boolean;
  /** Affiliated: heard, and can be talked to. */
  readonly monitored: boolean;
  readonly floor: Floor;
  readonly sound: Sound;
  /** How many take part. */
  readonly affiliated: number;
  readonly waiting?: number;
  /** A sentence: why one cannot talk here. */
  readonly unavailable?: string;
  readonly recording?: boolean;
  /** Newest first. */
  readonly activity: readonly Burst[];
}

export interface CallShown {
  readonly call: string;
  readonly kind: "private" | "first_to_answer" | "broadcast";
  readonly state: "incoming" | "outgoing" | "active" | "ended";
  readonly duplex: boolean;
  /** Who is at the other end, or the group of a broadcast. */
  readonly party: string;
  readonly since_ms: number;
  readonly rings_until_ms?: number;
  /** Of a half-duplex call. */
  readonly floor?: Floor;
  readonly muted?: boolean;
  readonly ended?: "ended" | "rejected" | "no_answer" | "answered_elsewhere" | "gone" | "idle" | "failed";
}

/** Somebody asks to be called back. */
export interface CallAlertShown {
  readonly by: string;
  readonly name: string;
  readonly at_ms: number;
}

export type RemoteAct = "logout" | "stun" | "enable" | "wipe";

export interface GroupActions {
  select(group: string): void;
  monitor(group: string, on: boolean): void;
  sound(group: string, sound: Sound): void;
  press(group: string): void;
  release(group: string): void;
  peril(group: string, on: boolean): void;
  revoke(group: string): void;
  dissolve(group: string): void;
  broadcast(group: string): void;
}

export interface PersonActions {
  call(subscriber: string, duplex: boolean): void;
  callAlert(subscriber: string): void;
  message(subscriber: string): void;
  locate(subscriber: string): void;
  remote(subscriber: string, act: RemoteAct): void;
}

export interface CallActions {
  answer(call: string): void;
  reject(call: string): void;
  end(call: string): void;
  press(call: string): void;
  release(call: string): void;
  mute(call: string, muted: boolean): void;
}

/** What the role and the organisation allow: what is not, is not offered. */
export interface Allowed {
  readonly remote: boolean;
  readonly locate: boolean;
  readonly messages: boolean;
  readonly dispatch: boolean;
}

export interface TalkSettings {
  readonly key: string;
  readonly mode: TalkMode;
}
