/** The sound of a page: the microphone and the loudspeaker of a browser behind what the radio asks for. */
import type { Capture, CapturedFrame, Channel, HeardBurst, Voice } from "../radio/voice";
import { MicrophoneError } from "../radio/voice";
import { Microphone } from "./microphone";
import { SoundCard } from "./sound_card";
import type { Account, FromWorker, ToWorker } from "./threads";
import { sound, type Signal } from "./tones";

// What was said before the key was released is still on its way through the device and the browser
const TAIL_S = 0.08;
const OVERDUE_MS = 500; // a sound card that stopped closes no utterance

export interface VoiceOptions {
  /** Of `MediaDeviceInfo`; the system's choice if left out. */
  readonly input?: string;
  readonly output?: string;
  /** Echo cancellation, noise suppression and level control of the browser. */
  readonly processing?: boolean;
}

/** Counters for a quality view. `pressToSampleMs`: from the last press to the first sample that was captured. */
export interface VoiceStatistics extends Account {
  readonly pressToSampleMs: number | undefined;
}

/** This browser has no AudioWorklet or no Opus in WebCodecs: an old one, or a page without https. */
export class VoiceUnsupported extends Error {
  override name = "VoiceUnsupported";
}

interface Utterance {
  readonly pressedAt: number;
  readonly give: (frame: CapturedFrame) => void;
  readonly lost: ((error: MicrophoneError) => void) | undefined;
  readonly finished: () => void;
}

export class BrowserVoice implements Voice {
  private readonly microphone: Microphone;
  private readonly utterances = new Map<number, Utterance>();
  private readonly questions = new Map<number, (account: Account) => void>();
  private readonly listeners = new Set<() => void>();
  private readonly closing = new AbortController();
  private readonly ready: Promise<void>;
  private pressToSampleMs: number | undefined;
  private numbers = 0;

