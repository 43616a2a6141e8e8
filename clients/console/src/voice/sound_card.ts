/** The page's one AudioContext with its two processors, and the browser's leave to make sound. */
import processors from "./sound_card.worklet.ts?worker&url";
import type { ToLoudspeaker, ToMicrophone } from "./threads";

const GESTURES = ["pointerdown", "keydown", "touchend"] as const;

export class SoundCard {
  private constructor(
    readonly context: AudioContext,
    readonly microphone: AudioWorkletNode,
    private readonly loudspeaker: AudioWorkletNode,
  ) {
    loudspeaker.connect(context.destination);
    // Nothing comes out, but what leads nowhere is not run
    microphone.connect(context.destination);
  }

  static async open(): Promise<SoundCard> {
    const context = new AudioContext({ latencyHint: "interactive" });
    await context.audioWorklet.addModule(processors);
    const microphone = new AudioWorkletNode(context, "ptt-microphone", {
      channelCount: 1,
      channelCountMode: "explicit",
      outputChannelCount: [1],
    });
    const loudspeaker = new AudioWorkletNode(context, "ptt-loudspeaker", {
      numberOfInputs: 0,
      outputChannelCount: [2],
    });
    return new SoundCard(context, microphone, loudspeaker);
  }

  /** Ports to the microphone's and the loudspeaker's processor, for the worker. */
  ports(): [MessagePort, MessagePort] {
    const [microphone, loudspeaker] = [new MessageChannel(), new MessageChannel()];
    this.order({ kind: "port", port: microphone.port1 }, [microphone.port1]);
    const port: ToLoudspeaker = { port: loudspeaker.port1 };
    this.loudspeaker.port.postMessage(port, [loudspeaker.port1]);
    return [microphone.port2, loudspeaker.port2];
  }

  order(message: ToMicrophone, transferred: Transferable[] = []): void {
    this.microphone.port.postMessage(message, transferred);
  }

  /** Whether sound can be heard and made: browsers want a gesture first. */
  get running(): boolean {
    return this.context.state === "running";
  }

  /** Asks again at every gesture while the browser keeps the sound off. Calls `changed` when `running` does. */
  wakeAtGestures(changed: () => void, ended: AbortSignal): void {
    const wake = (): void => void this.resume();
    for (const gesture of GESTURES) addEventListener(gesture, wake, { capture: true, passive: true, signal: ended });
    navigator.mediaDevices?.addEventListener("devicechange", wake, { signal: ended });
    this.context.addEventListener("statechange", changed, { signal: ended });
    wake();
  }

  /** Best called from a gesture. The promise may stay open until there is one, so it is not waited for. */
  async resume(): Promise<void> {
    if (this.context.state !== "running" && this.context.state !== "closed") await this.context.resume();
  }

  get canChooseOutput(): boolean {
    return "setSinkId" in this.context;
  }

  /** Plays on another device; "" is the system's own choice. Throws the browser's DOMException. */
  async chooseOutput(deviceId: string): Promise<void> {
    await (this.context as AudioContext & { setSinkId(id: string): Promise<void> }).setSinkId(deviceId);
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}
