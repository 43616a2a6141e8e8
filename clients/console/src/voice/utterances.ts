/** What the microphone's processor sends, utterance by utterance, through an encoder to the page. */
import { UtteranceEncoder } from "./encoding";

const BREATH_MS = 100; // a new encoder is made when the first frames of an utterance are out, not before them

export interface UtteranceEvents {
  began(utterance: number, firstSampleAt: number): void;
  frame(utterance: number, opus: Uint8Array<ArrayBuffer>, capturedAt: number): void;
  finished(utterance: number): void;
  failed(utterance: number): void;
}

/** Times are milliseconds of the caller's clock; utterances are numbered upwards. */
export class Utterances {
  private readonly running = new Map<number, UtteranceEncoder>();
  private newest = -1;
  private spare: UtteranceEncoder | undefined = new UtteranceEncoder(); // opened before it is wanted: a codec takes a while to load

  constructor(
    private readonly rateHz: number,
    private readonly events: UtteranceEvents,
  ) {}

  /** Sound of an utterance, whose last sample was captured at `now`; the first sound begins it. */
  sound(now: number, utterance: number, samples: Float32Array<ArrayBuffer>): void {
    if (utterance > this.newest) this.begin(utterance, now - (samples.length * 1000) / this.rateHz);
    this.running.get(utterance)?.push(samples, now);
  }

  /** No sound of the utterance follows: tells `finished` after the last frame. */
  async close(utterance: number): Promise<void> {
    this.newest = Math.max(this.newest, utterance);
    const encoder = this.running.get(utterance);
    this.running.delete(utterance);
    try {
      await encoder?.finish();
    } catch {
      return; // it broke meanwhile, which was told as `failed`
    }
    this.events.finished(utterance);
  }

  private begin(utterance: number, firstSampleAt: number): void {
    this.newest = utterance;
    const encoder = this.spare?.works ? this.spare : new UtteranceEncoder();
    this.spare = undefined; // another may begin while this one runs
    this.running.set(utterance, encoder);
    encoder.begin(
      this.rateHz,
      (opus, capturedAt) => this.events.frame(utterance, opus, capturedAt),
      () => this.fail(utterance),
    );
    this.events.began(utterance, firstSampleAt);
    setTimeout(() => (this.spare ??= new UtteranceEncoder()), BREATH_MS);
  }

  private fail(utterance: number): void {
    this.running.delete(utterance);
    this.events.failed(utterance);
  }
}
