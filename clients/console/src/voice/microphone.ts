/** The microphone: permission, choice of device, kept warm, and what to do when it goes away. */
import { MicrophoneError } from "../radio/voice";

type Reason = MicrophoneError["reason"];

// W3C Media Capture and Streams §10.2 (getUserMedia) names them
const REASONS: Readonly<Record<string, Reason>> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "absent",
  OverconstrainedError: "absent",
  NotReadableError: "busy",
  AbortError: "busy",
};

export interface MicrophoneOptions {
  /** Of `MediaDeviceInfo`; when it is not there, the system's choice is taken. */
  readonly deviceId?: string | undefined;
  /** Echo cancellation, noise suppression, level control: off for a good headset in a quiet room. */
  readonly processing: boolean;
}

/** Gives its sound to `target` while it is open. */
export class Microphone {
  private stream: MediaStream | undefined;
  private source: MediaStreamAudioSourceNode | undefined;
  private opening: Promise<void> | undefined;
  private wanted = false;

  /** `lost`: it went away and no other could be had. `changed`: something that a page shows has changed. */
  constructor(
    private readonly context: AudioContext,
    private readonly target: AudioNode,
    private options: MicrophoneOptions,
    private readonly lost: (error: MicrophoneError) => void,
    private readonly changed: () => void,
  ) {}

  get isOpen(): boolean {
    return this.stream !== undefined;
  }

  /** Whether the system or a switch on the device has muted it: it is open, and hears silence. */
  get isMuted(): boolean {
    return this.track?.muted ?? false;
  }

  /** The device in use. */
  get deviceId(): string | undefined {
    return this.track?.getSettings().deviceId;
  }

  /** Asks for the microphone, unless it is open. Throws MicrophoneError. */
  async open(): Promise<void> {
    this.wanted = true;
    if (this.stream !== undefined) return;
    this.opening ??= this.connect().finally(() => (this.opening = undefined));
    await this.opening;
  }

  /** Lets go of the device: the browser's sign for it goes out. */
  close(): void {
    this.wanted = false;
    this.disconnect();
  }

  /** Another device, or other processing: takes the place of the one in use at once. Throws MicrophoneError. */
  async use(options: MicrophoneOptions): Promise<void> {
    this.options = options;
    if (!this.wanted) return;
    await this.opening?.catch(() => undefined);
    this.disconnect();
    await this.open();
  }

  /** Devices came or went: goes back to the chosen one. */
  async reconsider(): Promise<void> {
    const { deviceId } = this.options;
    if (!this.wanted || deviceId === undefined || deviceId === this.deviceId) return;
    const devices = await navigator.mediaDevices.enumerateDevices();
    if (devices.some((device) => device.kind === "audioinput" && device.deviceId === deviceId)) await this.replace();
  }

  private get track(): MediaStreamTrack | undefined {
    return this.stream?.getAudioTracks()[0];
  }

  private async connect(): Promise<void> {
    const stream = await ask(this.options);
    if (!this.wanted) return stop(stream); // closed while the user was asked
    this.stream = stream;
    this.source = new MediaStreamAudioSourceNode(this.context, { mediaStream: stream });
    this.source.connect(this.target);
    const track = this.track!;
    track.onended = () => void this.replace(); // unplugged, or the permission was taken back
    track.onmute = track.onunmute = this.changed;
    this.changed();
  }

  private disconnect(): void {
    if (this.stream === undefined) return;
    this.track!.onended = null;
    this.source!.disconnect();
    stop(this.stream);
    this.stream = this.source = undefined;
    this.changed();
  }

  private async replace(): Promise<void> {
    this.disconnect();
    try {
      await this.open();
    } catch (error) {
      this.wanted = false;
      this.lost(error as MicrophoneError);
    }
  }
}

async function ask({ deviceId, processing }: MicrophoneOptions): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) throw new MicrophoneError("unsupported"); // no https
  const audio: MediaTrackConstraints = {
    channelCount: 1,
    echoCancellation: processing,
    noiseSuppression: processing,
    autoGainControl: processing,
  };
  if (deviceId !== undefined) audio.deviceId = { ideal: deviceId };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new MicrophoneError(REASONS[(error as DOMException).name] ?? "unsupported");
  }
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
