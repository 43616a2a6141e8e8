import { describe, expect, it } from "vitest";
import { Indicator, MessageType, type FloorMessage } from "../../src/protocol/floor_control";
import type { FloorEffect } from "../../src/protocol/floor_effects";
import { FloorParticipant, TABLE } from "../../src/protocol/floor_participant";
import { prose } from "./vectors";

const ME = 0x20000002;
const SERVER = 0x30000003;
const BURST = 0x40000004;
const OTHER = 0x50000005;

/** A conversation: what the user and the server do, and what the participant makes of it, in words. */
class Conversation {
  now = 100;
  readonly me = new FloorParticipant(ME);
  #sequence = 0;

  press(indicator?: number): string[] {
    return words(this.me.press(this.now, indicator));
  }

  letGo(keepPlace = false): string[] {
    return words(this.me.release(this.now, keepPlace));
  }

  /** The server's next message; each has a new Message Sequence-Number unless one is given. */
  says(type: keyof typeof MessageType, fields: Partial<FloorMessage> = {}): string[] {
    this.#sequence += 1;
    const message = { type: MessageType[type], ssrc: SERVER, sequenceNumber: this.#sequence, ...fields };
    return words(this.me.receive(this.now, { kind: "floor", ...message }));
  }

  /** Lets so many seconds pass, with every timer in its time. */
  passes(seconds: number): string[] {
    const until = this.now + seconds;
    const said: string[] = [];
    for (let due = this.me.nextDeadline(); due !== undefined && due <= until; due = this.me.nextDeadline()) {
      this.now = due;
      said.push(...words(this.me.expire(due)));
    }
    this.now = until;
    return said;
  }
}

const NAMES = Object.fromEntries(Object.entries(MessageType).map(([name, type]) => [type, name]));

function words(effects: FloorEffect[]): string[] {
  return effects.map((effect) => (effect.kind === "transmit" ? `-> ${NAMES[effect.message.type]}` : effect.kind));
}

describe("the floor participant", () => {
  it("asks, is granted, talks, and lets go", () => {
    const talk = new Conversation();
    expect(talk.press()).toEqual(["-> floorRequest"]);
    expect(talk.says("floorGranted", { grantedSsrc: BURST, durationS: 30 })).toEqual(["granted"]);
    expect(talk.says("floorGranted", { grantedSsrc: BURST })).toEqual([]);
    expect(talk.letGo()).toEqual(["-> floorRelease"]);
    expect(talk.says("floorAck", { messageType: MessageType.floorRelease })).toEqual([]);
    expect(talk.me.state).toBe("U: has no permission");
    expect(talk.says("floorGranted", { grantedSsrc: BURST })).toEqual([]); // late: that burst is over
  });

  it("asks again and again, ever more slowly, and gives up", () => {
    const talk = new Conversation();
    talk.press();
    expect(talk.passes(0.31)).toEqual(["-> floorRequest", "-> floorRequest"]);
    expect(talk.passes(10)).toEqual(["-> floorRequest", "-> floorRequest", "-> floorRequest", "unanswered"]);
    expect(talk.me.state).toBe("U: has no permission");
  });

  it("is denied, and has to press anew", () => {
    const talk = new Conversation();
    talk.press();
    expect(talk.says("floorDeny", { rejectCause: 3, rejectPhrase: "alone" })).toEqual(["denied"]);
    expect(talk.letGo()).toEqual([]);
    expect(talk.press()).toEqual(["-> floorRequest"]);
  });

  it("waits in the queue, asks for its place, and talks when its turn comes", () => {
    const talk = new Conversation();
    talk.press();
    expect(talk.says("queuePositionInfo", { queueInfo: { position: 2, priority: 100 } })).toEqual(["queued"]);
    expect(talk.passes(2)).toEqual(["-> queuePositionRequest"]);
    expect(talk.says("queuePositionInfo", { queueInfo: { position: 1, priority: 100 } })).toEqual(["queued"]);
    expect(talk.says("floorGranted", { grantedSsrc: BURST, ackRequired: true })).toEqual(["-> floorAck", "granted"]);
  });

  it("asks anew if the server does not know of its place", () => {
    const talk = new Conversation();
    talk.press();
    talk.says("queuePositionInfo", { queueInfo: { position: 2, priority: 100 } });
    expect(talk.says("queuePositionInfo", { queueInfo: { position: 255, priority: 0 } })).toEqual(["-> floorRequest"]);
  });

  it("gives its place back when the key goes up, and a grant that comes too late too", () => {
    const talk = new Conversation();
    talk.press();
    talk.says("queuePositionInfo", { queueInfo: { position: 1, priority: 100 } });
    expect(talk.letGo()).toEqual(["-> floorRelease"]);
    expect(talk.says("floorGranted", { grantedSsrc: BURST })).toEqual(["-> floorRelease"]);
    expect(talk.says("floorAck", { messageType: MessageType.floorRelease })).toEqual([]);
    expect(talk.me.state).toBe("U: has no permission");
  });

  it("is offered its turn if it keeps its place, and loses it after T132", () => {
    const talk = new Conversation();
    talk.press();
    talk.says("queuePositionInfo", { queueInfo: { position: 1, priority: 100 } });
    expect(talk.letGo(true)).toEqual([]);
    expect(talk.says("floorGranted", { grantedSsrc: BURST })).toEqual(["offered"]);
    expect(talk.passes(2)).toEqual(["-> floorRelease"]);
  });

  it("obeys a revoke at once, but not one of another burst", () => {
    const talk = new Conversation();
    talk.press(Indicator.normal);
    talk.says("floorGranted", { grantedSsrc: BURST });
    expect(talk.says("floorRevoke", { rejectCause: 4, grantedSsrc: OTHER })).toEqual([]);
    expect(talk.says("floorRevoke", { rejectCause: 4, grantedSsrc: BURST })).toEqual(["lost", "-> floorRelease"]);
  });

  it("loses the floor when another one talks, or nobody", () => {
    for (const [message, told] of [
      ["floorTaken", "taken"],
      ["floorIdle", "idle"],
    ] as const) {
      const talk = new Conversation();
      talk.press();
      talk.says("floorGranted", { grantedSsrc: BURST });
      expect(talk.says("floorTaken", { grantedSsrc: BURST })).toEqual([]);
      expect(talk.says(message, message === "floorTaken" ? { grantedSsrc: OTHER } : {})).toEqual(["lost", told]);
    }
  });

  it("counts a key that goes down while the release is on its way", () => {
    const talk = new Conversation();
    talk.press();
    talk.says("floorGranted", { grantedSsrc: BURST });
    talk.letGo();
    expect(talk.press()).toEqual([]);
    expect(talk.says("floorIdle")).toEqual(["idle", "-> floorRequest"]);
  });

  it("gives a release up after C100 repetitions", () => {
    const talk = new Conversation();
    talk.press();
    talk.says("floorGranted", { grantedSsrc: BURST });
    talk.letGo();
    expect(talk.passes(20)).toEqual(Array(5).fill("-> floorRelease"));
    expect(talk.me.state).toBe("U: has no permission");
  });

  it("hears who talks once, and of the end by T103 if nothing else comes", () => {
    const talk = new Conversation();
    expect(talk.says("floorTaken", { grantedSsrc: OTHER })).toEqual(["taken"]);
    expect(talk.says("floorTaken", { grantedSsrc: OTHER })).toEqual([]);
    expect(talk.passes(3)).toEqual([]);
    talk.me.mediaReceived(talk.now);
    expect(talk.passes(3.9)).toEqual([]);
    expect(talk.passes(0.2)).toEqual(["idle"]);
    expect(talk.says("floorIdle")).toEqual([]);
  });

  it("does not read what a newer message has overtaken", () => {
    const talk = new Conversation();
    talk.says("floorIdle", { sequenceNumber: 2 });
    expect(talk.says("floorTaken", { grantedSsrc: OTHER, sequenceNumber: 1 })).toEqual([]);
    expect(talk.says("floorTaken", { grantedSsrc: OTHER, sequenceNumber: 65_535 })).toEqual([]);
    expect(talk.says("floorTaken", { grantedSsrc: OTHER, sequenceNumber: 3 })).toEqual(["taken"]);
  });

  it("is the machine of the contract, row by row", () => {
    const told = prose("floor-states")
      .split("## Client")[1]!
      .matchAll(/^\| (U: [^|]*) \| ([^|]*) \| ([^|]*) \|$/gm);
    const ours = Object.entries(TABLE).flatMap(([state, row]) =>
      Object.entries(row).map(([event, procedure]) => [state, event, spaced(procedure.name)]),
    );
    expect(ours).toHaveLength(32);
    expect(ours.map((row) => row.join(" | ")).sort()).toEqual(
      Array.from(told, (row) => row.slice(1).join(" | ")).sort(),
    );
  });
});

function spaced(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
