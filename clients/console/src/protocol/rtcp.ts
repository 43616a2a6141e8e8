/**
 * RTCP: compound packets (RFC 3550 §6), receiver reports, the round-trip time of listeners (RFC 3611 §4.4, §4.5), Bye.
 *
 * The keep-alive is a Receiver Report and a Receiver Reference Time; the server answers with an empty Receiver Report
 * and a DLRR block. A floor control message may stand alone (reduced size, RFC 5506).
 */
import { decodeAlert, encodeAlert, isAlertPacket, type AlertPacket } from "./alert_packet";
import {
  APP_PACKET_TYPE,
  decodeFloor,
  encodeFloor,
  isFloorControl,
  isKnownType,
  type FloorMessage,
} from "./floor_control";
import { Malformed } from "./malformed";
import { concat, number, type Octets } from "./octets";

const RECEIVER_REPORT = 201;
const BYE = 203;
const EXTENDED_REPORT = 207;
const RRTR_BLOCK = 4;
const DLRR_BLOCK = 5;
const HEADER_BYTES = 8;
const REPORT_BYTES = 24;
const XR_TIME_BYTES = 12;
const XR_DLRR_BYTES = 16;
/** Of the middle 32 bits of an NTP time stamp, in a second. */
export const NTP_UNITS = 65_536;
export const MAX_BLOCKS = 31;

/** What a listener says of one talk burst (RFC 3550 §6.4.1). `jitter` in 1/48,000 s; `lost` is signed, 24 bits. */
export interface ReportBlock {
  readonly ssrc: number;
  readonly fractionLost: number;
  readonly lost: number;
  readonly highestSequence: number;
  readonly jitter: number;
}

export interface ReceiverReport {
  readonly kind: "receiver report";
  readonly ssrc: number;
  readonly blocks: readonly ReportBlock[];
}

/** `ntp`: 64-bit NTP time stamp of the sender's own clock, which need not tell the time of day. */
export interface ReferenceTime {
  readonly kind: "reference time";
  readonly ssrc: number;
  readonly ntp: bigint;
}

/** The middle 32 bits of the reference time, and the delay since, in 1/65,536 s. */
export interface DelaySinceReference {
  readonly kind: "delay since reference";
  readonly ssrc: number;
  readonly aboutSsrc: number;
  readonly lastReference: number;
  readonly delay: number;
}

export interface Bye {
  readonly kind: "bye";
  readonly ssrc: number;
}

export type RtcpPacket = FloorMessage | AlertPacket | ReceiverReport | ReferenceTime | DelaySinceReference | Bye;

/** All packets of a datagram in their order; kinds that we have no use for are left out. Throws Malformed. */
export function decodeRtcp(datagram: Uint8Array): RtcpPacket[] {
  if (datagram.length === 0) throw new Malformed("an empty RTCP datagram");
  const found: RtcpPacket[] = [];
  for (let at = 0; at < datagram.length;) {
    if (datagram.length - at < HEADER_BYTES || datagram[at]! >> 6 !== 2) throw new Malformed("no RTCP packet");
    const size = 4 * (1 + datagram[at + 2]! * 256 + datagram[at + 3]!);
    if (size < HEADER_BYTES || at + size > datagram.length) throw new Malformed("the RTCP packet is cut off");
    found.push(...decodeOne(datagram.subarray(at, at + size)));
    at += size;
  }
  return found;
}

function decodeOne(packet: Uint8Array): RtcpPacket[] {
  switch (packet[1]) {
    case APP_PACKET_TYPE:
      if (isFloorControl(packet)) return isKnownType(packet) ? [decodeFloor(packet)] : [];
      return isAlertPacket(packet) ? [decodeAlert(packet)] : [];
    case RECEIVER_REPORT:
      return [decodeReport(packet)];
    case EXTENDED_REPORT:
      return decodeExtended(packet);
    case BYE:
      return [{ kind: "bye", ssrc: view(packet).getUint32(4) }];
    default:
      return [];
  }
}

function decodeReport(packet: Uint8Array): ReceiverReport {
  const count = packet[0]! & 0x1f;
  if (packet.length < HEADER_BYTES + count * REPORT_BYTES) throw new Malformed("a report block is cut off");
  const words = view(packet);
  const blocks = Array.from({ length: count }, (_, index) => {
    const at = HEADER_BYTES + index * REPORT_BYTES;
    return {
      ssrc: words.getUint32(at),
      fractionLost: words.getUint8(at + 4),
      lost: (words.getInt32(at + 4) << 8) >> 8, // the lower 24 bits, with their sign
      highestSequence: words.getUint32(at + 8),
      jitter: words.getUint32(at + 12),
    };
  });
  return { kind: "receiver report", ssrc: words.getUint32(4), blocks };
}

function decodeExtended(packet: Uint8Array): RtcpPacket[] {
  const found: RtcpPacket[] = [];
  const words = view(packet);
  const ssrc = words.getUint32(4);
  for (let at = HEADER_BYTES; at < packet.length;) {
    const size = 4 * (1 + words.getUint16(at + 2));
    if (at + size > packet.length) throw new Malformed("a block of an extended report is cut off");
    if (packet[at] === RRTR_BLOCK && size === XR_TIME_BYTES) {
      found.push({ kind: "reference time", ssrc, ntp: words.getBigUint64(at + 4) });
    } else if (packet[at] === DLRR_BLOCK && size === XR_DLRR_BYTES) {
      const [aboutSsrc, lastReference] = [words.getUint32(at + 4), words.getUint32(at + 8)];
      found.push({ kind: "delay since reference", ssrc, aboutSsrc, lastReference, delay: words.getUint32(at + 12) });
    }
    at += size;
  }
  return found;
}

export function encodeRtcp(packet: RtcpPacket): Octets {
  switch (packet.kind) {
    case "floor":
      return encodeFloor(packet);
    case "alert":
      return encodeAlert(packet);
    case "receiver report":
      return concat(
        head(RECEIVER_REPORT, packet.blocks.length, packet.ssrc, 6 * packet.blocks.length),
        ...blocks(packet),
      );
    case "reference time":
      return concat(
        head(EXTENDED_REPORT, 0, packet.ssrc, 3),
        Uint8Array.of(RRTR_BLOCK, 0, 0, 2),
        longNumber(packet.ntp),
      );
    case "delay since reference": {
      const block = [packet.aboutSsrc, packet.lastReference, packet.delay].map((value) => number(value, 4));
      return concat(head(EXTENDED_REPORT, 0, packet.ssrc, 4), Uint8Array.of(DLRR_BLOCK, 0, 0, 3), ...block);
    }
    case "bye":
      return head(BYE, 1, packet.ssrc, 0);
  }
}

function blocks(report: ReceiverReport): Octets[] {
  return report.blocks.map((block) =>
    concat(
      number(block.ssrc, 4),
      number(block.fractionLost, 1),
      number(block.lost & 0xffffff, 3),
      number(block.highestSequence, 4),
      number(block.jitter, 4),
      new Uint8Array(8),
    ),
  );
}

function head(type: number, count: number, ssrc: number, wordsAfter: number): Octets {
  return concat(Uint8Array.of(0x80 | count, type), number(1 + wordsAfter, 2), number(ssrc, 4));
}

function longNumber(value: bigint): Octets {
  const octets = new Uint8Array(8);
  view(octets).setBigUint64(0, value);
  return octets;
}

function view(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
