/** Time, line and sound of a radio in a test: nothing passes by itself. */
import { encodeFloor, MessageType, type FloorMessage } from "../../src/protocol/floor_control";
import type { Affiliation } from "../../src/protocol/messages";
import type { Octets } from "../../src/protocol/octets";
import { decodeRtcp } from "../../src/protocol/rtcp";
import { decodeRtp, type RtpPacket } from "../../src/protocol/rtp";
import type { Clock } from "../../src/radio/clock";
import { MediaLink } from "../../src/radio/media";
import type { SignallingClient } from "../../src/radio/signalling";
import { Talkgroup } from "../../src/radio/talkgroup";
import type { Capture, CapturedFrame, Voice } from "../../src/radio/voice";

export class SimulatedClock implements Clock {
  #now = 1000;
  readonly #timers = new Set<{ at: number; act: () => void }>();

  now(): number {
    return this.#now;
  }
  utcMs(): number {
    return 1_790_000_000_000 + this.#now * 1000;
  }
  after(seconds: number, act: () => void): () => void {
    const timer = { at: this.#now + seconds, act };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Lets so many seconds pass, each timer in its turn, and whatever was promised meanwhile. */
  async passes(seconds: number): Promise<void> {
    const until = this.#now + seconds;
    await settled();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.act();
      await settled();
    }
    this.#now = until;
  }

  #next(until: number) {
    const due = [...this.#timers].filter(({ at }) => at <= until).sort((one, other) => one.at - other.at);
    return due[0];
  }
}

/** Everything that is promised and waits for nothing outside. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** The connection as media use it. */
export class Line {
  heardAt = 0;
  readonly voice: RtpPacket[] = [];
  readonly control: string[] = [];

  sendVoice(packet: Octets): void {
    this.voice.push(decodeRtp(packet));
  }
  sendControl(packet: Octets): void {
    for (const found of decodeRtcp(packet)) this.control.push(found.kind === "floor" ? NAMES[found.type]! : found.kind);
  }
  asLink(): SignallingClient {
    return this as unknown as SignallingClient;
  }
  /** What was sent since it was asked last, without keep-alives. */
  asked(): string[] {
    return this.control.splice(0).filter((name) => name in MessageType);
  }
}

const NAMES: Record<number, string> = Object.fromEntries(
  Object.entries(MessageType).map(([name, type]) => [type, name]),
);

/** A microphone that says what the test says, and a loudspeaker that notes what it plays. */
export class Sound implements Voice {
  readonly played: string[] = [];
  readonly heard: number[] = [];
  /** What `capture` rejects with. */
  broken: Error | undefined;
  /** Frames that the encoder still has when the key goes up. */
  tail: number[] = [];
  captures = 0;
  #give: ((frame: CapturedFrame) => void) | undefined;

  say(...numbers: number[]): void {
    for (const number of numbers) this.#give?.({ opus: Uint8Array.of(number % 256), capturedAt: 0 });
  }
  async capture(give: (frame: CapturedFrame) => void): Promise<Capture> {
    if (this.broken !== undefined) throw this.broken;
    this.captures += 1;
    this.#give = give;
    return {
      stop: async () => {
        await settled(); // the encoder takes its time
        for (const number of this.tail.splice(0)) give({ opus: Uint8Array.of(number), capturedAt: 0 });
      },
    };
  }
  burstBegins({ ssrc }: { ssrc: number }): void {
    this.played.push(`begins ${ssrc}`);
  }
  burstEnds(ssrc: number): void {
    this.played.push(`ends ${ssrc}`);
  }
  hear(_ssrc: number, sequence: number): void {
    this.heard.push(sequence);
  }
  setChannel(): void {}
  play(signal: string): void {
    this.played.push(signal);
  }
}

export const CONTROL = 0x30000003;
export const AFFILIATION: Affiliation = {
  group: "grp_00000000000000b1",
  name: "Patrol",
  priority: 100,
  listen_only: false,
  ssrc: 0x20000002,
  control_ssrc: CONTROL,
  epoch: { key: "", salt: "", number: 1 },
  roster: { count: 2 },
};

/** A group on a line, with a clock and sound. */
export function simulatedGroup() {
  const clock = new SimulatedClock();
  const line = new Line();
  const sound = new Sound();
  let silences = 0;
  const facts = { ssrc: 1, serverSsrc: 5, keepaliveIntervalS: 15 };
  const media = new MediaLink(
    facts,
    clock,
    () => {},
    () => (silences += 1),
  );
  media.use(line.asLink());
  const group = new Talkgroup(AFFILIATION, media, sound, clock);
  let sequenceNumber = 0;
  const says = (type: keyof typeof MessageType, fields: Partial<FloorMessage> = {}) => {
    sequenceNumber += 1;
    line.heardAt = clock.now();
    media.receive(encodeFloor({ kind: "floor", type: MessageType[type], ssrc: CONTROL, sequenceNumber, ...fields }));
  };
  return { clock, line, sound, media, group, says, silences: () => silences };
}

export function numbers(packets: readonly RtpPacket[]): number[] {
  return packets.map(({ payload }) => payload[0]!);
}
