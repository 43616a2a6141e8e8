/** Alerts on the media path: RTCP APP packets named "SOSA" (proto/alerts.md). A browser reads the server's answers. */
import { APP_PACKET_TYPE } from "./floor_control";
import { Malformed } from "./malformed";
import { concat, fromHex, hex, number, utf8, type Octets } from "./octets";

const NAME = "SOSA";
const BYTES = 24;
const DRILL = 0x80;
const PREFIX = "alr_";

/** 0: from the device, somebody calls for help; 1: the alert stands; 2: there is none, for `cause`. */
export type AlertSubtype = 0 | 1 | 2;

export const RefusalCause = { none: 0, switchedOff: 1, tooMany: 2, other: 255 } as const;

export interface AlertPacket {
  readonly kind: "alert";
  readonly subtype: AlertSubtype;
  readonly ssrc: number;
  readonly alert: string;
  readonly drill: boolean;
  readonly cause: number;
}

/** Whether it is an alert packet of a type that this version knows; others are passed over, not refused. */
export function isAlertPacket(packet: Uint8Array): boolean {
  const named = packet.length >= 12 && utf8(NAME).every((octet, at) => packet[8 + at] === octet);
  return packet[1] === APP_PACKET_TYPE && named && (packet[0]! & 0x1f) <= 2;
}

export function encodeAlert(packet: AlertPacket): Octets {
  const head = concat(number(0x80 | packet.subtype, 1), number(APP_PACKET_TYPE, 1), number(BYTES / 4 - 1, 2));
  const id = fromHex(packet.alert.slice(PREFIX.length));
  const tail = Uint8Array.of(packet.drill ? DRILL : 0, packet.cause, 0, 0);
  return concat(head, number(packet.ssrc, 4), utf8(NAME), id, tail);
}

/** What is longer than this version knows is passed over. Throws Malformed. */
export function decodeAlert(packet: Uint8Array): AlertPacket {
  if (packet.length < BYTES || !isAlertPacket(packet)) throw new Malformed("no alert packet");
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const cause = packet[21]!;
  return {
    kind: "alert",
    subtype: (packet[0]! & 0x1f) as AlertSubtype,
    ssrc: view.getUint32(4),
    alert: PREFIX + hex(packet.subarray(12, 20)),
    drill: (packet[20]! & DRILL) !== 0,
    cause: cause <= RefusalCause.tooMany ? cause : RefusalCause.other,
  };
}
