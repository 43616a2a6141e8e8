/** RTP (RFC 3550 §5.1) with one Opus packet (RFC 7587), and how a frame tells it from RTCP (RFC 5761 §4). */
import { Malformed } from "./malformed";
import type { Octets } from "./octets";

export const OPUS_PAYLOAD_TYPE = 111;
/** RFC 7587 §4.1: always 48 kHz, whatever the audio bandwidth. */
export const OPUS_CLOCK_HZ = 48_000;
export const RTP_HEADER_BYTES = 12;

/** One RTP packet without CSRCs or header extension. `timestamp` in 1/48,000 s. */
export interface RtpPacket {
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Octets;
  readonly marker: boolean;
  readonly payloadType: number;
}

/** RFC 5761 §4: packet types 192 to 223 are RTCP. */
export function isRtcp(packet: Uint8Array): boolean {
  const second = packet[1] ?? 0;
  return second >= 192 && second <= 223;
}

export function encodeRtp(packet: RtpPacket): Octets {
  const octets = new Uint8Array(RTP_HEADER_BYTES + packet.payload.length);
  const view = new DataView(octets.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, packet.payloadType | (packet.marker ? 0x80 : 0));
  view.setUint16(2, packet.sequence);
  view.setUint32(4, packet.timestamp);
  view.setUint32(8, packet.ssrc);
  octets.set(packet.payload, RTP_HEADER_BYTES);
  return octets;
}

/** CSRCs and an extension are read over, padding is taken off. Throws Malformed. */
export function decodeRtp(packet: Uint8Array): RtpPacket {
  if (packet.length < RTP_HEADER_BYTES || packet[0]! >> 6 !== 2) throw new Malformed("no RTP packet");
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let start = RTP_HEADER_BYTES + 4 * (packet[0]! & 0x0f);
  if (packet[0]! & 0x10) {
    if (packet.length < start + 4) throw new Malformed("the header extension is cut off");
    start += 4 + 4 * view.getUint16(start + 2);
  }
  const end = packet.length - (packet[0]! & 0x20 ? packet[packet.length - 1]! : 0);
  if (start > end) throw new Malformed("the RTP packet is shorter than it says");
  return {
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: new Uint8Array(packet.subarray(start, end)),
    marker: (packet[1]! & 0x80) !== 0,
    payloadType: packet[1]! & 0x7f,
  };
}
