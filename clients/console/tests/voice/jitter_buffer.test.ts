/** All in simulated time. The cases of the handsets' buffer, without FEC. */
import { describe, expect, test } from "vitest";
import { JitterBuffer, type VoicePacket } from "../../src/voice/jitter_buffer";
import { numbersOf, packet, play, range, seeded, shapeOf, SILK_60_MS, steady, TICK_S, type Arrival } from "./talk";

test("a steady burst is played in order after the initial delay", () => {
  const buffer = new JitterBuffer(0.06);
  const heard = play(buffer, steady(range(0, 50)), 1.0);
  expect(numbersOf(heard)).toEqual(range(0, 47));
  expect(shapeOf(heard)).toBe("..." + "p".repeat(47));
  expect(buffer.statistics.delayMs).toBeGreaterThanOrEqual(60);
  expect(buffer.statistics.delayMs).toBeLessThanOrEqual(80);
});

test("packets that overtook each other are put back", () => {
  const arrivals = range(0, 40).map((n) => ({ at: n * TICK_S, packet: packet(n ^ 1) }));
  expect(numbersOf(play(new JitterBuffer(), arrivals, 1.2)).slice(0, 40)).toEqual(range(0, 40));
});

test("a lost frame is concealed", () => {
  const buffer = new JitterBuffer();
  const heard = play(buffer, steady(range(0, 30).filter((n) => n !== 10)), 0.4);
  expect(shapeOf(heard)).toBe("..." + "p".repeat(10) + "c" + "p".repeat(6));
  expect([buffer.statistics.lost, buffer.statistics.concealed]).toEqual([1, 1]);
});

test("losses far apart do not add up to a blackout", () => {
  const buffer = new JitterBuffer();
  play(buffer, steady(range(0, 100).filter((n) => n % 10)), 1.8);
  expect([buffer.statistics.lost, buffer.statistics.concealed, buffer.statistics.restarts]).toEqual([8, 8, 0]);
});

test("copies are counted before and after they are played", () => {
  const buffer = new JitterBuffer();
  play(buffer, [...steady(range(0, 30)), ...steady(range(0, 30), 0.01), ...steady(range(0, 10), 0.3)], 1.0);
  expect([buffer.statistics.duplicated, buffer.statistics.played]).toEqual([40, 30]);
});

test("a packet that comes after its time is late", () => {
  const buffer = new JitterBuffer();
  const arrivals = steady(range(0, 40)).map(({ at, packet: p }) => ({
    at: at + (p.sequence === 10 ? 0.2 : 0),
    packet: p,
  }));
  expect(numbersOf(play(buffer, arrivals, 0.7))).not.toContain(10);
  expect([buffer.statistics.lost, buffer.statistics.late]).toEqual([1, 1]);
});

test("speech from before the grant is played whole, at natural pace and at once", () => {
  const buffer = new JitterBuffer();
  const recorded = range(0, 100).map((n) => ({ at: 0, packet: packet(n) })); // 2 s
  const live = range(0, 50).map((n) => ({ at: n * TICK_S, packet: packet(100 + n) }));
  const heard = play(buffer, [...recorded, ...live], 3.3);
  expect(numbersOf(heard)).toEqual(range(0, 150));
  expect(shapeOf(heard.slice(0, 150))).toBe("p".repeat(150));
  expect([buffer.statistics.lost, buffer.statistics.overflowed]).toEqual([0, 0]);
});

test("more than three seconds lose the oldest", () => {
  const buffer = new JitterBuffer();
  for (const n of range(0, 200)) buffer.push(0, packet(n));
  expect([buffer.statistics.overflowed, buffer.bufferedPackets]).toEqual([50, 150]);
  expect(numbersOf(play(buffer, [], 3))[0]).toBe(50);
});

test("memory is bounded whatever the timestamps say", () => {
  const buffer = new JitterBuffer();
  for (const n of range(0, 5000)) buffer.push(0, { ...packet(0), sequence: n });
  expect(buffer.bufferedPackets).toBe(600);
});

test("a listener may enter in the middle of a burst", () => {
  const buffer = new JitterBuffer();
  const heard = play(buffer, steady(range(40_000, 40_050), -800), 1.0);
  expect(numbersOf(heard)).toEqual(range(40_000, 40_047));
  expect(buffer.statistics.lost).toBe(0);
});

test("sequence numbers and timestamps wrap", () => {
  const buffer = new JitterBuffer();
  const first = 2 ** 32 - 20 * 960;
  const arrivals = range(0, 100).map((k) => ({
    at: k * TICK_S,
    packet: { ...packet(0), sequence: (65_500 + k) & 0xffff, timestamp: (first + k * 960) % 2 ** 32 },
  }));
  const heard = play(buffer, arrivals, 2);
  expect(numbersOf(heard).slice(0, 97)).toEqual(range(65_500, 65_597).map((n) => n & 0xffff));
  expect(buffer.statistics.lost).toBe(0);
});