  private constructor(
    private readonly card: SoundCard,
    private readonly worker: Worker,
    private options: VoiceOptions,
  ) {
    this.microphone = new Microphone(
      card.context,
      card.microphone,
      microphoneOptions(options),
      (error) => this.loseMicrophone(error),
      () => this.changed(),
    );
    this.ready = new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => (data.kind === "ready" ? resolve() : this.take(data));
      worker.onerror = (event) => reject(new VoiceUnsupported(event.message));
    });
    this.start();
  }

  /** Loads the processors and the codecs. Sound waits for the first gesture. Throws VoiceUnsupported. */
  static async open(options: VoiceOptions = {}): Promise<BrowserVoice> {
    if (!("AudioDecoder" in globalThis && "AudioWorkletNode" in globalThis)) throw new VoiceUnsupported();
    const worker = new Worker(new URL("./codec.worker.ts", import.meta.url), { type: "module" });
    const voice = new BrowserVoice(await SoundCard.open(), worker, options);
    await voice.ready;
    if (options.output !== undefined) await voice.chooseOutput(options.output);
    return voice;
  }

  // What the radio asks for -----------------------------------------------------------------------------------------

  burstBegins(burst: HeardBurst): void {
    this.tell({ kind: "begin", burst });
  }

  hear(ssrc: number, sequence: number, timestamp: number, payload: Uint8Array): void {
    this.tell({ kind: "hear", ssrc, packet: { sequence, timestamp, payload } });
  }

  burstEnds(ssrc: number): void {
    this.tell({ kind: "end", ssrc });
  }

  setChannel(group: string, { volume, pan, muted }: Channel): void {
    this.tell({ kind: "channel", group, channel: { volume, pan, muted } });
  }

  async capture(give: (frame: CapturedFrame) => void, lost?: (error: MicrophoneError) => void): Promise<Capture> {
    const pressedAt = performance.now();
    void this.card.resume(); // a press is a gesture
    if (!this.microphone.isOpen) await this.microphone.open();
    const number = (this.numbers += 1);
    const finished = new Promise<void>((resolve) =>
      this.utterances.set(number, { pressedAt, give, lost, finished: resolve }),
    );
    this.card.order({ kind: "open", utterance: number });
    return { stop: () => this.stop(number, finished) };
  }

  play(signal: Signal): void {
    if (this.audible) sound(this.card.context, this.card.context.destination, signal);
  }

  // What a page asks for --------------------------------------------------------------------------------------------

  /** Calls back when `audible`, `microphoneOpen` or `microphoneMuted` may have changed; gives the way to stop it. */
  listen(callback: () => void): () => void {
    this.listeners.add(callback);
    return () => this.listeners.delete(callback);
  }

  /** Whether anything can be heard. If not, ask for a tap or a key: the browser wants one first. */
  get audible(): boolean {
    return this.card.running;
  }

  get microphoneOpen(): boolean {
    return this.microphone.isOpen;
  }

  /** Muted by the system or a switch on the headset: who talks would not be heard. */
  get microphoneMuted(): boolean {
    return this.microphone.isMuted;
  }

  /** Opens the microphone before the first press, so that none is late. Nothing is captured. Throws MicrophoneError. */
  async warmMicrophone(): Promise<void> {
    await this.microphone.open();
  }

  /** Lets go of the microphone until the next press, which then takes longer. */
  coolMicrophone(): void {
    this.microphone.close();
  }

  /** Microphones and loudspeakers; without permission for the microphone, browsers leave their labels empty. */
  async devices(): Promise<MediaDeviceInfo[]> {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices.filter((device) => device.kind !== "videoinput");
  }

  /** Undefined is the system's choice. Throws MicrophoneError. */
  async chooseInput(deviceId: string | undefined, processing = this.options.processing ?? true): Promise<void> {
    const { input: _, ...others } = this.options;
    this.options = { ...others, processing, ...(deviceId === undefined ? {} : { input: deviceId }) };
    await this.microphone.use(microphoneOptions(this.options));
  }

  get canChooseOutput(): boolean {
    return this.card.canChooseOutput;
  }

  /** "" is the system's choice. Throws the browser's DOMException when the device is not there. */
  async chooseOutput(deviceId: string): Promise<void> {
    await this.card.chooseOutput(deviceId);
    this.options = { ...this.options, output: deviceId };
  }

  async statistics(): Promise<VoiceStatistics> {
    const question = (this.numbers += 1);
    const account = await new Promise<Account>((resolve) => {
      this.questions.set(question, resolve);
      this.tell({ kind: "account", question });
    });
    return { ...account, pressToSampleMs: this.pressToSampleMs };
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.microphone.close();
    this.worker.terminate();
    await this.card.close();
  }

  private start(): void {
    const [microphone, loudspeaker] = this.card.ports();
    const { sampleRate: rateHz, baseLatency: deviceS } = this.card.context;
    const pageOrigin = performance.timeOrigin;
    this.tell({ kind: "soundCard", microphone, loudspeaker, rateHz, deviceS, pageOrigin }, [microphone, loudspeaker]);
    this.card.wakeAtGestures(() => this.tellAudible(), this.closing.signal);
    this.tellAudible();
    const reconsider = (): void => void this.reconsider();
    navigator.mediaDevices?.addEventListener("devicechange", reconsider, { signal: this.closing.signal });
  }

  private async stop(number: number, finished: Promise<void>): Promise<void> {
    this.card.order({ kind: "close", utterance: number, tailS: TAIL_S });
    const overdue = setTimeout(() => this.tell({ kind: "finish", utterance: number }), OVERDUE_MS);
    await finished;
    clearTimeout(overdue);
  }

  private take(message: Exclude<FromWorker, { kind: "ready" }>): void {
    if (message.kind === "account") {
      this.questions.get(message.question)?.(message.account);
      this.questions.delete(message.question);
      return;
    }
    const utterance = this.utterances.get(message.utterance);
    if (utterance === undefined) return;
    if (message.kind === "frame") utterance.give({ opus: message.opus, capturedAt: message.capturedAt });
    else if (message.kind === "began") this.pressToSampleMs = message.firstSampleAt - utterance.pressedAt;
    else this.conclude(message.utterance, message.kind === "failed" ? new MicrophoneError("unsupported") : undefined);
  }

  private conclude(number: number, error?: MicrophoneError): void {
    const utterance = this.utterances.get(number)!;
    this.utterances.delete(number);
    if (error !== undefined) utterance.lost?.(error);
    utterance.finished();
  }

  private loseMicrophone(error: MicrophoneError): void {
    for (const utterance of this.utterances.values()) utterance.lost?.(error);
    this.changed();
  }

  private async reconsider(): Promise<void> {
    await this.microphone.reconsider();
    const { output } = this.options;
    if (!output) return;
    const there = (await this.devices()).some(({ kind, deviceId }) => kind === "audiooutput" && deviceId === output);
    await this.card.chooseOutput(there ? output : ""); // back to the chosen one when it is plugged in again
  }

  private tellAudible(): void {
    this.tell({ kind: "audible", audible: this.audible });
    this.changed();
  }

  private changed(): void {
    for (const callback of this.listeners) callback();
  }

  private tell(message: ToWorker, transferred: Transferable[] = []): void {
    this.worker.postMessage(message, transferred);
  }
}

function microphoneOptions({ input, processing = true }: VoiceOptions): { deviceId?: string; processing: boolean } {
  return { processing, ...(input === undefined ? {} : { deviceId: input }) };
}
