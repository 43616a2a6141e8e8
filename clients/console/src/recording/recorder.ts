/** Records talk bursts while they are heard: each second of voice is sealed and on the disk before the next. */

import type { Bytes } from "./bytes";
import { BurstSealer, type About, type RecordedFrame } from "./burstFile";
import { StorageFull, type Files } from "./files";

/** `full`: the browser has no room, so nothing is recorded until there is some; `failed`: the files cannot be written. */
export type RecorderState = "off" | "on" | "full" | "failed";

const FLUSH_FRAMES = 50;
const SUFFIX = ".burst";

export const isBurstFile = (name: string): boolean => name.endsWith(SUFFIX);

/** Times come from the caller: UTC milliseconds. */
export class Recorder {
  state: RecorderState = "off";
  onChange: () => void = () => {};
  /** Called with the name of a file to which nothing is added any more. */
  onRecorded: (name: string) => void = () => {};
  private readonly bursts = new Map<number, OpenBurst>();

  constructor(
    private readonly files: Files,
    private readonly key: CryptoKey,
  ) {}

  start(): void {
    this.become("on");
  }

  /** What is being recorded is finished first. */
  async stop(nowMs: number): Promise<void> {
    const open = [...this.bursts.keys()];
    this.become("off");
    await Promise.all(open.map((ssrc) => this.end(ssrc, nowMs)));
  }

  /** Whether `begin` would do something. */
  wants(ssrc: number): boolean {
    return this.state === "on" && !this.bursts.has(ssrc);
  }

  begin(ssrc: number, about: About): void {
    if (!this.wants(ssrc)) return;
    const name = `${about.startedMs}-${crypto.randomUUID()}${SUFFIX}`;
    this.bursts.set(ssrc, new OpenBurst(this.files, this.key, name, about, (error) => this.fails(error)));
  }

  /** A voice packet; twice, late and out of order as packets come. */
  hear(ssrc: number, sequence: number, timestamp: number, opus: Uint8Array): void {
    this.bursts.get(ssrc)?.hear(sequence, timestamp, opus);
  }

  async end(ssrc: number, endedMs: number): Promise<void> {
    const burst = this.bursts.get(ssrc);
    if (burst === undefined) return;
    this.bursts.delete(ssrc);
    await burst.end(endedMs);
    this.onRecorded(burst.name);
  }

  /** What is on the disk stays there, as interrupted. */
  private fails(error: unknown): void {
    const open = [...this.bursts.values()];
    this.bursts.clear();
    this.become(error instanceof StorageFull ? "full" : "failed");
    for (const { name } of open) this.onRecorded(name);
  }

  private become(state: RecorderState): void {
    if (this.state === state) return;
    this.state = state;
    this.onChange();
  }
}

/** One burst that is being heard. */
class OpenBurst {
  private readonly sealer: BurstSealer;
  private heard = new Map<number, RecordedFrame>();
  private reference: number | undefined; // RTP timestamp of the packet that came first
  private start: number | undefined; // offset of the burst's first frame from it
  private writtenTo = -1; // sequence number
  private turn: Promise<void> = Promise.resolve();
  private failed = false;

  constructor(
    private readonly files: Files,
    key: CryptoKey,
    readonly name: string,
    about: About,
    private readonly onFailure: (error: unknown) => void,
  ) {
    this.sealer = new BurstSealer(key, name);
    this.write(() => this.sealer.about(about));
  }

  hear(sequence: number, timestamp: number, opus: Uint8Array): void {
    if (sequence <= this.writtenTo) return;
    this.reference ??= timestamp;
    const offset = (timestamp - this.reference) | 0; // RTP timestamps are modulo 2^32
    this.heard.set(sequence, { timestamp: offset, opus: opus.slice() });
    if (this.heard.size >= FLUSH_FRAMES) this.flush();
  }

  async end(endedMs: number): Promise<void> {
    this.flush();
    this.write(() => this.sealer.end(endedMs));
    await this.turn;
  }

  private flush(): void {
    if (this.heard.size === 0) return;
    const inOrder = [...this.heard].sort(([one], [other]) => one - other);
    this.heard = new Map();
    this.writtenTo = inOrder.at(-1)![0];
    const start = (this.start ??= inOrder[0]![1].timestamp);
    const frames = inOrder.map(([, { timestamp, opus }]) => ({ timestamp: timestamp - start, opus }));
    this.write(() => this.sealer.voice(frames));
  }

  private write(sealed: () => Promise<Bytes>): void {
    this.turn = this.turn.then(async () => {
      if (this.failed) return;
      try {
        await this.files.append(this.name, await sealed());
      } catch (error) {
        this.failed = true;
        this.onFailure(error);
      }
    });
  }
}
