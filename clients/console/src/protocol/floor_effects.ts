/** What the floor participant asks of its radio: a message to transmit, or something to tell the user. */
import type { FloorMessage } from "./floor_control";

/** Somebody else talks, with RTP of this SSRC. `indicator`: what the burst and the group are in. */
export interface FloorTaken {
  readonly kind: "taken";
  readonly burstSsrc: number | undefined;
  readonly userId: string | undefined;
  readonly name: string | undefined;
  readonly indicator: number | undefined;
  readonly mayRequest: boolean;
}

/** The request waits: position 1 is next, 254 is unknown; `size`: how many wait. */
export interface FloorQueued {
  readonly kind: "queued";
  readonly position: number;
  readonly priority: number;
  readonly size: number | undefined;
}

export type FloorEffect =
  /** Send the message to the floor control server. */
  | { readonly kind: "transmit"; readonly message: FloorMessage }
  /** Talk now, with RTP of this SSRC, for at most `durationS` seconds. */
  | { readonly kind: "granted"; readonly burstSsrc: number; readonly durationS: number | undefined }
  /** A turn came for a user who waits with the key up; press before T132 expires, else it is given back. */
  | { readonly kind: "offered"; readonly burstSsrc: number }
  /**
   * Send no more RTP of this burst. `mustStop`: revoked, for `cause`; the user must let go of the key. Otherwise the
   * server ended the burst without a word that reached us.
   */
  | {
      readonly kind: "lost";
      readonly burstSsrc: number;
      readonly mustStop: boolean;
      readonly cause: number | undefined;
    }
  /** No floor for this request: `cause` of TS 24.380 §8.2.6.2, `phrase` for people. */
  | { readonly kind: "denied"; readonly cause: number; readonly phrase: string }
  | FloorQueued
  | FloorTaken
  /** Nobody talks. */
  | { readonly kind: "idle" }
  /** The server does not answer; the user may try again. */
  | { readonly kind: "unanswered" };
