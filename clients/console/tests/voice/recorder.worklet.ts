/** Records what passes: left ear, right ear, microphone, on one clock. */
declare const currentFrame: number;
declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

const PIECE = 512;

class Recorder extends AudioWorkletProcessor {
  private piece = new Float32Array(3 * PIECE);
  private filled = 0;

  process([input]: Float32Array[][]): boolean {
    for (let channel = 0; channel < 3; channel += 1)
      this.piece.set(input![channel] ?? new Float32Array(128), channel * PIECE + this.filled);
    this.filled += 128;
    if (this.filled === PIECE) {
      this.port.postMessage({ frame: currentFrame + 128 - PIECE, sound: this.piece });
      this.piece = new Float32Array(3 * PIECE);
      this.filled = 0;
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
