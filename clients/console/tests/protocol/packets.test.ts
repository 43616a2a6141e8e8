import { describe, expect, it } from "vitest";
import type { AlertPacket } from "../../src/protocol/alert_packet";
import { decodeFloor, encodeFloor, type FloorMessage } from "../../src/protocol/floor_control";
import { Malformed } from "../../src/protocol/malformed";
import { concat, fromHex, hex, number, utf8 } from "../../src/protocol/octets";
import { decodeRtcp, encodeRtcp, NTP_UNITS, type RtcpPacket } from "../../src/protocol/rtcp";
import { decodeRtp, encodeRtp, isRtcp, type RtpPacket } from "../../src/protocol/rtp";
import { hostileOctets } from "./hostile";
import { vectors } from "./vectors";

const FLOOR = vectors("floor-control");
const RTCP = vectors("rtcp");
type Vector = ReturnType<typeof vectors>;

/** `fields` of a vector as our message: the names of the vectors are in snake case. */
function floorMessage(fields: Record<string, unknown>): FloorMessage {
  const named = Object.entries(fields).map(([name, value]) => {
    const camel = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    return [camel, name === "queue_info" ? queueInfo(value as [number, number]) : value];
  });
  return { kind: "floor", ...Object.fromEntries(named) } as FloorMessage;
}

function queueInfo([position, priority]: [number, number]) {
  return { position, priority };
}

describe("floor control", () => {
  it.each<Vector>(FLOOR.messages)("reads $name", (vector) => {
    expect(decodeFloor(fromHex(vector.octets))).toEqual(floorMessage(vector.fields));
  });

  it.each<Vector>(FLOOR.messages)("writes $name", (vector) => {
    expect(hex(encodeFloor(floorMessage(vector.fields)))).toBe(vector.encodes_to ?? vector.octets);
  });

  it.each<Vector>(FLOOR.malformed)("refuses: $name", (vector) => {
    expect(() => decodeRtcp(fromHex(vector.octets))).toThrow(Malformed);
  });

  it("passes over a message of a type that this version does not know", () => {
    expect(decodeRtcp(fromHex("87cc0002300000034d435054"))).toEqual([]);
  });

  it("cuts a text that is too long at a whole character", () => {
    const long: FloorMessage = { kind: "floor", type: 2, ssrc: 1, functionalAlias: "é".repeat(200) };
    expect(decodeFloor(encodeFloor(long)).functionalAlias).toBe("é".repeat(127));
  });
});

describe("RTCP", () => {
  it.each<Vector>(RTCP.datagrams)("reads and writes: $name", (vector) => {
    const packets = decodeRtcp(fromHex(vector.octets));
    expect(packets).toEqual(vector.packets.map(rtcpPacket));
    expect(hex(concat(...packets.map(encodeRtcp)))).toBe(vector.octets);
  });

  it("measures the round trip", () => {
    const { now, last_reference, delay, round_trip_s } = RTCP.round_trip;
    expect(((now - last_reference - delay) >>> 0) / NTP_UNITS).toBe(round_trip_s);
  });

  it("takes a cause of a refused alert that it does not know like any other", () => {
    const octets = fromHex("82cc000550000005534f534100000000000000f100070000");
    expect((decodeRtcp(octets)[0] as AlertPacket).cause).toBe(255);
  });
});

/** A packet of the vectors as ours. */
function rtcpPacket(vector: Record<string, never>): RtcpPacket {
  if (vector["kind"] === "reference time") return { ...vector, ntp: BigInt(`0x${vector["ntp"]}`) } as RtcpPacket;
  const blocks = (vector["blocks"] ?? []) as Record<string, number>[];
  const { about_ssrc, last_reference, ...rest } = vector as Record<string, unknown>;
  if (vector["kind"] === "delay since reference") {
    return { ...rest, aboutSsrc: about_ssrc, lastReference: last_reference } as unknown as RtcpPacket;
  }
  if (vector["kind"] !== "receiver report") return vector as unknown as RtcpPacket;
  const ours = blocks.map(({ fraction_lost, highest_sequence, ...block }) => ({
    ...block,
    fractionLost: fraction_lost,
    highestSequence: highest_sequence,
  }));
  return { ...rest, blocks: ours } as unknown as RtcpPacket;
}

describe("RTP", () => {
  const packet: RtpPacket = {
    sequence: 33_059,
    timestamp: 4_294_967_295,
    ssrc: 0x40000004,
    payload: utf8("opus"),
    marker: true,
    payloadType: 111,
  };

  it.each<Vector>(vectors("srtp").rtp)("reads: $name", (vector) => {
    const found = decodeRtp(fromHex(vector.plain));
    expect(found).toMatchObject({ ssrc: vector.ssrc, sequence: vector.sequence, payloadType: 111 });
    expect(hex(encodeRtp(found))).toBe(vector.plain);
  });

  it("is written as it is read", () => {
    expect(decodeRtp(encodeRtp(packet))).toEqual(packet);
    expect(isRtcp(encodeRtp(packet))).toBe(false);
  });

  it("reads over CSRCs and an extension, and takes padding off", () => {
    const head = encodeRtp({ ...packet, payload: new Uint8Array() });
    head[0] = 0x80 | 0x20 | 0x10 | 2;
    const extension = concat(number(0xbede, 2), number(1, 2), number(7, 4));
    const octets = concat(head, number(1, 4), number(2, 4), extension, utf8("opus"), Uint8Array.of(0, 0, 3));
    expect(decodeRtp(octets)).toEqual(packet);
  });
});

describe("hostile octets", () => {
  const packets: string[] = [...FLOOR.messages, ...RTCP.datagrams].map((vector: { octets: string }) => vector.octets);

  it("are never taken for more than they are, and nothing but Malformed is thrown", () => {
    let refused = 0;
    for (const octets of hostileOctets(packets.map(fromHex), 20_000)) {
      for (const read of [decodeRtcp, decodeFloor, decodeRtp]) {
        try {
          read(octets);
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
          refused += 1;
        }
      }
    }
    expect(refused).toBeGreaterThan(10_000);
  });
});
