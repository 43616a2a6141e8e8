/**
 * All talk bursts that are heard, mixed into the two ears in blocks of 10 ms and sent to the loudspeaker ahead of time.
 *
 * 1. The loudspeaker tells how much it has played; what it still has is the lead (`lead.ts`).
 * 2. While the lead is short, each burst has a block decoded. Decoders answer later: mixing waits for them,
 *    unless the loudspeaker would run dry.
 * 3. Each burst is added with the gains of its group, the sum is limited, and brought to the sound card's rate.
 * 4. When the last burst is finished, the loudspeaker is told that silence follows on purpose.
 */
import type { Channel, HeardBurst } from "../radio/voice";
import { INITIAL_DELAY_S, type VoicePacket } from "./jitter_buffer";
import { Lead } from "./lead";
import { add, FULL, gainsOf, limit, type Gains } from "./mixing";
import { Playout, RATE_HZ, type Decoder } from "./playout";
import { Resampler } from "./resampler";

export const BLOCK_SAMPLES = 480;
export const MAX_BURSTS = 128; // bounds memory, should nobody tell that bursts end
const MAX_FINISHED = 200;
const BLOCK_S = BLOCK_SAMPLES / RATE_HZ;

/** Where mixed sound goes; pieces at the sound card's rate. */
export interface Loudspeaker {
  play(left: Float32Array<ArrayBuffer>, right: Float32Array<ArrayBuffer>): void;
  /** Silence follows until the next `play`. */
  rest(): void;
}

export type BurstStatistics = HeardBurst & Playout["statistics"];

interface Burst {
  readonly heard: HeardBurst;
  readonly playout: Playout;
  gains: Gains;
}

/** Times are monotonic seconds. */
export class Mixer {
  /** Packets of bursts that nobody announced, or that came while no sound can be heard. */
  unheard = 0;
  /** Times that the loudspeaker ran dry. */
  underruns = 0;
  private readonly bursts = new Map<number, Burst>();
  private readonly finished: BurstStatistics[] = [];
  private readonly channels = new Map<string, Channel>();
  private readonly delaysS = new Map<string, number>(); // of each group's last burst
  private readonly voice = new Float32Array(BLOCK_SAMPLES);
  private readonly lead: Lead;
  private ears: [Resampler, Resampler];
  private audible = false;
  private playing = false;
  private sent = 0; // frames of the sound card
  private played = 0;

  constructor(
    private readonly cardHz: number,
    deviceS: number,
    private readonly loudspeaker: Loudspeaker,
    private readonly makeDecoder: () => Decoder,
  ) {
    this.lead = new Lead(deviceS);
    this.ears = this.makeEars();
  }

  /** Whether the loudspeaker runs. While it does not, voice is dropped: nobody wants it minutes later. */
  setAudible(audible: boolean): void {
    this.audible = audible;
    if (!audible) for (const ssrc of [...this.bursts.keys()]) this.drop(ssrc);
  }

  setChannel(group: string, channel: Channel): void {
    this.channels.set(group, channel);
  }

  begin(heard: HeardBurst): void {
    if (!this.audible || this.bursts.has(heard.ssrc)) return;
    if (this.bursts.size >= MAX_BURSTS) this.drop(this.bursts.keys().next().value!);
    const playout = new Playout(this.makeDecoder(), this.delaysS.get(heard.group) ?? INITIAL_DELAY_S);
    this.bursts.set(heard.ssrc, { heard, playout, gains: this.gains(heard.group) });
  }

  hear(now: number, ssrc: number, packet: VoicePacket): void {
    const burst = this.bursts.get(ssrc);
    if (burst === undefined) this.unheard += 1;
    else burst.playout.push(now, packet);
    if (!this.playing) this.fill(now); // else the loudspeaker keeps time
  }

  end(now: number, ssrc: number): void {
    this.bursts.get(ssrc)?.playout.end(now);
  }

  /** The loudspeaker has played `frames` since it exists, and ran dry `underruns` times. */
  tick(now: number, frames: number, underruns: number): void {
    this.played = frames;
    if (underruns > this.underruns) this.lead.ranDry(now);
    this.underruns = underruns;
    this.fill(now);
  }

  /** Sends as many blocks as the lead lacks. Call when a decoder has given sound, too. */
  fill(now: number): void {
    this.dropFinished(now);
    if (!this.audible || this.bursts.size === 0) return this.rest();
    while (this.leadS < this.lead.targetS(now)) {
      for (const { playout } of this.bursts.values()) playout.prepare(now, BLOCK_SAMPLES);
      if (this.leadS > BLOCK_S && !this.allReady()) return;
      this.send(this.mix());
    }
  }

  statistics(): BurstStatistics[] {
    return [...this.finished, ...[...this.bursts.values()].map(account)];
  }

  private get leadS(): number {
    return (this.sent - this.played) / this.cardHz;
  }

  private allReady(): boolean {
    return [...this.bursts.values()].every(({ playout }) => playout.ready(BLOCK_SAMPLES));
  }

  private mix(): [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>] {
    const left = new Float32Array(BLOCK_SAMPLES);
    const right = new Float32Array(BLOCK_SAMPLES);
    for (const burst of this.bursts.values()) {
      const gains = this.gains(burst.heard.group);
      burst.playout.pull(this.voice);
      add(left, right, this.voice, burst.gains, gains);
      burst.gains = gains;
    }
    limit(left);
    limit(right);
    return [this.ears[0].push(left), this.ears[1].push(right)];
  }

  private send([left, right]: [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>]): void {
    this.sent += left.length;
    this.playing = true;
    this.loudspeaker.play(left, right);
  }

  private rest(): void {
    if (!this.playing) return;
    this.send([this.ears[0].flush(), this.ears[1].flush()]);
    this.ears = this.makeEars();
    this.playing = false;
    this.loudspeaker.rest();
  }

  private dropFinished(now: number): void {
    for (const [ssrc, { heard, playout }] of this.bursts) {
      if (!playout.finished(now)) continue;
      this.delaysS.set(heard.group, playout.targetDelayS);
      this.drop(ssrc);
    }
  }

  private drop(ssrc: number): void {
    const burst = this.bursts.get(ssrc)!;
    this.bursts.delete(ssrc);
    burst.playout.close();
    this.finished.push(account(burst));
    if (this.finished.length > MAX_FINISHED) this.finished.shift();
  }

  private gains(group: string): Gains {
    return gainsOf(this.channels.get(group) ?? FULL);
  }

  private makeEars(): [Resampler, Resampler] {
    return [new Resampler(RATE_HZ, this.cardHz), new Resampler(RATE_HZ, this.cardHz)];
  }
}

function account({ heard, playout }: Burst): BurstStatistics {
  return { ...heard, ...playout.statistics };
}
