import { expect, it } from "vitest";
import { fileName } from "../../src/look/download";
import { wavName, wavOf } from "../../src/recording/export";

const samples = (file: Uint8Array) => new DataView(file.buffer, file.byteOffset);

it("joins the bursts of a session with half a second between them", () => {
  const file = wavOf([new Float32Array(4).fill(1), new Float32Array(2).fill(-1)]);
  const view = samples(file);
  expect(view.getUint32(40, true)).toBe(2 * (4 + 24_000 + 2));
  const at = (index: number) => view.getInt16(44 + 2 * index, true);
  expect([at(3), at(4), at(4 + 23_999), at(4 + 24_000)]).toEqual([32_767, 0, 0, -32_767]);
});

it("is named by time, group and person, in a way that every system takes", () => {
  const about = {
    group: "g", groupName: "Pier 4/5", talker: "s", talkerName: 'A\u202e"nn<a', kind: "group", startedMs: 0,
  } as const; // prettier-ignore
  const name = wavName({ name: "0-x.burst", burst: { about, endedMs: 1, state: "whole" } });
  expect(fileName(name)).toBe("1970-01-01T00-00-00 Pier 4_5 A_nn_a.wav");
  expect(fileName("///")).toBe("_");
});
