/** The microphone to packets, over a bad link, to the loudspeaker, and all of it recorded: for tests/browser. */
import { MicrophoneError, type Channel } from "../../src/radio/voice";
import { BrowserVoice, type VoiceOptions } from "../../src/voice/browser_voice";
import { sound, SIGNALS, type Signal } from "../../src/voice/tones";
import { Link, PERFECT, type Conditions } from "./link";
import recorderUrl from "./recorder.worklet.ts?worker&url";

interface Piece {
  readonly frame: number;
  readonly sound: Float32Array;
}

interface Utterance {
  readonly channels: Record<string, Channel>; // a burst is heard in each of these groups
  readonly seconds: number;
  readonly conditions?: Partial<Conditions>;
  /** Presses and releases when the microphone hears somebody speak. */
  readonly inMidWord?: boolean;
}

const LOUD = 0.05;
const DRAIN_MS = 1200;

let voice!: BrowserVoice;
let pieces: Piece[] = [];
let bursts = 0;
let told = 0;
let audibleAtOpen: boolean | undefined;

async function open(options: VoiceOptions & { warm?: boolean }): Promise<number> {
  voice = await BrowserVoice.open(options);
  voice.listen(() => (told += 1));
  if (options.warm ?? true) await voice.warmMicrophone();
  await record();
  audibleAtOpen = voice.audible;
  return voice["card"].context.sampleRate;
}

async function record(): Promise<void> {
  const { context } = voice["card"];
  await context.audioWorklet.addModule(recorderUrl);
  const recorder = new AudioWorkletNode(context, "recorder", { channelCount: 3, channelCountMode: "explicit" });
  const [ears, merger] = [new ChannelSplitterNode(context), new ChannelMergerNode(context, { numberOfInputs: 3 })];
  voice["card"]["loudspeaker"].connect(ears);
  ears.connect(merger, 0, 0);
  ears.connect(merger, 1, 1);
  voice["microphone"]["source"]?.connect(merger, 0, 2);
  merger.connect(recorder).connect(context.destination);
  recorder.port.onmessage = ({ data }: MessageEvent<Piece>) => pieces.push(data);
}

async function say({ channels, seconds, conditions, inMidWord = false }: Utterance) {
  for (const [group, channel] of Object.entries(channels)) voice.setChannel(group, channel);
  pieces = [];
  if (inMidWord) await speech();
  const link = new Link({ ...PERFECT, ...conditions });
  const heard = Object.keys(channels).map((group) => ({ group, ssrc: (bursts += 1) }));
  for (const burst of heard) voice.burstBegins(burst);
  const frames: { opus: number[]; afterPressMs: number; ageMs: number }[] = [];
  const pressedFrame = now();
  const pressedAt = performance.now();
  const capture = await voice.capture(({ opus, capturedAt }) => {
    const sequence = frames.length;
    const at = performance.now();
    frames.push({ opus: [...opus], afterPressMs: at - pressedAt, ageMs: at - capturedAt });
    for (const { ssrc } of heard) link.carry(() => voice.hear(ssrc, sequence & 0xffff, sequence * 960, opus));
  });
  await pause(seconds * 1000);
  if (inMidWord) await speech();
  const releasedFrame = now();
  await capture.stop();
  await pause((conditions?.jitterMs ?? 0) + 50);
  for (const { ssrc } of heard) voice.burstEnds(ssrc);
  await pause(DRAIN_MS);
  const recorded = pieces;
  const firstFrame = recorded[0]!.frame;
  return {
    sound: [0, 1, 2].map((channel) => pcm(recorded, channel)),
    press: pressedFrame - firstFrame,
    release: releasedFrame - firstFrame,
    frames,
    statistics: await voice.statistics(),
  };
}

/** The sample that is being recorded. */
function now(): number {
  return Math.round(voice["card"].context.currentTime * voice["card"].context.sampleRate);
}

async function speech(): Promise<void> {
  const seen = pieces.length;
  while (!pieces.slice(seen).some(loud)) await pause(1);
}

function loud({ sound }: Piece): boolean {
  const microphone = sound.subarray(1024);
  return Math.sqrt(microphone.reduce((sum, sample) => sum + sample * sample, 0) / microphone.length) > LOUD;
}

/** s16le in base64. */
function pcm(recorded: Piece[], channel: number): string {
  const samples = recorded.flatMap(({ sound }) => Array.from(sound.subarray(channel * 512, (channel + 1) * 512)));
  return base64(Int16Array.from(samples, (sample) => Math.max(-1, Math.min(1, sample)) * 32767));
}

function base64(samples: Int16Array): string {
  const octets = new Uint8Array(samples.buffer);
  let text = "";
  for (let at = 0; at < octets.length; at += 8192) text += String.fromCharCode(...octets.subarray(at, at + 8192));
  return btoa(text);
}

function pause(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forMs));
}

/** Each signal as the loudspeaker would play it. */
async function signals(): Promise<Record<string, string>> {
  const rendered: Record<string, string> = {};
  for (const signal of Object.keys(SIGNALS) as Signal[]) {
    const context = new OfflineAudioContext(1, 2 * 48_000, 48_000);
    sound(context, context.destination, signal);
    const samples = (await context.startRendering()).getChannelData(0);
    rendered[signal] = base64(Int16Array.from(samples, (sample) => sample * 32767));
  }
  return rendered;
}

/** From now on the browser refuses the microphone with this DOMException. */
function refuseMicrophone(name: string): void {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", name));
}

/** Presses and releases; gives the reason why the microphone cannot be had, undefined if it can. */
async function press(): Promise<string | undefined> {
  try {
    await (await voice.capture(() => undefined)).stop();
    return undefined;
  } catch (error) {
    return error instanceof MicrophoneError ? error.reason : String(error);
  }
}

/** Loses the microphone in the middle of an utterance; gives the reason that was told. */
async function loseWhileTalking(): Promise<string> {
  let lost: (error: MicrophoneError) => void;
  const told = new Promise<MicrophoneError>((resolve) => (lost = resolve));
  const capture = await voice.capture(
    () => undefined,
    (error) => lost(error),
  );
  unplug();
  const { reason } = await told;
  await capture.stop();
  return reason;
}

/** What a page can see of a voice; undefined before it is open. */
function state() {
  if (voice === undefined) return undefined;
  const { audible, microphoneOpen, microphoneMuted, canChooseOutput } = voice;
  return { audible, microphoneOpen, microphoneMuted, canChooseOutput, audibleAtOpen, told };
}

/** Ends the track as the browser does when the device is unplugged or the permission is taken back. */
function unplug(): void {
  const track = voice["microphone"]["stream"]!.getAudioTracks()[0]!;
  track.stop(); // which fires no event when a page does it
  track.dispatchEvent(new Event("ended"));
}

/** A burst of given payloads, one each 20 ms. */
async function hear(payloads: number[][]) {
  pieces = [];
  const ssrc = (bursts += 1);
  voice.burstBegins({ group: "raw", ssrc });
  for (const [n, payload] of payloads.entries()) {
    voice.hear(ssrc, n, n * 960, Uint8Array.from(payload));
    await pause(20);
  }
  voice.burstEnds(ssrc);
  await pause(DRAIN_MS);
  const sound = pcm(pieces, 0);
  return { sound, burst: (await voice.statistics()).bursts.find((burst) => burst.ssrc === ssrc) };
}

const page = { open, say, hear, signals, press, refuseMicrophone, loseWhileTalking, state, unplug };
Object.assign(window, { page });
// What a test calls counts as a gesture of the user; this does not
if (location.search === "?open") void open({ warm: false });
