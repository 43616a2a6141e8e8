/** Playout and mixer in simulated time, with decoders that answer at once, late, or badly. */
import { describe, expect, test } from "vitest";
import { Lead, LEAST_S, MOST_S } from "../../src/voice/lead";
import { BLOCK_SAMPLES, MAX_BURSTS, Mixer } from "../../src/voice/mixer";
import { Playout, RATE_HZ, type Decoder } from "../../src/voice/playout";
import type { Place, SoundQueue } from "../../src/voice/sound_queue";
import { packet, range, TICK_S } from "./talk";

const BLOCK_S = BLOCK_SAMPLES / RATE_HZ;
const VOLUME = 1 / 1000;

/** Each packet sounds like its number, in thousandths; a guess is 0.5. */
class FakeDecoder implements Decoder {
  readonly undecodable = 0;
  closed = false;
  private late: (() => void)[] = [];

  constructor(private readonly answersLate = false) {}

  decode(payload: Uint8Array, durationMs: number, place: Place): void {
    const answer = (): void => {
      place.sound = new Float32Array(durationMs * 48).fill(payload[2]! * VOLUME);
    };
    if (this.answersLate) this.late.push(answer);
    else answer();
  }

  conceal(durationMs: number, queue: SoundQueue): void {
    queue.reserve(durationMs * 48).sound = new Float32Array(durationMs * 48).fill(0.5);
  }

  answer(): void {
    for (const answer of this.late.splice(0)) answer();
  }

  close(): void {
    this.closed = true;
  }
}

/** The values that a burst sounded like, each once in a row. */
function values(sound: number[]): number[] {
  const rounded = sound.map((sample) => Math.round(sample / VOLUME));
  return rounded.filter((value, n) => n === 0 || value !== rounded[n - 1]);
}

describe("playout", () => {
  function hear(playout: Playout, arrivals: [number, number][], until: number): number[] {
    const coming = [...arrivals];
    const sound: number[] = [];
    const block = new Float32Array(BLOCK_SAMPLES);
    for (let now = 0.001; now < until; now += BLOCK_S) {
      while (coming.length > 0 && coming[0]![0] <= now) {
        const [at, number] = coming.shift()!;
        playout.push(at, packet(number));
      }
      if (coming.length === 0) playout.end(now);
      playout.prepare(now, BLOCK_SAMPLES);
      playout.pull(block);
      sound.push(...block);
    }
    return sound;
  }

  test("a burst is played to its end, sample by sample, and is finished then", () => {
    const playout = new Playout(new FakeDecoder());
    const sound = hear(
      playout,
      range(1, 51).map((n) => [n * TICK_S, n]),
      1.5,
    );
    expect(values(sound)).toEqual([0, ...range(1, 51), 0]);
    expect(sound.filter((sample) => sample !== 0)).toHaveLength(50 * 960);
    expect(playout.finished(1.5)).toBe(true);
  });

  test("it is not finished while stragglers may come", () => {
    const playout = new Playout(new FakeDecoder());
    playout.end(1);
    expect([playout.finished(1), playout.finished(1.1), playout.finished(1.3)]).toEqual([false, false, true]);
  });

  test("pre-roll is played whole, and its pauses are shortened until the listener has caught up", () => {
    const spoken = range(1, 76).map((n): [number, number] => [0.001, n % 25 < 5 ? 0 : n]); // 1.5 s, 5 quiet in 25
    const live = range(76, 251).map((n): [number, number] => [(n - 75) * TICK_S, n % 25 < 5 ? 0 : n]);
    const numbered = [...spoken, ...live].map(([at, value], n) => ({ at, value, n }));
    const playout = new Playout(new FakeDecoder());
    const sound: number[] = [];
    const block = new Float32Array(BLOCK_SAMPLES);
    for (let now = 0.001; now < 6; now += BLOCK_S) {
      for (const { at, value, n } of numbered.filter(({ at }) => at > now - BLOCK_S && at <= now)) {
        const { sequence, timestamp } = packet(n);
        playout.push(at, { sequence, timestamp, payload: Uint8Array.of(9 << 3, 0x80, value) });
      }
      playout.prepare(now, BLOCK_SAMPLES);
      playout.pull(block);
      sound.push(...block);
    }
    const said = range(1, 251).filter((n) => n % 25 >= 5);
    expect(values(sound).filter((value) => value > 0 && value < 500)).toEqual(said);
    expect(sound.filter((sample) => sample > 0 && sample < 0.4)).toHaveLength(said.length * 960);
    const { shortenedMs, delayMs } = playout.statistics;
    expect(shortenedMs).toBeGreaterThan(200);
    expect(delayMs).toBeLessThan(1500 - 0.9 * shortenedMs);
  });
});

