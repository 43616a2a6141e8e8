/** The microphone's sound to Opus by WebCodecs: 20 ms frames of mono speech, with in-band FEC for those who can use it. */
import { Framer } from "./framing";
import { RATE_HZ } from "./playout";
import { Resampler } from "./resampler";

export const FRAME_MS = 20;
const FRAME_SAMPLES = (RATE_HZ * FRAME_MS) / 1000;

// As the handsets: 24 kbit/s makes libopus code wideband SILK, the mode that repeats each frame in the next packet
const CONFIGURATION: AudioEncoderConfig & { opus: VoiceOptions } = {
  codec: "opus",
  sampleRate: RATE_HZ,
  numberOfChannels: 1,
  bitrate: 24_000,
  bitrateMode: "variable",
  opus: {
    format: "opus",
    frameDuration: FRAME_MS * 1000,
    application: "voip",
    signal: "voice",
    packetlossperc: 10,
    useinbandfec: true,
    usedtx: false,
  },
};

/** WebCodecs Opus registration §4; the DOM types lack `application` and `signal`. */
interface VoiceOptions extends OpusEncoderConfig {
  application: "voip";
  signal: "voice";
}

/** `capturedAt`: as `UtteranceEncoder.push`, of the last sample of the frame. */
export type Encoded = (opus: Uint8Array<ArrayBuffer>, capturedAt: number) => void;

/** One utterance: state runs from frame to frame, so make a new one for each. Made early, its codec is loaded early. */
export class UtteranceEncoder {
  private readonly encoder: AudioEncoder;
  private readonly framer = new Framer(FRAME_SAMPLES);
  private readonly capturedAt: number[] = []; // of the frames that the encoder has
  private resampler: Resampler | undefined;
  private give: Encoded = () => undefined;
  private failed = (): void => undefined;
  private frames = 0;
  private lastHeardAt = 0;

  constructor() {
    this.encoder = new AudioEncoder({ output: (chunk) => this.take(chunk), error: () => this.failed() });
    this.encoder.configure(CONFIGURATION);
  }

  /** Whether it can still be used. */
  get works(): boolean {
    return this.encoder.state === "configured";
  }

  /** The utterance starts; sound will come at `rateHz`. After `failed`, no frame is given. */
  begin(rateHz: number, give: Encoded, failed: () => void): void {
    this.resampler = new Resampler(rateHz, RATE_HZ);
    this.give = give;
    this.failed = failed;
  }

  /** More sound, whose last sample was captured at millisecond `heardAt` of the caller's clock. */
  push(sound: Float32Array<ArrayBuffer>, heardAt: number): void {
    this.lastHeardAt = heardAt;
    this.encode(this.resampler!.push(sound));
  }

  /** The utterance is over: resolves when its last frame was given, filled up with silence. */
  async finish(): Promise<void> {
    this.encode(this.resampler!.flush());
    const rest = this.framer.rest();
    if (rest !== undefined) this.encodeFrame(rest, this.lastHeardAt);
    if (!this.works) return;
    await this.encoder.flush(); // gives the end that the encoder's look-ahead (6.5 ms) holds back as one more frame
    this.encoder.close();
  }

  private encode(sound: Float32Array<ArrayBuffer>): void {
    const frames = this.framer.push(sound);
    const samplesAfter = this.framer.waiting + (frames.length - 1) * FRAME_SAMPLES;
    frames.forEach((frame, n) => {
      const behindMs = ((samplesAfter - n * FRAME_SAMPLES) * 1000) / RATE_HZ;
      this.encodeFrame(frame, this.lastHeardAt - behindMs);
    });
  }

  private encodeFrame(frame: Float32Array<ArrayBuffer>, capturedAt: number): void {
    if (!this.works) return; // it has told so
    const data = new AudioData({
      format: "f32",
      sampleRate: RATE_HZ,
      numberOfChannels: 1,
      numberOfFrames: FRAME_SAMPLES,
      timestamp: this.frames * FRAME_MS * 1000,
      data: frame,
    });
    this.frames += 1;
    this.capturedAt.push(capturedAt);
    this.encoder.encode(data);
    data.close();
  }

  private take(chunk: EncodedAudioChunk): void {
    const opus = new Uint8Array(chunk.byteLength);
    chunk.copyTo(opus);
    this.give(opus, this.capturedAt.shift() ?? this.lastHeardAt);
  }
}
