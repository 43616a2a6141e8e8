import { expect, test } from "vitest";
import { lostFrames, packetDurationMs } from "../../src/voice/opus_packet";
import { WrappingCounter } from "../../src/voice/wrapping";

// RFC 6716 §3.1, table 2: the first configuration of each row, and the frame sizes of the row
test.each([
  [0, [10, 20, 40, 60]],
  [4, [10, 20, 40, 60]],
  [8, [10, 20, 40, 60]],
  [12, [10, 20]],
  [14, [10, 20]],
  [16, [2.5, 5, 10, 20]],
  [20, [2.5, 5, 10, 20]],
  [24, [2.5, 5, 10, 20]],
  [28, [2.5, 5, 10, 20]],
])("configurations from %i have the frame sizes of the RFC", (first, sizes) => {
  sizes.forEach((size, n) => {
    expect(packetDurationMs(Uint8Array.of((first + n) << 3))).toBe(size);
    expect(packetDurationMs(Uint8Array.of(((first + n) << 3) | 1, 0))).toBe(2 * size);
    expect(packetDurationMs(Uint8Array.of(((first + n) << 3) | 3, 1))).toBe(size);
  });
});

test.each([
  ["empty", []],
  ["without a frame count", [3]],
  ["with no frame", [3, 0]],
  ["longer than 120 ms", [(11 << 3) | 3, 3]],
])("a packet that is %s is not Opus", (_, octets) => {
  expect(packetDurationMs(Uint8Array.from(octets))).toBeUndefined();
});

test.each([
  [9, 20, [[9, 20]]],
  [
    11,
    60,
    [
      [9, 20],
      [9, 20],
      [9, 20],
    ],
  ], // a frame of 60 ms is concealed in steps
  [11, 20, [[9, 20]]],
  [8, 10, [[8, 10]]],
  [15, 20, [[15, 20]]],
  [13, 10, [[12, 10]]],
  [
    31,
    7.5,
    [
      [29, 5],
      [28, 2.5],
    ],
  ],
])("mode %i conceals %f ms in its own mode", (config, durationMs, expected) => {
  const stereo = 4;
  const frames = lostFrames((config << 3) | stereo | 3, durationMs);
  expect(frames.map(({ packet, durationMs: ms }) => [packet[0]! >> 3, ms])).toEqual(expected);
  for (const { packet, durationMs: ms } of frames) {
    expect(packet).toHaveLength(1);
    expect(packet[0]! & 7).toBe(stereo); // one frame, of length zero
    expect(packetDurationMs(packet)).toBe(ms);
  }
});

test("a counter is followed over its wraps, forwards and back", () => {
  const counter = new WrappingCounter(16);
  expect([65_534, 65_535, 0, 2, 65_535, 1].map((value) => counter.follow(value))).toEqual([
    65_534, 65_535, 65_536, 65_538, 65_535, 65_537,
  ]);
  expect(counter.highest).toBe(65_538);
});

test("a packet from before the first has a negative number", () => {
  const counter = new WrappingCounter(32);
  expect([0, 2 ** 32 - 1].map((value) => counter.follow(value))).toEqual([0, -1]);
});
