import { expect, test } from "vitest";
import { ArrivalMeter, WINDOW_PACKETS } from "../../src/voice/arrival";
import { range } from "./talk";

const FRAME_S = 0.02;

function meterAfter(transitsS: number[]): ArrivalMeter {
  const meter = new ArrivalMeter(0.06, 0.4);
  transitsS.forEach((transitS, n) => meter.observe(n * FRAME_S + transitS, n * FRAME_S));
  return meter;
}

test("the initial delay is believed until the window is full", () => {
  expect(meterAfter(Array<number>(WINDOW_PACKETS / 2).fill(5)).delayS(FRAME_S)).toBe(0.06);
  expect(meterAfter(Array<number>(WINDOW_PACKETS).fill(5)).delayS(FRAME_S)).toBe(FRAME_S);
});

test("the delay covers the slow packets but not the slowest", () => {
  const uneven = range(0, 200).map((n) => (n % 10 === 0 ? 5.1 : 5));
  expect(meterAfter(uneven).delayS(FRAME_S)).toBeCloseTo(0.1);
  const oneStraggler = range(0, 200).map((n) => (n === 150 ? 5.1 : 5));
  expect(meterAfter(oneStraggler).delayS(FRAME_S)).toBe(FRAME_S);
});

test("the delay has a ceiling", () => {
  expect(meterAfter(range(0, 200).map((n) => 5 + (n % 2))).delayS(FRAME_S)).toBe(0.4);
});

test("speech from before the grant is not jitter", () => {
  const preroll = range(0, 50).map((n) => 6 - n * FRAME_S);
  expect(meterAfter([...preroll, ...Array<number>(60).fill(5)]).delayS(FRAME_S)).toBe(FRAME_S);
});

test("the jitter is that of RFC 3550", () => {
  expect(meterAfter(Array<number>(100).fill(5)).jitterS).toBeCloseTo(0);
  expect(meterAfter([5, 5.016]).jitterS).toBeCloseTo(0.001);
  expect(meterAfter(range(0, 200).map((n) => 5 + 0.01 * (n % 2))).jitterS).toBeCloseTo(0.01);
});

test("a restart forgets the path and keeps the jitter", () => {
  const meter = meterAfter(range(0, 200).map((n) => 5 + 0.1 * (n % 2)));
  meter.restart([]);
  meter.observe(9, 3);
  expect(meter.dueS(3, FRAME_S)).toBeCloseTo(9.1);
  expect(meter.lagS(9.1, 3)).toBeCloseTo(0.1);
});
