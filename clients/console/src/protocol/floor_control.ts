/**
 * Floor control messages: RTCP APP packets named "MCPT" (3GPP TS 24.380 §8, RFC 3550 §6.7).
 *
 * One table, `CODECS`, serves both directions: a field id, the member that holds it, and how its value is written and
 * read. The picture of the octets is in proto/floor-control.md.
 */
import { Malformed } from "./malformed";
import { concat, fromUtf8, number, truncatedUtf8, utf8, type Octets } from "./octets";

export const APP_PACKET_TYPE = 204;
export const ACK_REQUIRED = 0x10;
export const NOT_QUEUED = 255;
const NAME = 0x4d435054;
const HEADER_BYTES = 12;
const MAX_TEXT_BYTES = 255;

/** Subtype of the message (TS 24.380 table 8.2.2.1-1). */
export const MessageType = {
  floorRequest: 0,
  floorGranted: 1,
  floorTaken: 2,
  floorDeny: 3,
  floorRelease: 4,
  floorIdle: 5,
  floorRevoke: 6,
  queuePositionRequest: 8,
  queuePositionInfo: 9,
  floorAck: 10,
  releaseMultiTalker: 15,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** Floor Indicator (TS 24.380 §8.2.3.15). */
export const Indicator = {
  normal: 0x8000,
  broadcastGroup: 0x4000,
  emergency: 0x1000,
  imminentPeril: 0x0800,
  queueingSupported: 0x0400,
  temporaryGroup: 0x0100,
} as const;

/** Who sent a Floor Ack (TS 24.380 §8.2.3.12). */
export const FLOOR_PARTICIPANT = 0;
const SOURCES = 4;

/** Position 1 is next, 254 is queued at an unknown place, 255 is not queued. */
export interface QueueInfo {
  readonly position: number;
  readonly priority: number;
}

/** One message; an absent field is undefined. `ssrc` is the sender's. Texts have at most 255 octets. */
export interface FloorMessage {
  readonly kind: "floor";
  readonly type: MessageType;
  readonly ssrc: number;
  readonly ackRequired?: boolean | undefined;
  readonly floorPriority?: number | undefined;
  readonly durationS?: number | undefined;
  readonly rejectCause?: number | undefined;
  readonly rejectPhrase?: string | undefined;
  readonly queueInfo?: QueueInfo | undefined;
  readonly grantedParty?: string | undefined;
  readonly permissionToRequest?: boolean | undefined;
  readonly userId?: string | undefined;
  readonly queueSize?: number | undefined;
  readonly sequenceNumber?: number | undefined;
  readonly queuedUserId?: string | undefined;
  readonly source?: number | undefined;
  readonly messageType?: number | undefined;
  readonly indicator?: number | undefined;
  readonly grantedSsrc?: number | undefined;
  readonly functionalAlias?: string | undefined;
}

type Fields = { -readonly [Name in keyof FloorMessage]?: FloorMessage[Name] };

const TYPES: ReadonlySet<number> = new Set(Object.values(MessageType));
const ACKNOWLEDGEABLE: ReadonlySet<number> = new Set([
  MessageType.floorGranted,
  MessageType.floorTaken,
  MessageType.floorDeny,
  MessageType.floorRelease,
  MessageType.floorIdle,
  MessageType.queuePositionInfo,
]);

/** Whether an APP packet is named MCPT. */
export function isFloorControl(packet: Uint8Array): boolean {
  return packet.length >= HEADER_BYTES && packet[1] === APP_PACKET_TYPE && word(packet, 8) === NAME;
}

/** Whether this version knows the type of the message; others are passed over, not refused. */
export function isKnownType(packet: Uint8Array): boolean {
  return TYPES.has(packet[0]! & 0x0f);
}

/** The RTCP APP packet. */
export function encodeFloor(message: FloorMessage): Octets {
  const fields: Octets[] = [];
  for (const [id, codec] of CODECS) {
    const value = codec.write(message);
    if (value !== undefined) fields.push(padded(concat(number(id, 1), number(value.length, 1), value)));
  }
  const body = concat(...fields);
  const subtype = message.type | (message.ackRequired ? ACK_REQUIRED : 0);
  const head = concat(number(0x80 | subtype, 1), number(APP_PACKET_TYPE, 1), number(2 + body.length / 4, 2));
  return concat(head, number(message.ssrc, 4), utf8("MCPT"), body);
}

/** One APP packet whose length field is right. Unknown fields are skipped. Throws Malformed. */
export function decodeFloor(packet: Uint8Array): FloorMessage {
  if (!isFloorControl(packet)) throw new Malformed("no floor control message");
  const ackRequired = (packet[0]! & ACK_REQUIRED) !== 0;
  const type = packet[0]! & 0x0f;
  if (!TYPES.has(type)) throw new Malformed("no floor control message of this version");
  if (ackRequired && !ACKNOWLEDGEABLE.has(type)) throw new Malformed("this message is not acknowledged");
  return { kind: "floor", type: type as MessageType, ssrc: word(packet, 4), ackRequired, ...readFields(packet) };
}

function readFields(packet: Uint8Array): Fields {
  const found: Fields = {};
  let at = HEADER_BYTES;
  while (at < packet.length) {
    const id = packet[at]!;
    // "The length of the <Length> value is 8 bits; for ids of 192 and above, 16 bits" (TS 24.380 §8.2.3.1)
    const prefix = id >= 192 ? 3 : 2;
    if (at + prefix > packet.length) throw new Malformed("a field is cut off");
    const length = prefix === 3 ? packet[at + 1]! * 256 + packet[at + 2]! : packet[at + 1]!;
    const end = at + prefix + length;
    if (end > packet.length) throw new Malformed("a field is cut off");
    Object.assign(found, CODECS.get(id)?.read(packet.subarray(at + prefix, end)));
    at = end + ((4 - ((prefix + length) % 4)) % 4);
  }
  return found;
}

interface Codec {
  write(message: FloorMessage): Octets | undefined;
  read(value: Uint8Array): Fields;
}

type Named<Type> = {
  [Name in keyof FloorMessage]-?: Type extends FloorMessage[Name] ? Name : never;
}[keyof FloorMessage];

/** A number of `size` octets, then `spare` octets. */
function fixed(name: Named<number>, size: number, spare = 0, limit = Infinity): Codec {
  return {
    write: (message) => {
      const value = message[name];
      return value === undefined ? undefined : concat(number(value, size), new Uint8Array(spare));
    },
    read: (value) => {
      if (value.length !== size + spare) throw new Malformed(`${name} has a wrong size`);
      const found = value.subarray(0, size).reduce((sum, octet) => sum * 256 + octet, 0);
      if (found >= limit) throw new Malformed(`${name} is out of range`);
      return { [name]: found };
    },
  };
}

function text(name: "grantedParty" | "userId" | "queuedUserId" | "functionalAlias"): Codec {
  return {
    write: (message) => {
      const value = message[name];
      return value === undefined ? undefined : truncatedUtf8(value, MAX_TEXT_BYTES);
    },
    read: (value) => ({ [name]: fromUtf8(value) }),
  };
}

const PERMISSION: Codec = {
  write: ({ permissionToRequest }) =>
    permissionToRequest === undefined ? undefined : number(permissionToRequest ? 1 : 0, 2),
  read: (value) => {
    if (value.length !== 2) throw new Malformed("permission to request has a wrong size");
    return { permissionToRequest: value[0] !== 0 || value[1] !== 0 };
  },
};

const CAUSE: Codec = {
  write: ({ rejectCause, rejectPhrase }) =>
    rejectCause === undefined
      ? undefined
      : concat(number(rejectCause, 2), truncatedUtf8(rejectPhrase ?? "", MAX_TEXT_BYTES - 2)),
  read: (value) => {
    if (value.length < 2) throw new Malformed("a reject cause is cut off");
    return { rejectCause: value[0]! * 256 + value[1]!, rejectPhrase: fromUtf8(value.subarray(2)) };
  },
};

const QUEUE_INFO: Codec = {
  write: ({ queueInfo }) =>
    queueInfo === undefined ? undefined : Uint8Array.of(queueInfo.position, queueInfo.priority),
  read: (value) => {
    if (value.length !== 2) throw new Malformed("a queue info has a wrong size");
    return { queueInfo: { position: value[0]!, priority: value[1]! } };
  },
};

// In the order in which they are written (TS 24.380 §8.2.3). Track Info, the lists of a multi-talker floor and the
// locations are read over: a single-talker group has no use for them.
const CODECS: ReadonlyMap<number, Codec> = new Map([
  [0, fixed("floorPriority", 1, 1)],
  [1, fixed("durationS", 2)],
  [2, CAUSE],
  [3, QUEUE_INFO],
  [4, text("grantedParty")],
  [5, PERMISSION],
  [6, text("userId")],
  [7, fixed("queueSize", 2)],
  [8, fixed("sequenceNumber", 2)],
  [9, text("queuedUserId")],
  [10, fixed("source", 2, 0, SOURCES)],
  [12, fixed("messageType", 1, 1)],
  [13, fixed("indicator", 2)],
  [14, fixed("grantedSsrc", 4, 2)],
  [17, text("functionalAlias")],
]);

function padded(octets: Octets): Octets {
  return concat(octets, new Uint8Array((4 - (octets.length % 4)) % 4));
}

function word(packet: Uint8Array, at: number): number {
  return new DataView(packet.buffer, packet.byteOffset, packet.byteLength).getUint32(at);
}
