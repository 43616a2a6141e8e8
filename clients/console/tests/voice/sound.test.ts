/** What is done to samples: framing, other sample rates, concealment, mixing, tones. */
import { describe, expect, test } from "vitest";
import { FadingRepeat } from "../../src/voice/concealment";
import { Framer } from "../../src/voice/framing";
import { add, gainsOf, limit } from "../../src/voice/mixing";
import { Resampler } from "../../src/voice/resampler";
import { SoundQueue } from "../../src/voice/sound_queue";
import { SIGNALS } from "../../src/voice/tones";
import { range } from "./talk";

function sine(hz: number, rateHz: number, count: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, n) => 0.5 * Math.sin((2 * Math.PI * hz * n) / rateHz));
}

function rms(sound: Float32Array): number {
  return Math.sqrt(sound.reduce((sum, sample) => sum + sample * sample, 0) / sound.length);
}

function joined(pieces: Float32Array[]): Float32Array<ArrayBuffer> {
  return Float32Array.from(pieces.flatMap((piece) => Array.from(piece)));
}

function inPieces(sound: Float32Array<ArrayBuffer>, size: number): Float32Array<ArrayBuffer>[] {
  return range(0, Math.ceil(sound.length / size)).map((n) => sound.slice(n * size, (n + 1) * size));
}

describe("framing", () => {
  test.each([1, 128, 256, 441, 960, 5000])("pieces of %i samples give the same frames", (size) => {
    const framer = new Framer(960);
    const spoken = sine(440, 48_000, 4000);
    const frames = inPieces(spoken, size).flatMap((piece) => framer.push(piece));
    expect(frames.map((frame) => frame.length)).toEqual([960, 960, 960, 960]);
    expect(framer.waiting).toBe(160);
    const rest = framer.rest()!;
    expect(joined([...frames, rest])).toEqual(joined([spoken, new Float32Array(800)]));
    expect(framer.rest()).toBeUndefined();
  });
});

describe("resampling", () => {
  test.each([
    [44_100, 48_000],
    [48_000, 44_100],
    [16_000, 48_000],
    [48_000, 16_000],
    [96_000, 48_000],
  ])("%i to %i Hz keeps a tone what it is, wherever the pieces are cut", (from, to) => {
    const resampler = new Resampler(from, to);
    const heard = joined([...inPieces(sine(1000, from, from), 128).map((p) => resampler.push(p)), resampler.flush()]);
    expect(Math.abs(heard.length - to)).toBeLessThanOrEqual(1);
    const [edge, until] = [to / 100, to - to / 100]; // the tone starts and ends with a step, which rings
    const error = heard.map((sample, n) => sample - 0.5 * Math.sin((2 * Math.PI * 1000 * n) / to));
    expect(rms(error.slice(edge, until))).toBeLessThan(0.001);
  });

  test("what the lower rate cannot carry is taken out", () => {
    const resampler = new Resampler(48_000, 16_000);
    const heard = joined(inPieces(sine(11_000, 48_000, 48_000), 480).map((piece) => resampler.push(piece)));
    expect(rms(heard.slice(200))).toBeLessThan(0.002);
  });

  test("equal rates change nothing", () => {
    const resampler = new Resampler(48_000, 48_000);
    const spoken = sine(440, 48_000, 480);
    expect(resampler.push(spoken)).toEqual(spoken);
    expect(resampler.flush()).toHaveLength(0);
  });
});

describe("concealment without a decoder", () => {
  test("goes on without a step, fades, and is silent in the end", () => {
    const repeat = new FadingRepeat();
    const last = sine(200, 48_000, 960);
    repeat.heard(last);
    const guesses = range(0, 8).map(() => repeat.guess(960));
    const whole = joined([last, ...guesses]);
    const steps = whole.slice(1).map((sample, n) => Math.abs(sample - whole[n]!));
    expect(Math.max(...steps)).toBeLessThan(0.02);
    const levels = guesses.map(rms);
    expect(levels[0]).toBeGreaterThan(0.15);
    range(1, 6).forEach((n) => expect(levels[n]).toBeLessThan(levels[n - 1]!));
    expect(levels.slice(6)).toEqual([0, 0]);
  });

  test("with nothing heard before there is nothing to repeat", () => {
    expect(rms(new FadingRepeat().guess(960))).toBe(0);
  });
});