describe("mixer", () => {
  /** A sound card that plays what it was sent. */
  class Stage {
    readonly left: number[] = [];
    readonly right: number[] = [];
    readonly decoders: FakeDecoder[] = [];
    rests = 0;
    played = 0;
    readonly mixer: Mixer;

    constructor(answersLate = false, cardHz = RATE_HZ) {
      const loudspeaker = {
        play: (left: Float32Array, right: Float32Array) => {
          this.left.push(...left);
          this.right.push(...right);
        },
        rest: () => (this.rests += 1),
      };
      this.mixer = new Mixer(cardHz, 0.01, loudspeaker, () => {
        this.decoders.push(new FakeDecoder(answersLate));
        return this.decoders.at(-1)!;
      });
      this.mixer.setAudible(true);
    }

    run(from: number, until: number, each: (now: number) => void = () => undefined): void {
      for (let now = from; now < until; now += BLOCK_S) {
        each(now);
        this.played = Math.min(this.left.length, this.played + BLOCK_SAMPLES);
        this.mixer.tick(now, this.played, 0);
      }
    }
  }

  function talk(stage: Stage, ssrc: number, group: string, count: number): void {
    stage.mixer.begin({ group, ssrc });
    range(0, count).forEach((n) => stage.mixer.hear(0, ssrc, packet(100 + n)));
    stage.mixer.end(0, ssrc);
  }

  test("groups are heard at their own side and volume, and the loudspeaker rests in the end", () => {
    const stage = new Stage();
    stage.mixer.setChannel("left", { volume: 1, pan: -1, muted: false });
    stage.mixer.setChannel("right", { volume: 0.5, pan: 1, muted: false });
    stage.mixer.setChannel("none", { volume: 1, pan: 0, muted: true });
    talk(stage, 1, "left", 10);
    talk(stage, 2, "right", 10);
    talk(stage, 3, "none", 10);
    stage.run(0, 1);
    expect(values(stage.left)).toEqual([0, ...range(100, 110)]);
    expect(Math.max(...stage.right)).toBeCloseTo(0.5 * 109 * VOLUME);
    expect([stage.rests, stage.decoders.every((decoder) => decoder.closed)]).toEqual([1, true]);
    expect(stage.mixer.statistics().map(({ group, played }) => [group, played])).toEqual([
      ["left", 10],
      ["right", 10],
      ["none", 10],
    ]);
  });

  test("it sends ahead, and no further than the lead", () => {
    const stage = new Stage();
    stage.mixer.begin({ group: "g", ssrc: 1 });
    stage.run(0, 2, (now) => {
      const ahead = (stage.left.length - stage.played) / RATE_HZ;
      expect(ahead).toBeLessThanOrEqual(LEAST_S + BLOCK_S);
      if (now > 0) expect(ahead).toBeGreaterThan(LEAST_S - 2 * BLOCK_S);
    });
  });

  test("it waits for slow decoders, but does not let the loudspeaker run dry", () => {
    const stage = new Stage(true);
    stage.mixer.setChannel("g", { volume: 1, pan: -1, muted: false });
    talk(stage, 1, "g", 10);
    stage.mixer.begin({ group: "other", ssrc: 2 });
    stage.run(0, 0.3);
    expect(Math.max(...stage.left)).toBe(0); // the decoder has not said a word
    expect(stage.left.length).toBeGreaterThanOrEqual(stage.played);
    expect(stage.mixer.statistics()[0]!.unready).toBeGreaterThan(0);
    stage.run(0.3, 1, () => stage.decoders.forEach((decoder) => decoder.answer()));
    expect(values(stage.left)).toEqual([0, ...range(100, 110), 0]);
  });

  test("at another rate of the sound card it takes as long", () => {
    const stage = new Stage(false, 44_100);
    stage.mixer.setChannel("g", { volume: 1, pan: -1, muted: false });
    talk(stage, 1, "g", 50);
    stage.run(0, 2);
    const sounding = stage.left.filter((sample) => sample > 50 * VOLUME).length;
    expect(sounding / 44_100).toBeCloseTo(1, 2);
  });

  test("what was never announced, and what nobody can hear, is dropped", () => {
    const stage = new Stage();
    stage.mixer.hear(0, 77, packet(0));
    talk(stage, 1, "g", 10);
    stage.mixer.setAudible(false);
    expect(stage.decoders[0]!.closed).toBe(true);
    talk(stage, 2, "g", 10);
    expect(stage.mixer.unheard).toBe(11);
    stage.mixer.setAudible(true);
    stage.left.length = 0;
    stage.run(0, 1);
    expect(stage.left).toEqual([]);
  });

  test("bursts that nobody ends do not pile up", () => {
    const stage = new Stage();
    for (const ssrc of range(0, MAX_BURSTS + 10)) stage.mixer.begin({ group: "g", ssrc });
    expect(stage.decoders.filter((decoder) => !decoder.closed)).toHaveLength(MAX_BURSTS);
  });
});

describe("lead", () => {
  test("it grows when the loudspeaker runs dry, up to a limit, and shrinks in calm times", () => {
    const lead = new Lead(0);
    expect(lead.targetS(0)).toBe(LEAST_S);
    lead.ranDry(1);
    const grown = lead.targetS(2);
    expect(grown).toBeGreaterThan(LEAST_S);
    for (const n of range(0, 100)) lead.ranDry(2 + n / 100);
    expect(lead.targetS(3)).toBe(MOST_S);
    expect(lead.targetS(32.5)).toBe(MOST_S);
    expect(lead.targetS(33.5)).toBeLessThan(MOST_S);
    for (const n of range(0, 100)) lead.targetS(40 + 31 * n);
    expect(lead.targetS(5000)).toBe(LEAST_S);
  });

  test("a device that fetches much at once is given more", () => {
    expect(new Lead(0.09).targetS(0)).toBeCloseTo(0.11);
    expect(new Lead(5).targetS(0)).toBe(MOST_S);
  });
});
