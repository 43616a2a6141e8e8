/**
 * The audio thread: as little as can be. The microphone's processor lets sound out only while the key is pressed, so a
 * microphone that is kept warm stays deaf; the loudspeaker's plays what the worker has mixed.
 */
import type { FromMicrophone, Played, Sound, ToLoudspeaker, ToMicrophone } from "./threads";

// Of AudioWorkletGlobalScope, which TypeScript's libraries do not know
declare const sampleRate: number;
declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

const QUANTUM = 128;
const PIECE = 2 * QUANTUM; // of the microphone: 5 ms at 48 kHz
const TICK_QUANTA = 4; // of the loudspeaker: 11 ms at 48 kHz

class Microphone extends AudioWorkletProcessor {
  private worker: MessagePort | undefined;
  /** Samples until each is closed: who is listened to may talk in a group as well. */
  private readonly utterances = new Map<number, number>();
  private piece = new Float32Array(PIECE);
  private filled = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToMicrophone>) => this.obey(data);
  }

  process([input]: Float32Array[][]): boolean {
    if (this.utterances.size === 0) return true;
    this.hear(input?.[0] ?? new Float32Array(QUANTUM)); // unplugged: time runs on
    for (const [utterance, remaining] of [...this.utterances]) {
      this.utterances.set(utterance, remaining - QUANTUM);
      if (remaining <= QUANTUM) this.close(utterance);
    }
    return true;
  }

  private obey(message: ToMicrophone): void {
    if (message.kind === "port") this.worker = message.port;
    else if (message.kind === "open") {
      this.send(); // what was heard before is none of it
      for (const [utterance, remaining] of [...this.utterances]) {
        if (remaining < Infinity) this.close(utterance); // the tail of one before ends where this one begins
      }
      this.utterances.set(message.utterance, Infinity);
    } else if (this.utterances.has(message.utterance)) {
      this.utterances.set(message.utterance, message.tailS * sampleRate);
    }
  }

  private hear(samples: Float32Array): void {
    this.piece.set(samples, this.filled);
    this.filled += samples.length;
    if (this.filled >= PIECE) this.send();
  }

  private send(): void {
    if (this.filled === 0) return;
    for (const utterance of this.utterances.keys()) {
      const samples = this.piece.slice(0, this.filled);
      this.tell({ kind: "sound", utterance, samples }, [samples.buffer]);
    }
    this.filled = 0;
  }

  private close(utterance: number): void {
    this.send();
    this.utterances.delete(utterance);
    this.tell({ kind: "closed", utterance });
  }

  private tell(message: FromMicrophone, transferred: Transferable[] = []): void {
    this.worker?.postMessage(message, transferred);
  }
}

class Loudspeaker extends AudioWorkletProcessor {
  private worker: MessagePort | undefined;
  private pieces: { left: Float32Array; right: Float32Array }[] = [];
  private used = 0; // samples of the first piece
  private frames = 0;
  private underruns = 0;
  private told = 0; // frames
  private resting = true;
  private dry = false;
  private quanta = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToLoudspeaker>) => {
      this.worker = data.port;
      this.worker.onmessage = (message: MessageEvent<Sound>) => this.take(message.data);
    };
  }

  process(_inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
    this.fill(output![0]!, output![1]!);
    this.quanta += 1;
    if (this.quanta % TICK_QUANTA === 0 && (!this.resting || this.frames !== this.told)) this.tick();
    return true;
  }

  private take(sound: Sound): void {
    this.resting = sound.kind === "rest";
    if (sound.kind === "play") this.pieces.push(sound);
  }

  private fill(left: Float32Array, right: Float32Array): void {
    let filled = 0;
    while (filled < left.length && this.pieces.length > 0) {
      const piece = this.pieces[0]!;
      const until = this.used + left.length - filled;
      const part = piece.left.subarray(this.used, until);
      left.set(part, filled);
      right.set(piece.right.subarray(this.used, until), filled);
      filled += part.length;
      this.used += part.length;
      if (this.used >= piece.left.length) this.next();
    }
    this.frames += filled;
    this.watch(filled === left.length);
  }

  private next(): void {
    this.pieces.shift();
    this.used = 0;
  }

  /** Dry on purpose if the worker said so; else it counts once, however long it lasts. */
  private watch(full: boolean): void {
    const dry = !full && !this.resting;
    if (dry && !this.dry) this.underruns += 1;
    this.dry = dry;
  }

  private tick(): void {
    const played: Played = { frames: this.frames, underruns: this.underruns };
    this.told = this.frames;
    this.worker?.postMessage(played);
  }
}

registerProcessor("ptt-microphone", Microphone);
registerProcessor("ptt-loudspeaker", Loudspeaker);
