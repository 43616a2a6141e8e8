import { beforeEach, expect, it } from "vitest";
import type { AlertMicrophone } from "../../src/protocol/messages";
import { Ambient } from "../../src/radio/ambient";
import { NotConnected, Refused } from "../../src/radio/errors";
import type { Ask } from "../../src/radio/signalling";
import type { Talkgroup } from "../../src/radio/talkgroup";
import { MicrophoneError } from "../../src/radio/voice";
import { AFFILIATION, numbers, settled, simulatedGroup } from "./simulated";

const BURST = 0x40000004;
const DORA = { subscriber: "sub_d", name: "Dora" };
const OPEN: AlertMicrophone = {
  type: "alert.microphone",
  alert: "alr_1",
  group: AFFILIATION.group,
  open: true,
  shown: true,
  listeners: [DORA],
  at_most_s: 60,
};
const CLOSED = { ...OPEN, open: false, listeners: [], at_most_s: 0 };

let channel: ReturnType<typeof simulatedGroup>;
let ambient: Ambient;
let steps: string[];
let refuses: Error | undefined;
let entered: boolean;

beforeEach(() => {
  channel = simulatedGroup();
  channel.group.hasSignals = false;
  steps = [];
  refuses = undefined;
  entered = false;
  const channels = {
    enter: async (group: string): Promise<Talkgroup> => {
      steps.push(`enters ${group}`);
      if (refuses !== undefined) throw refuses;
      entered = true;
      channel.group.press();
      return channel.group;
    },
    takesPart: () => entered,
  };
  ambient = new Ambient((() => Promise.reject(new Error())) as unknown as Ask, channels, channel.clock);
  ambient.microphone = async () => void steps.push(`opens, shown: ${ambient.shown !== undefined}`);
  ambient.listen(() => steps.push(ambient.isOpen ? "open" : "closed"));
});

it("shows who listens, then opens the microphone, then enters the channel; nothing is told by ear", async () => {
  ambient.take(OPEN);
  await settled();
  expect(steps).toEqual(["open", "opens, shown: true", `enters ${AFFILIATION.group}`]);
  expect(ambient.shown).toEqual({ listeners: [DORA], endsAt: channel.clock.now() + 60, error: undefined });
  channel.sound.say(0, 1);
  channel.says("floorGranted", { grantedSsrc: BURST, durationS: 60 });
  channel.sound.say(2);
  expect(numbers(channel.line.voice)).toEqual([0, 1, 2]);
  expect(channel.sound.played).toEqual([]);
});

it("names further listeners without entering again, and is over when the server says so", async () => {
  ambient.take(OPEN);
  await settled();
  channel.says("floorGranted", { grantedSsrc: BURST, durationS: 60 });
  ambient.take({ ...OPEN, listeners: [DORA, { subscriber: "sub_e", name: "Dan" }], at_most_s: 20 });
  expect(ambient.shown).toMatchObject({ listeners: [DORA, { name: "Dan" }], endsAt: channel.clock.now() + 20 });
  expect(steps.filter((step) => step.startsWith("enters"))).toHaveLength(1);
  ambient.take({ ...CLOSED, group: "grp_other" });
  expect(ambient.isOpen).toBe(true);
  ambient.take(CLOSED);
  await settled();
  await settled();
  expect([ambient.isOpen, ambient.shown, steps.at(-1)]).toEqual([false, undefined, "closed"]);
  channel.sound.say(7);
  expect(numbers(channel.line.voice)).toEqual([]);
});

it("is over with the channel, whoever dissolved it", async () => {
  ambient.take(OPEN);
  await settled();
  channel.group.close();
  expect(ambient.shown).toBeUndefined();
});

it("talks on when a burst is over by itself", async () => {
  ambient.take(OPEN);
  await settled();
  channel.says("floorGranted", { grantedSsrc: BURST, durationS: 60 });
  channel.line.asked();
  channel.says("floorRevoke", { rejectCause: 2, grantedSsrc: BURST });
  await settled();
  channel.says("floorIdle");
  await settled();
  expect(channel.line.asked()).toContain("floorRequest");
});

it("shows nothing where the organisation has it hidden, and opens all the same", async () => {
  ambient.take({ ...OPEN, shown: false, listeners: [] });
  await settled();
  expect(ambient.shown).toBeUndefined();
  expect(steps).toEqual(["open", "opens, shown: false", `enters ${AFFILIATION.group}`]);
  ambient.take(OPEN);
  expect(ambient.shown).toMatchObject({ listeners: [DORA] });
});

it("does not enter without a microphone, and says why", async () => {
  ambient.microphone = () => Promise.reject(new MicrophoneError("denied"));
  ambient.take(OPEN);
  await settled();
  expect(steps.filter((step) => step.startsWith("enters"))).toEqual([]);
  expect(ambient.isOpen).toBe(false);
  expect(ambient.shown!.error!.reason).toBe("denied");
});

it("offers no microphone unless the page gives one", async () => {
  ambient.microphone = undefined;
  ambient.take(OPEN);
  await settled();
  expect(ambient.isOpen).toBe(false);
  expect(entered).toBe(false);
});

it("is over when the channel is refused, and waits for the next connection when it is lost", async () => {
  refuses = new NotConnected("lost");
  ambient.take(OPEN);
  await settled();
  expect(ambient.isOpen).toBe(true);
  refuses = new Refused("not_found", "gone");
  ambient.take(OPEN);
  await settled();
  expect(ambient.isOpen).toBe(false);
  expect(steps.filter((step) => step.startsWith("enters"))).toHaveLength(2);
});
