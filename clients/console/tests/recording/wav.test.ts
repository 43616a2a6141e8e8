import { expect, it } from "vitest";
import { peaks, wavFile } from "../../src/recording/wav";

it("writes a RIFF file of 16 bit mono PCM and clips what is too loud", () => {
  const file = wavFile(Float32Array.of(0, 0.5, -1, 2), 48_000);
  const view = new DataView(file.buffer);
  const text = (at: number) => String.fromCharCode(...file.slice(at, at + 4));
  expect([text(0), text(8), text(12), text(36)]).toEqual(["RIFF", "WAVE", "fmt ", "data"]);
  expect(view.getUint32(4, true)).toBe(file.length - 8);
  expect(view.getUint32(24, true)).toBe(48_000);
  expect([0, 1, 2, 3].map((index) => view.getInt16(44 + 2 * index, true))).toEqual([0, 16_384, -32_767, 32_767]);
});

it("finds the loudest sample of each column", () => {
  expect([...peaks(Float32Array.of(0, -0.5, 0.25, 0.125, 1, 0), 3)]).toEqual([0.5, 0.25, 1]);
  expect([...peaks(new Float32Array(), 2)]).toEqual([0, 0]);
});