test("after the end the rest is played and nothing is guessed", () => {
  const buffer = new JitterBuffer();
  for (const { at, packet: p } of steady(range(0, 5))) buffer.push(at, p);
  buffer.end();
  expect(shapeOf(play(buffer, [], 0.6, 0.09)).replace(/\.+$/, "")).toBe("ppppp");
  expect(buffer.drained).toBe(true);
});

test("a burst of one packet is heard", () => {
  const buffer = new JitterBuffer();
  buffer.push(0, packet(0));
  buffer.end();
  expect(numbersOf(play(buffer, [], 0.2))).toEqual([0]);
});

test("a blackout is concealed shortly, then silent, then the burst goes on", () => {
  const buffer = new JitterBuffer();
  const heard = play(buffer, steady(range(0, 100).filter((n) => n < 20 || n >= 60)), 2);
  expect(shapeOf(heard)).toMatch(/^\.+p{20}c{6}\.+p{20}/); // 120 ms
  expect(numbersOf(heard).slice(0, 40)).toEqual([...range(0, 20), ...range(60, 80)]);
  expect([buffer.statistics.lost, buffer.statistics.restarts]).toEqual([40, 1]);
});

test("after a stall everything that was held up is heard", () => {
  const stalled = steady(range(0, 100)).map(({ at, packet: p }) => ({
    at: at >= 0.4 ? Math.max(at, 0.9) : at,
    packet: p,
  }));
  const buffer = new JitterBuffer();
  expect(numbersOf(play(buffer, stalled, 3))).toEqual(range(0, 100));
  expect([buffer.statistics.lost, buffer.statistics.late]).toEqual([0, 0]);
});

test("a slower path is followed", () => {
  const moved = steady(range(0, 100)).map(({ at, packet: p }) => ({ at: at + (at > 0.5 ? 0.3 : 0), packet: p }));
  const buffer = new JitterBuffer(0.06);
  const heard = play(buffer, moved, 3);
  expect(numbersOf(heard)).toEqual(range(0, 100));
  const first = heard.find(({ step }) => step?.kind === "play" && step.packet.sequence === 26)!.now;
  expect(first).toBeGreaterThanOrEqual(0.82 + 0.06); // its delay is held again, on top of the new path
  expect(buffer.statistics.restarts).toBe(2); // the move, and the end that nobody told
});

test("a buffer that is too short grows", () => {
  const jittery = steady(range(0, 300)).map(({ at, packet: p }) => ({
    at: at + (p.sequence % 5 === 4 ? 0.09 : 0),
    packet: p,
  }));
  const buffer = new JitterBuffer(0.02);
  play(buffer, jittery, 7);
  expect(buffer.statistics.delayMs).toBeGreaterThanOrEqual(80);
  expect(buffer.statistics.late).toBeLessThanOrEqual(5);
  expect(buffer.targetDelayS).toBeGreaterThanOrEqual(0.08);
  expect(buffer.targetDelayS).toBeLessThanOrEqual(0.1);
});

describe("pauses of DTX", () => {
  test("are as long as they were", () => {
    const after = range(0, 20).map((n) => ({ at: 1 + n * TICK_S, packet: packet(20 + n, { framesLate: 30 }) }));
    const buffer = new JitterBuffer();
    const gap = gapBefore20(play(buffer, [...steady(range(0, 20)), ...after], 2));
    expect(gap).toBeGreaterThanOrEqual(0.6);
    expect(gap).toBeLessThanOrEqual(0.66);
    expect(buffer.statistics.lost).toBe(0);
  });

  test("within pre-roll are kept too", () => {
    const recorded = range(0, 40).map((n) => ({ at: 0, packet: packet(n, { framesLate: n >= 20 ? 30 : 0 }) }));
    const heard = play(new JitterBuffer(), recorded, 3);
    const pauses = heard.flatMap(({ step }) => (step?.kind === "pause" ? [step.durationMs] : []));
    expect(pauses).toEqual([expect.closeTo(600)]);
    expect(numbersOf(heard)).toEqual(range(0, 40));
  });

  test("that are short are not heard twice", () => {
    const after = range(0, 20).map((n) => ({ at: 0.46 + n * TICK_S, packet: packet(20 + n, { framesLate: 3 }) }));
    const gap = gapBefore20(play(new JitterBuffer(0.02), [...steady(range(0, 20)), ...after], 0.8));
    expect(gap).toBeCloseTo(0.08);
  });

  test("of an hour are cut", () => {
    const buffer = new JitterBuffer();
    buffer.push(0, packet(0));
    expect(buffer.pop(0.1)?.kind).toBe("play");
    buffer.push(0.1, packet(1, { framesLate: 180_000 }));
    expect(buffer.pop(0.12)).toEqual({ kind: "pause", durationMs: 3000 });
    expect(buffer.pop(3.12)?.kind).toBe("play");
  });

  function gapBefore20(heard: ReturnType<typeof play>): number {
    const time = (n: number) => heard.find(({ step }) => step?.kind === "play" && step.packet.sequence === n)!.now;
    return time(20) - time(19);
  }
});

