/** What the page, the codec worker and the audio thread tell each other. Voice goes around the page's thread. */
import type { Channel, HeardBurst } from "../radio/voice";
import type { VoicePacket } from "./jitter_buffer";
import type { BurstStatistics } from "./mixer";

/** Page to worker. `soundCard`: ports to the two processors, rate, and what the device fetches at once. */
export type ToWorker =
  | {
      readonly kind: "soundCard";
      readonly microphone: MessagePort;
      readonly loudspeaker: MessagePort;
      readonly rateHz: number;
      readonly deviceS: number;
      readonly pageOrigin: number; // performance.timeOrigin of the page
    }
  | { readonly kind: "audible"; readonly audible: boolean }
  | { readonly kind: "begin"; readonly burst: HeardBurst }
  | { readonly kind: "hear"; readonly ssrc: number; readonly packet: VoicePacket }
  | { readonly kind: "end"; readonly ssrc: number }
  | { readonly kind: "channel"; readonly group: string; readonly channel: Channel }
  | { readonly kind: "finish"; readonly utterance: number } // the audio thread does not answer
  | { readonly kind: "account"; readonly question: number };

/** Worker to page. Times are milliseconds of the page's `performance.now()`. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "began"; readonly utterance: number; readonly firstSampleAt: number }
  | { readonly kind: "frame"; readonly utterance: number; readonly opus: Uint8Array; readonly capturedAt: number }
  | { readonly kind: "finished"; readonly utterance: number }
  | { readonly kind: "failed"; readonly utterance: number }
  | { readonly kind: "account"; readonly question: number; readonly account: Account };

export interface Account {
  readonly bursts: readonly BurstStatistics[];
  readonly unheard: number;
  readonly underruns: number;
}

/** Page to the microphone's processor. */
export type ToMicrophone =
  | { readonly kind: "port"; readonly port: MessagePort }
  | { readonly kind: "open"; readonly utterance: number }
  | { readonly kind: "close"; readonly utterance: number; readonly tailS: number };

/** Microphone's processor to worker. `closed` comes after the last `sound` of the utterance. */
export type FromMicrophone =
  | { readonly kind: "sound"; readonly utterance: number; readonly samples: Float32Array<ArrayBuffer> }
  | { readonly kind: "closed"; readonly utterance: number };

/** Page to the loudspeaker's processor. */
export interface ToLoudspeaker {
  readonly port: MessagePort;
}

/** Worker to the loudspeaker's processor. */
export type Sound =
  { readonly kind: "play"; readonly left: Float32Array; readonly right: Float32Array } | { readonly kind: "rest" };

/** Loudspeaker's processor to worker: totals since it exists. */
export interface Played {
  readonly frames: number;
  readonly underruns: number;
}
