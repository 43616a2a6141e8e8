import { describe, expect, it } from "vitest";
import { MessageType } from "../../src/protocol/floor_control";
import { encodeRtp } from "../../src/protocol/rtp";
import { MicrophoneError } from "../../src/radio/voice";
import { numbers, settled, simulatedGroup } from "./simulated";

const BURST = 0x40000004;
const OTHER = 0x50000005;

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

describe("who talks", () => {
  it("is heard from the first syllable to the last", async () => {
    const { group, sound, line, says } = simulatedGroup();
    group.press();
    expect(group.state).toEqual({ is: "requesting" });
    expect(line.asked()).toEqual(["floorRequest"]);
    sound.say(0, 1, 2);
    says("floorGranted", { grantedSsrc: BURST, durationS: 30 });
    expect(group.state).toMatchObject({ is: "granted", burstSsrc: BURST });
    expect(group.remainingS).toBe(30);
    sound.say(3, 4);
    sound.tail = [5];
    group.release();
    await settled();
    await settled();
    expect(numbers(line.voice)).toEqual(range(0, 6));
    expect(line.asked()).toEqual(["floorRelease"]);
    expect(group.state).toEqual({ is: "idle" });
  });

  it("has one time stamp for each 20 ms since the press, and one marker", () => {
    const { group, sound, line, says } = simulatedGroup();
    group.press();
    sound.say(...range(0, 3));
    says("floorGranted", { grantedSsrc: BURST });
    sound.say(3);
    const [first, ...rest] = line.voice;
    expect(first!.marker).toBe(true);
    expect(first!.sequence).toBeLessThan(1000);
    for (const [index, packet] of rest.entries()) {
      expect(packet.marker).toBe(false);
      expect(packet.sequence).toBe(first!.sequence + index + 1);
      expect((packet.timestamp - first!.timestamp) >>> 0).toBe(960 * (index + 1));
      expect(packet.ssrc).toBe(BURST);
    }
  });

  it("is sent to the end when the key goes up before the grant", async () => {
    const { group, sound, line, says } = simulatedGroup();
    group.press();
    sound.say(0, 1);
    sound.tail = [2];
    group.release();
    await settled();
    await settled();
    expect(line.asked()).toEqual(["floorRequest"]);
    says("floorGranted", { grantedSsrc: BURST });
    await settled();
    expect(numbers(line.voice)).toEqual([0, 1, 2]);
    expect(line.asked()).toEqual(["floorRelease"]);
  });

  it("is kept for three seconds, and no longer", () => {
    const { group, sound, line, says } = simulatedGroup();
    group.press();
    sound.say(...range(0, 200));
    says("floorGranted", { grantedSsrc: BURST });
    expect(numbers(line.voice)).toEqual(range(50, 200));
  });

  it("waits in the queue in silence, and is heard from the breath before its turn", async () => {
    const { group, sound, line, says } = simulatedGroup();
    group.press();
    sound.say(...range(0, 10));
    says("queuePositionInfo", { queueInfo: { position: 2, priority: 100 }, queueSize: 3 });
    expect(group.state).toEqual({ is: "queued", position: 2, size: 3 });
    sound.say(...range(10, 100));
    says("floorGranted", { grantedSsrc: BURST, ackRequired: true });
    expect(numbers(line.voice)).toEqual(range(75, 100));
    expect(line.asked()).toEqual(["floorRequest", "floorAck"]);
  });

  it("gives its place in the queue up with the key", async () => {
    const { group, line, says } = simulatedGroup();
    group.press();
    says("queuePositionInfo", { queueInfo: { position: 254, priority: 100 } });
    expect(group.state).toMatchObject({ is: "queued", position: undefined });
    group.release();
    await settled();
    await settled();
    expect(line.asked()).toEqual(["floorRequest", "floorRelease"]);
    expect(group.state).toEqual({ is: "idle" });
  });

  it("is told why not, for a while", async () => {
    const { group, sound, clock, says } = simulatedGroup();
    group.press();
    says("floorDeny", { rejectCause: 5, rejectPhrase: "listen only" });
    expect(group.state).toEqual({ is: "denied", reason: "listen_only", phrase: "listen only" });
    expect(sound.played).toEqual(["denied"]);
    group.release();
    await clock.passes(5);
    expect(group.state).toEqual({ is: "idle" });
  });

  it("stops at once when the floor is taken back, and has to press anew", async () => {
    const { group, sound, line, says } = simulatedGroup();
    group.press();
    says("floorGranted", { grantedSsrc: BURST });
    sound.say(0);
    says("floorRevoke", { rejectCause: 4, grantedSsrc: BURST });
    expect(group.state).toEqual({ is: "revoked", reason: "preempted" });
    sound.say(1, 2);
    group.release();
    await settled();
    expect(numbers(line.voice)).toEqual([0]);
    expect(line.asked()).toEqual(["floorRequest", "floorRelease"]);
    says("floorIdle");
    group.press();
    expect(line.asked()).toEqual(["floorRequest"]);
  });

  it("is told that nobody answers, and the line is doubted", async () => {
    const { group, clock, line, silences } = simulatedGroup();
    group.press();
    await clock.passes(6);
    expect(group.state).toEqual({ is: "unanswered" });
    expect(line.asked().filter((name) => name === "floorRequest")).toHaveLength(6);
    expect(silences()).toBeGreaterThan(0);
  });

  it("may press again while the last syllable is on its way", async () => {
    const { group, sound, line, says } = simulatedGroup();
    group.press();
    says("floorGranted", { grantedSsrc: BURST });
    sound.say(0);
    sound.tail = [1];
    group.release();
    group.press();
    await settled();
    await settled();
    expect(numbers(line.voice)).toEqual([0, 1]);
    expect(line.asked()).toEqual(["floorRequest", "floorRelease"]);
    says("floorAck", { messageType: MessageType.floorRelease });
    expect(line.asked()).toEqual(["floorRequest"]);
    sound.say(2);
    says("floorGranted", { grantedSsrc: BURST + 1 });
    expect(numbers(line.voice)).toEqual([0, 1, 2]);
    expect(sound.captures).toBe(2);
  });

  it("keeps what is said while the connection is lost", () => {
    const { group, sound, line, media, says } = simulatedGroup();
    group.press();
    says("floorGranted", { grantedSsrc: BURST });
    sound.say(0);
    media.use(undefined);
    sound.say(1, 2);
    expect(numbers(line.voice)).toEqual([0]);
    media.use(line.asLink());
    sound.say(3);
    expect(numbers(line.voice)).toEqual([0, 1, 2, 3]);
  });

  it("gives the floor back if there is no microphone, and is told", async () => {
    const { group, sound, line } = simulatedGroup();
    sound.broken = new MicrophoneError("denied");
    const told: string[] = [];
    group.listen((event) => told.push(event.kind === "microphone" ? event.error.reason : event.kind));
    group.press();
    await settled();
    expect(told).toContain("denied");
    expect(line.asked()).toEqual(["floorRequest", "floorRelease"]);
    expect(group.state).toEqual({ is: "idle" });
  });

  it("loses the floor with the session", () => {
    const { group, sound, line, media, says } = simulatedGroup();
    group.press();
    says("floorGranted", { grantedSsrc: BURST });
    group.close();
    expect(group.state).toEqual({ is: "lost" });
    sound.say(0);
    expect(line.voice).toEqual([]);
    expect(media.groups.size).toBe(0);
    line.asked();
    group.release();
    group.press();
    expect(line.asked()).toEqual([]);
    expect(sound.captures).toBe(1);
  });

  it("asks more urgently while it waits", () => {
    const { group, line, says } = simulatedGroup();
    group.press();
    says("queuePositionInfo", { queueInfo: { position: 2, priority: 100 } });
    group.press({ emergency: true });
    expect(line.asked()).toEqual(["floorRequest", "floorRequest"]);
  });
});

