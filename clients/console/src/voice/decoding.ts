/** Opus to sound by WebCodecs, for one talk burst. A decoder that fails is replaced; what it owed is guessed. */
import { FadingRepeat } from "./concealment";
import { lostFrames } from "./opus_packet";
import { RATE_HZ, type Decoder } from "./playout";
import type { Place, SoundQueue } from "./sound_queue";

interface Owed {
  readonly timestamp: number; // microseconds, as WebCodecs wants it
  readonly place: Place;
  readonly guess: boolean;
}

let decodersConceal = true; // until one refuses

export class BurstDecoder implements Decoder {
  undecodable = 0;
  private decoder: AudioDecoder;
  private owed: Owed[] = [];
  private toc: number | undefined;
  private timestamp = 0;
  private readonly repeat = new FadingRepeat();

  /** `ready` is called whenever sound was put into a place. */
  constructor(private readonly ready: () => void) {
    this.decoder = this.open();
  }

  decode(packet: Uint8Array, durationMs: number, place: Place): void {
    this.toc = packet[0];
    this.run(packet, durationMs, place, false);
  }

  conceal(durationMs: number, queue: SoundQueue): void {
    if (this.toc === undefined || !decodersConceal) {
      const count = (durationMs * RATE_HZ) / 1000;
      queue.reserve(count).sound = this.repeat.guess(count);
      return;
    }
    for (const lost of lostFrames(this.toc, durationMs))
      this.run(lost.packet, lost.durationMs, queue.reserve((lost.durationMs * RATE_HZ) / 1000), true);
  }

  close(): void {
    if (this.decoder.state !== "closed") this.decoder.close();
  }

  private open(): AudioDecoder {
    const decoder: AudioDecoder = new AudioDecoder({
      output: (data) => this.take(data),
      error: () => this.fail(decoder),
    });
    decoder.configure({ codec: "opus", sampleRate: RATE_HZ, numberOfChannels: 1 });
    return decoder;
  }

  private run(packet: Uint8Array, durationMs: number, place: Place, guess: boolean): void {
    const chunk = new EncodedAudioChunk({ type: "key", timestamp: this.timestamp, data: packet as BufferSource });
    this.owed.push({ timestamp: this.timestamp, place, guess });
    this.timestamp += durationMs * 1000;
    this.decoder.decode(chunk);
  }

  private take(data: AudioData): void {
    const sound = new Float32Array(data.numberOfFrames);
    data.copyTo(sound, { planeIndex: 0, format: "f32-planar" });
    // A decoder may round timestamps, and may give nothing for a packet
    while (this.owed.length > 1 && data.timestamp > this.owed[1]!.timestamp - 1000)
      this.settle(this.owed.shift()!.place, new Float32Array(0));
    data.close();
    const owed = this.owed.shift();
    if (owed === undefined) return;
    if (!owed.guess) this.repeat.heard(sound);
    this.settle(owed.place, sound);
  }

  private fail(failed: AudioDecoder): void {
    if (failed !== this.decoder) return;
    const [culprit] = this.owed;
    if (culprit?.guess) decodersConceal = false;
    this.undecodable += 1;
    const owed = this.owed;
    this.owed = [];
    this.decoder = this.open();
    for (const { place } of owed) this.settle(place, this.repeat.guess(place.count));
  }

  private settle(place: Place, sound: Float32Array): void {
    place.sound = sound;
    this.ready();
  }
}
