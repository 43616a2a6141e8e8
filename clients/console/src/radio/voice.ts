/** What the radio asks of the sound of a page: `voice/` does it. Media packets carry one 20 ms Opus frame each. */

/** A talk burst that is heard. `ssrc` is its own; RTP timestamps count 48 kHz samples. */
export interface HeardBurst {
  readonly group: string;
  readonly ssrc: number;
  /** Subscriber who talks, if the server tells. */
  readonly talker?: string;
}

/** How a group sounds: `volume` 0 to 1, `pan` -1 (left) to 1 (right). */
export interface Channel {
  readonly volume: number;
  readonly pan: number;
  readonly muted: boolean;
}

/** A frame from the microphone. `capturedAt`: milliseconds of `performance.now()` when its last sample was heard. */
export interface CapturedFrame {
  readonly opus: Uint8Array;
  readonly capturedAt: number;
}

/** An utterance that is being captured. */
export interface Capture {
  /** The key was released: frames that the encoder still has are given first, then the promise resolves. */
  stop(): Promise<void>;
}

export interface Voice {
  burstBegins(burst: HeardBurst): void;
  /** One RTP payload; packets may come late, twice, in any order. */
  hear(ssrc: number, sequence: number, timestamp: number, payload: Uint8Array): void;
  /** No packet follows; what is buffered is played to the end. */
  burstEnds(ssrc: number): void;
  setChannel(group: string, channel: Channel): void;
  /**
   * The key was pressed: every frame from now on is given, before the floor is granted too. Throws MicrophoneError.
   * `lost`: the microphone went away meanwhile and no other could be had; silence follows until `stop`.
   */
  capture(give: (frame: CapturedFrame) => void, lost?: (error: MicrophoneError) => void): Promise<Capture>;
  /** Short sounds of the radio itself: grant, denial, end of a talk burst, an alert. */
  play(signal: "granted" | "denied" | "released" | "alert" | "call"): void;
}

/** The microphone cannot be had; `reason` chooses the sentence that the user reads. */
export class MicrophoneError extends Error {
  constructor(readonly reason: "denied" | "absent" | "busy" | "unsupported") {
    super(`microphone ${reason}`);
  }
}
