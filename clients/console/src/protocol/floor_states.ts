/** States, events and timers of the floor participant (TS 24.380 §6.2.4, §11.1). */
import { ACK_REQUIRED, MessageType, NOT_QUEUED, type FloorMessage } from "./floor_control";

/** State of the 'basic floor control operation' of a participant (TS 24.380 §6.2.4). */
export type FloorState =
  "U: has no permission" | "U: pending Request" | "U: queued" | "U: has permission" | "U: pending Release";

/**
 * What can happen to a floor participant. T103 is none of it: it tells who talks, not whether we may, and lives in
 * `floor_hearing.ts`.
 */
export type FloorEvent =
  | "key pressed"
  | "key let go"
  | "Floor Granted"
  | "Floor Deny"
  | "Floor Taken"
  | "Floor Idle"
  | "Floor Revoke"
  | "Floor Queue Position Info"
  | "Floor Queue Position Info: not queued"
  | "Floor Ack of the release"
  | FloorTimer;

export type FloorTimer =
  "T100 Floor Release" | "T101 Floor Request" | "T104 Floor Queue Position Request" | "T132 queued granted user action";

/**
 * Timers and counters of TS 24.380 §11.1. T100 and T101 are the first waits; each next one doubles up to `retryCapS`.
 * The standard's 2 s would miss its own access time (300 ms) with one lost message.
 */
export interface ParticipantTimers {
  readonly t100FloorReleaseS: number;
  readonly c100FloorRelease: number;
  readonly t101FloorRequestS: number;
  readonly c101FloorRequest: number;
  readonly retryCapS: number;
  readonly t103EndOfRtpS: number;
  readonly t104QueuePositionS: number;
  readonly c104QueuePosition: number;
  readonly t132QueuedGrantedS: number;
}

export const TIMERS: ParticipantTimers = {
  t100FloorReleaseS: 0.1,
  c100FloorRelease: 5,
  t101FloorRequestS: 0.1,
  c101FloorRequest: 5,
  retryCapS: 2,
  t103EndOfRtpS: 4,
  t104QueuePositionS: 2,
  c104QueuePosition: 3,
  t132QueuedGrantedS: 2,
};

/** What the message means to a participant; undefined: nothing (wrong direction, or a field is missing). */
export function eventOf(message: FloorMessage): FloorEvent | undefined {
  switch (message.type) {
    case MessageType.floorGranted:
      return message.grantedSsrc === undefined ? undefined : "Floor Granted";
    case MessageType.floorDeny:
      return "Floor Deny";
    case MessageType.floorTaken:
      return "Floor Taken";
    case MessageType.floorIdle:
      return "Floor Idle";
    case MessageType.floorRevoke:
      return "Floor Revoke";
    case MessageType.queuePositionInfo:
      if (message.queueInfo === undefined) return undefined;
      return message.queueInfo.position === NOT_QUEUED
        ? "Floor Queue Position Info: not queued"
        : "Floor Queue Position Info";
    case MessageType.floorAck:
      return ((message.messageType ?? 0) & ~ACK_REQUIRED) === MessageType.floorRelease
        ? "Floor Ack of the release"
        : undefined;
    default:
      return undefined;
  }
}