describe("mixing", () => {
  const voice = new Float32Array(480).fill(0.5);

  function ears(volume: number, pan: number, muted = false): [number, number] {
    const [left, right] = [new Float32Array(480), new Float32Array(480)];
    const gains = gainsOf({ volume, pan, muted });
    add(left, right, voice, gains, gains);
    return [rms(left), rms(right)];
  }

  test("pan puts a voice to one side, equally loud", () => {
    expect(ears(1, -1)).toEqual([expect.closeTo(0.5), expect.closeTo(0)]);
    expect(ears(1, 1)).toEqual([expect.closeTo(0), expect.closeTo(0.5)]);
    const [left, right] = ears(1, 0);
    expect(left).toBeCloseTo(right);
    expect(Math.hypot(left, right)).toBeCloseTo(0.5);
  });

  test("volume and mute do what they say, whatever a page hands over", () => {
    expect(ears(0.5, -1)[0]).toBeCloseTo(0.25);
    expect(ears(7, -9)[0]).toBeCloseTo(0.5);
    expect(ears(1, 0, true)).toEqual([0, 0]);
  });

  test("gains glide", () => {
    const [left, right] = [new Float32Array(480), new Float32Array(480)];
    add(left, right, voice, { left: 0, right: 1 }, { left: 1, right: 0 });
    expect([left[0], right[0]]).toEqual([0, 0.5]);
    expect(left[240]).toBeCloseTo(0.25);
    const steps = left.slice(1).map((sample, n) => Math.abs(sample - left[n]!));
    expect(Math.max(...steps)).toBeLessThan(0.002);
  });

  test("twenty voices at once stay within bounds, one stays as it was", () => {
    const crowd = new Float32Array(480).fill(20 * 0.5);
    limit(crowd);
    expect(Math.max(...crowd)).toBeLessThanOrEqual(1);
    const alone = voice.slice();
    limit(alone);
    expect(alone).toEqual(voice);
  });
});

describe("the queue of sound", () => {
  test("is taken in order, and no further than what is there", () => {
    const queue = new SoundQueue();
    const [first, second] = [queue.reserve(4), queue.reserve(4)];
    expect([queue.length, queue.ready(1)]).toEqual([8, false]);
    first.sound = Float32Array.of(1, 2, 3, 4);
    expect([queue.ready(4), queue.ready(5)]).toEqual([true, false]);
    const block = new Float32Array(6);
    expect(queue.take(block)).toBe(4);
    second.sound = Float32Array.of(5, 6, 7, 8, 9);
    expect(queue.take(block)).toBe(5);
    expect(Array.from(block.subarray(0, 5))).toEqual([5, 6, 7, 8, 9]);
    expect([queue.length, queue.ready(480)]).toEqual([0, true]);
  });

  test("only a whole quiet piece is dropped, and never a part that was begun", () => {
    const queue = new SoundQueue();
    const pieces = [
      [0, 0, 0, 0],
      [0, 0.001, 0, 0],
      [0, 0.5, 0, 0],
    ];
    for (const piece of pieces) queue.reserve(4).sound = Float32Array.from(piece);
    queue.take(new Float32Array(2));
    expect([queue.dropQuiet(0.003), queue.dropQuiet(0.003), queue.length]).toEqual([4, 0, 6]);
  });
});

test.each(Object.entries(SIGNALS))(
  "the tones of %s follow each other and are audible on a small loudspeaker",
  (_, tones) => {
    tones.forEach(({ hz, atMs, forMs }, n) => {
      expect(hz).toBeGreaterThanOrEqual(300);
      expect(hz).toBeLessThanOrEqual(3000);
      expect(forMs).toBeGreaterThanOrEqual(50);
      expect(atMs).toBeGreaterThanOrEqual(n === 0 ? 0 : tones[n - 1]!.atMs + tones[n - 1]!.forMs);
    });
  },
);
