import { beforeEach, expect, test, vi } from "vitest";
import type { FromMicrophone, ToMicrophone } from "../../src/voice/threads";

const QUANTUM = 128;
const RATE_HZ = 48_000;

interface Processor {
  readonly port: { onmessage: (event: { data: ToMicrophone }) => void };
  process(inputs: Float32Array[][]): boolean;
}

let order: (message: ToMicrophone) => void;
let told: FromMicrophone[];
let hear: (value: number, quanta?: number) => void;

/** All that one utterance has got, a number for each sample that is not like the one before it. */
function heard(utterance: number): number[] {
  const samples = told.flatMap((one) => (one.kind === "sound" && one.utterance === utterance ? [...one.samples] : []));
  return samples.filter((sample, index) => sample !== samples[index - 1]);
}

beforeEach(async () => {
  const processors = new Map<string, new () => Processor>();
  vi.resetModules();
  vi.stubGlobal("sampleRate", RATE_HZ);
  vi.stubGlobal(
    "AudioWorkletProcessor",
    class {
      readonly port = {};
    },
  );
  vi.stubGlobal("registerProcessor", (name: string, processor: new () => Processor) => processors.set(name, processor));
  await import("../../src/voice/sound_card.worklet");
  const microphone = new (processors.get("ptt-microphone")!)();
  told = [];
  order = (data) => microphone.port.onmessage({ data });
  order({ kind: "port", port: { postMessage: (message: FromMicrophone) => told.push(message) } as never });
  hear = (value, quanta = 4) => {
    for (let done = 0; done < quanta; done += 1) microphone.process([[new Float32Array(QUANTUM).fill(value)]]);
  };
});

test("a microphone that nobody listens to is deaf", () => {
  hear(1);
  expect(told).toEqual([]);
});

test("two utterances at once hear the same, each from its beginning to its end", () => {
  order({ kind: "open", utterance: 1 });
  hear(1, 3);
  order({ kind: "open", utterance: 2 });
  hear(2);
  order({ kind: "close", utterance: 2, tailS: QUANTUM / RATE_HZ });
  hear(3, 1);
  hear(4);
  expect(heard(1)).toEqual([1, 2, 3, 4]);
  expect(heard(2)).toEqual([2, 3]);
  expect(told.filter(({ kind }) => kind === "closed")).toEqual([{ kind: "closed", utterance: 2 }]);
});

test("the tail of an utterance ends where the next one begins", () => {
  order({ kind: "open", utterance: 1 });
  hear(1);
  order({ kind: "close", utterance: 1, tailS: 1 });
  hear(2, 1);
  order({ kind: "open", utterance: 2 });
  hear(3);
  expect(heard(1)).toEqual([1, 2]);
  expect(heard(2)).toEqual([3]);
});