describe("who listens", () => {
  const packet = { sequence: 7, timestamp: 0, ssrc: OTHER, payload: Uint8Array.of(1), marker: true, payloadType: 111 };

  it("hears the burst that was told, and no other", () => {
    const { group, sound, media, says } = simulatedGroup();
    media.receive(encodeRtp(packet));
    says("floorTaken", {
      grantedSsrc: OTHER,
      grantedParty: "sub_00000000000000c2",
      functionalAlias: "Bert",
      indicator: 0x1000,
    });
    expect(group.talker).toMatchObject({ subscriber: "sub_00000000000000c2", name: "Bert", emergency: true });
    media.receive(encodeRtp(packet));
    media.receive(encodeRtp({ ...packet, ssrc: OTHER + 1 }));
    expect(sound.heard).toEqual([7]);
    says("floorIdle");
    expect(group.talker).toBeUndefined();
    media.receive(encodeRtp(packet));
    expect(sound.heard).toEqual([7]);
    expect(sound.played).toEqual([`begins ${OTHER}`, "released", `ends ${OTHER}`]);
  });

  it("hears the end by T103 if nothing else comes", async () => {
    const { group, clock, says } = simulatedGroup();
    says("floorTaken", { grantedSsrc: OTHER });
    await clock.passes(3.9);
    expect(group.talker).toBeDefined();
    await clock.passes(0.2);
    expect(group.talker).toBeUndefined();
  });

  it("reports how it hears", () => {
    const { group, media, says } = simulatedGroup();
    says("floorTaken", { grantedSsrc: OTHER });
    for (const sequence of [7, 8, 10]) media.receive(encodeRtp({ ...packet, sequence }));
    expect(group.report()).toMatchObject({ ssrc: OTHER, lost: 1, fractionLost: 64, highestSequence: 10 });
    media.receive(encodeRtp({ ...packet, sequence: 11 }));
    expect(group.report()).toMatchObject({ lost: 1, fractionLost: 0 });
  });

  it("follows who takes part", () => {
    const { group } = simulatedGroup();
    const change = { type: "group.roster", group: group.group } as const;
    expect(group.people.names).toBeUndefined();
    group.changeRoster({ ...change, count: 1, participants: [{ subscriber: "sub_1", name: "Anna" }] });
    group.changeRoster({ ...change, count: 2, joined: [{ subscriber: "sub_2", name: "Bert" }] });
    group.changeRoster({ ...change, count: 1, left: ["sub_1"] });
    expect([...group.people.names!.values()]).toEqual(["Bert"]);
    group.changeRoster({ ...change, count: 99 });
    expect(group.people.names).toBeUndefined();
    expect(group.people.count).toBe(99);
  });
});