test("long packets are waited for in short steps", () => {
  const buffer = new JitterBuffer();
  buffer.push(0, { sequence: 0, timestamp: 0, payload: Uint8Array.of(SILK_60_MS, 0x80, 0) });
  const steps = play(buffer, [], 0.3).flatMap(({ step }) => (step === undefined ? [] : [step]));
  expect(steps.map((step) => step.durationMs)).toEqual([60, 20, 20, 20, 20, 20, 20]);
  expect(steps.map((step) => step.kind)).toEqual(["play", ...Array<string>(6).fill("conceal")]);
});

test("what is not Opus is counted and dropped", () => {
  const buffer = new JitterBuffer();
  buffer.push(0, { sequence: 0, timestamp: 0, payload: new Uint8Array(0) });
  expect([buffer.statistics.malformed, buffer.bufferedPackets]).toEqual([1, 0]);
});

test.each([0.9995, 1.0005])("a talker whose clock runs at %f of ours is heard for a minute", (clock) => {
  const buffer = new JitterBuffer();
  const drifting = range(0, 3000).map((n) => ({ at: (n * TICK_S) / clock, packet: packet(n) }));
  const heard = play(buffer, drifting, 61);
  expect(numbersOf(heard)).toEqual(range(0, 3000));
  expect(buffer.statistics.lost).toBe(0);
  expect(shapeOf(heard).match(/pc+p/g)?.length ?? 0).toBeLessThanOrEqual(3); // 30 ms are missing after a minute
  expect(buffer.statistics.delayMs).toBeLessThan(130);
});

describe("over links that lose, delay, reorder and copy", () => {
  /** At most five packets are lost in a row. */
  function link(seed: number): { jitterS: number; arrivals: Arrival[]; kept: number[] } {
    const random = seeded(seed);
    const jitterS = 0.4 * random();
    const first = Math.floor(65_536 * random());
    const loss = 0.5 * random();
    const kept: number[] = [];
    for (const n of range(0, 1 + Math.floor(120 * random())))
      if (random() >= loss || n - (kept.at(-1) ?? -1) > 5) kept.push(n);
    const copies = kept.filter(() => random() < 0.1);
    const arrivals = [...kept, ...copies].map((n) => ({
      at: n * TICK_S + jitterS * random(),
      packet: packet(n, { sequence: first + n }),
    }));
    return { jitterS, arrivals, kept: kept.map((n) => (first + n) & 0xffff) };
  }

  function accountedFor(buffer: JitterBuffer): boolean {
    const { received, played, late, duplicated, overflowed, malformed } = buffer.statistics;
    return received === played + late + duplicated + overflowed + malformed + buffer.bufferedPackets;
  }

  test.each(range(1, 201))("nothing is played out of order or twice, and all is accounted for (%i)", (seed) => {
    const random = seeded(seed + 1000);
    const buffer = new JitterBuffer(0.02 + 0.38 * random());
    const numbers = numbersOf(play(buffer, link(seed).arrivals, 0.1 + 2.9 * random()));
    const steps = numbers.slice(1).map((number, n) => (number - numbers[n]! + 65_536) % 65_536);
    expect(steps.every((step) => step > 0 && step < 32_768)).toBe(true);
    expect(accountedFor(buffer)).toBe(true);
  });

  test.each(range(1, 201))("what was not lost is played when the delay covers the jitter (%i)", (seed) => {
    const { jitterS, arrivals, kept } = link(seed);
    const buffer = new JitterBuffer(Math.max(0.02, jitterS));
    expect(numbersOf(play(buffer, arrivals, 6))).toEqual(kept);
    expect(buffer.statistics.late).toBe(0);
  });

  test.each(range(1, 101))("no packet however odd confuses the account (%i)", (seed) => {
    const random = seeded(seed);
    const whole = (below: number): number => Math.floor(below * random());
    const buffer = new JitterBuffer();
    let now = 0;
    for (let n = whole(60); n >= 0; n -= 1) {
      now += 0.1 * random();
      const payload = Uint8Array.from({ length: whole(4) }, () => whole(256));
      const odd: VoicePacket = { sequence: whole(2 ** 16), timestamp: whole(2 ** 32), payload };
      buffer.push(now, odd);
      if (random() < 0.5) buffer.pop(now);
      expect(accountedFor(buffer)).toBe(true);
    }
    buffer.end();
    for (const tick of range(0, 2000)) buffer.pop(now + tick * TICK_S);
    expect(buffer.drained).toBe(true);
  });
});
