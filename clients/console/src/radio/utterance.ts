/**
 * What is said between a press of the key and its release: speech from before the grant is kept and sent after it, so
 * neither the first nor the last syllable is lost.
 */
import { random } from "../protocol/octets";
import { OPUS_CLOCK_HZ, OPUS_PAYLOAD_TYPE, type RtpPacket } from "../protocol/rtp";
import type { Capture, CapturedFrame, MicrophoneError, Voice } from "./voice";

const FRAMES_PER_S = 50;
const SAMPLES_PER_FRAME = OPUS_CLOCK_HZ / FRAMES_PER_S;
/** Speech that is kept while it cannot be sent: before the grant, and while the connection is lost. */
export const PREROLL_S = 3;
/** Who is told to wait says nothing; what is kept then is the breath before the turn comes. */
export const QUEUED_PREROLL_S = 0.5;
const MOST_FIRST_SEQUENCE = 1000;

export interface Outlet {
  /** Whether packets can go out now. */
  readonly isOpen: boolean;
  send(packet: RtpPacket): void;
}

export class Utterance {
  /** The key is up, and the encoder has given all that it had. */
  isComplete = false;
  readonly #outlet: Outlet;
  readonly #capture: Promise<Capture>;
  readonly #waiting: { readonly number: number; readonly opus: Uint8Array }[] = [];
  readonly #firstTimestamp: number;
  #captured = 0;
  #keptS = PREROLL_S;
  #completing: Promise<void> | undefined;
  #ssrc: number | undefined;
  #sequence: number;
  #sent = 0;
  #isOver = false;

  /** `failed`: the microphone cannot be had, or went away. */
  constructor(voice: Voice, outlet: Outlet, failed: (error: unknown) => void) {
    this.#outlet = outlet;
    const [high, low, ...timestamp] = random(6);
    this.#sequence = (high! * 256 + low!) % MOST_FIRST_SEQUENCE;
    this.#firstTimestamp = timestamp.reduce((sum, octet) => sum * 256 + octet, 0);
    const lost = (error: MicrophoneError) => this.#isOver || failed(error);
    this.#capture = voice.capture((frame) => this.#take(frame), lost);
    this.#capture.catch((error: unknown) => this.#isOver || failed(error));
  }

  /** The floor is ours: what was said since the press goes out at once. */
  granted(ssrc: number): void {
    this.#ssrc = ssrc;
    this.#keptS = PREROLL_S;
    this.flush();
  }

  queued(): void {
    this.#keptS = QUEUED_PREROLL_S;
    this.#trim();
  }

  /** The key is up: the frames that the encoder still has come first. */
  complete(): Promise<void> {
    this.#completing ??= this.#stop();
    return this.#completing;
  }

  async #stop(): Promise<void> {
    const capture = await this.#capture.catch(() => undefined);
    await capture?.stop();
    this.isComplete = true;
  }

  /** Nothing of it is sent any more. */
  abandon(): void {
    this.#isOver = true;
    this.#waiting.length = 0;
    void this.complete();
  }

  /** Sends what waits, as far as it can. */
  flush(): void {
    while (this.#ssrc !== undefined && this.#outlet.isOpen && this.#waiting.length > 0) {
      this.#outlet.send(this.#packet(this.#ssrc, this.#waiting.shift()!));
    }
  }

  #take(frame: CapturedFrame): void {
    if (this.#isOver) return;
    this.#waiting.push({ number: this.#captured, opus: frame.opus });
    this.#captured += 1;
    this.flush();
    this.#trim();
  }

  #trim(): void {
    const surplus = this.#waiting.length - this.#keptS * FRAMES_PER_S;
    if (surplus > 0) this.#waiting.splice(0, surplus);
  }

  /** Time stamps tell when a frame was said, whether or not the ones before it were sent (RFC 7587 §4.2). */
  #packet(ssrc: number, { number, opus }: { number: number; opus: Uint8Array }): RtpPacket {
    const marker = this.#sent === 0;
    this.#sent += 1;
    return {
      sequence: this.#sequence++,
      timestamp: (this.#firstTimestamp + number * SAMPLES_PER_FRAME) % 2 ** 32,
      ssrc,
      payload: new Uint8Array(opus),
      marker,
      payloadType: OPUS_PAYLOAD_TYPE,
    };
  }
}
