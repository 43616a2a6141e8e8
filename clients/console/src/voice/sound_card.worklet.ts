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
  private utterance: number | undefined;
  private remaining = Infinity; // samples until the utterance is closed
  private piece = new Float32Array(PIECE);
  private filled = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToMicrophone>) => this.obey(data);
  }

  process([input]: Float32Array[][]): boolean {
    if (this.utterance === undefined) return true;
    this.hear(input?.[0] ?? new Float32Array(QUANTUM)); // unplugged: time runs on
    this.remaining -= QUANTUM;
    if (this.remaining <= 0) this.close();
    return true;
  }

  private obey(message: ToMicrophone): void {
    if (message.kind === "port") this.worker = message.port;
    else if (message.kind === "open") {
      this.close(); // the tail of the one before ends where this one begins
      this.utterance = message.utterance;
      this.remaining = Infinity;
    } else if (message.utterance === this.utterance) this.remaining = message.tailS * sampleRate;
  }

  private hear(samples: Float32Array): void {
    this.piece.set(samples, this.filled);
    this.filled += samples.length;
    if (this.filled >= PIECE) this.send();
  }

  private send(): void {
    const samples = this.piece.slice(0, this.filled);
    this.filled = 0;
    this.tell({ kind: "sound", utterance: this.utterance!, samples }, [samples.buffer]);
  }

  private close(): void {
    if (this.utterance === undefined) return;
    if (this.filled > 0) this.send();
    this.tell({ kind: "closed", utterance: this.utterance });
    this.utterance = undefined;
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
