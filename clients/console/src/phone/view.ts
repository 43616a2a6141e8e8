/** What the phone page shows. */
import type { Floor } from "../look/talk/floor";
import type { Fault } from "../texts/errors";

export type PhoneRoom = "talk" | "messages" | "location" | "settings";

export type PhoneLink = "connected" | "connecting" | "lost";

export interface PhoneGroup {
  readonly group: string;
  readonly name: string;
  readonly temporary: boolean;
  /** Undefined: not known yet. */
  readonly affiliated: number | undefined;
  readonly floor: Floor;
  /** A sentence: why one cannot talk here. */
  readonly unavailable?: string;
}

/** One's own call for help. */
export type Sos =
  | { readonly state: "none" }
  /** It is repeated until the server has it. */
  | { readonly state: "sending" }
  | {
      readonly state: "raised" | "delivered" | "acknowledged" | "handling";
      readonly raised_ms: number;
      readonly drill: boolean;
      /** Who has it in hand. */
      readonly by?: string;
      readonly with_position: boolean;
    };

/** Positions that go out while one's own call for help is open. */
export interface TrackShown {
  /** `searching`: none has gone out yet, or the connection is lost. `refused`: the browser gives none. */
  readonly state: "searching" | "sending" | "refused";
  readonly interval_s: number;
}

/** Somebody hears the microphone of this phone. */
export interface ListenedShown {
  readonly names: readonly string[];
  readonly until_ms: number;
  /** Why they cannot hear it. */
  readonly fault?: Fault;
}

/** How one's own call for help ended. */
export type SosEnd = "resolved" | "false_alarm" | "test" | "cancelled";

/** As `terms.location` of the log-in (proto/location.md). */
export interface LocationShown {
  readonly state: "on" | "off_for_all" | "off_for_subscriber" | "switched_off" | "off_duty";
  readonly interval_s: number;
  readonly precision_m: number;
  readonly stored: boolean;
  readonly may_switch_off: boolean;
  readonly sos: boolean;
  /** The browser refused the position. */
  readonly refused: boolean;
  /** Of one's own open call for help. */
  readonly track?: TrackShown | undefined;
  readonly looks: readonly { readonly at_ms: number; readonly who: string; readonly what: Look }[];
}

export type Look = "last" | "history" | "request" | "watch" | "group" | "alert" | "refused";
