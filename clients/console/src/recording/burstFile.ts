/**
 * The file of one recorded talk burst: sealed records, appended while it is heard.
 *
 *     record  = length (4, of what follows)  nonce (12)  AES-256-GCM(kind (1)  content)
 *     file    = about  voice ...  end
 *
 * Associated data of a record are the file's name and the record's number, so none can be moved, doubled or left out in
 * between. A file that ends without `end` was cut short by a crash; one with a record that does not open is damaged from
 * there on, and what stands before it is still good.
 */

import { joined, type Bytes } from "./bytes";

/** What a burst was. Times are UTC milliseconds. */
export interface About {
  readonly group: string;
  readonly groupName: string;
  readonly talker: string | null;
  readonly talkerName: string;
  readonly kind: "group" | "private" | "broadcast" | "alert";
  readonly startedMs: number;
  /** The alert that it belongs to. */
  readonly alert?: string;
}

/** One Opus frame; `timestamp` counts 48 kHz samples from the burst's first. */
export interface RecordedFrame {
  readonly timestamp: number;
  readonly opus: Uint8Array;
}

/** `interrupted`: the console stopped while it was recording. `damaged`: good up to where the file does not open. */
export interface Summary {
  readonly about: About;
  readonly endedMs: number;
  readonly state: "whole" | "interrupted" | "damaged";
}

export interface RecordedBurst extends Summary {
  readonly frames: readonly RecordedFrame[];
}

export class Unreadable extends Error {
  constructor() {
    super("This file is no recording that the passphrase opens.");
  }
}

const ABOUT = 1;
const VOICE = 2;
const END = 3;
const LENGTH_BYTES = 4;
const NONCE_BYTES = 12;
const SHORTEST_RECORD = NONCE_BYTES + 1 + 16; // with the kind and the tag
const FRAME_HEAD_BYTES = 6;
const SAMPLES_PER_MS = 48;
const FRAME_MS = 20;

/** Seals the records of one file, in their order. */
export class BurstSealer {
  private next = 0;

  constructor(
    private readonly key: CryptoKey,
    private readonly name: string,
  ) {}

  about(about: About): Promise<Bytes> {
    return this.seal(ABOUT, json(about));
  }

  voice(frames: readonly RecordedFrame[]): Promise<Bytes> {
    return this.seal(VOICE, joined(frames.flatMap((frame) => [frameHead(frame), frame.opus])));
  }

  end(endedMs: number): Promise<Bytes> {
    return this.seal(END, json({ endedMs }));
  }

  private async seal(kind: number, content: Uint8Array): Promise<Bytes> {
    const additionalData = place(this.name, this.next++);
    const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const plain = joined([Uint8Array.of(kind), content]);
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, this.key, plain);
    const length = new Uint8Array(LENGTH_BYTES);
    new DataView(length.buffer).setUint32(0, iv.length + sealed.byteLength);
    return joined([length, iv, new Uint8Array(sealed)]);
  }
}

/** Reads a whole file. Throws Unreadable if not even its first record opens. */
export async function readBurst(key: CryptoKey, name: string, file: Bytes): Promise<RecordedBurst> {
  const frames: RecordedFrame[] = [];
  let about: About | undefined;
  let endedMs: number | undefined;
  let damaged = false;
  for await (const record of records(key, name, file)) {
    if (record === null) damaged = true;
    else if (record.kind === ABOUT) about = parsed<About>(record.content);
    else if (record.kind === VOICE) frames.push(...framesOf(record.content));
    else if (record.kind === END) endedMs = parsed<{ endedMs: number }>(record.content).endedMs;
  }
  if (about === undefined) throw new Unreadable();
  const last = frames.at(-1);
  const heardMs = last === undefined ? 0 : last.timestamp / SAMPLES_PER_MS + FRAME_MS;
  const state = damaged ? "damaged" : endedMs === undefined ? "interrupted" : "whole";
  return { about, frames, endedMs: endedMs ?? about.startedMs + heardMs, state };
}

interface OpenedRecord {
  readonly kind: number;
  readonly content: Uint8Array;
}

/** The records up to the first that does not open; that one is null. One that was written in part ends the file. */
async function* records(key: CryptoKey, name: string, file: Bytes): AsyncGenerator<OpenedRecord | null> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let number = 0;
  for (let at = 0; at + LENGTH_BYTES <= file.length; number++) {
    const start = at + LENGTH_BYTES;
    const length = view.getUint32(at);
    if (length < SHORTEST_RECORD) return yield null;
    if (start + length > file.length) return;
    const record = await opened(key, place(name, number), file.slice(start, start + length));
    yield record;
    if (record === null) return;
    at = start + length;
  }
}

async function opened(key: CryptoKey, additionalData: Bytes, sealed: Bytes): Promise<OpenedRecord | null> {
  const algorithm = { name: "AES-GCM", iv: sealed.slice(0, NONCE_BYTES), additionalData };
  try {
    const plain = new Uint8Array(await crypto.subtle.decrypt(algorithm, key, sealed.slice(NONCE_BYTES)));
    return { kind: plain[0]!, content: plain.subarray(1) };
  } catch {
    return null;
  }
}

const place = (name: string, number: number): Bytes =>
  new TextEncoder().encode(`pttserver recording 1 ${name} ${number}`);
const json = (value: unknown): Bytes => new TextEncoder().encode(JSON.stringify(value));
const parsed = <Value>(content: Uint8Array): Value => JSON.parse(new TextDecoder().decode(content)) as Value;

function frameHead(frame: RecordedFrame): Uint8Array {
  const head = new Uint8Array(FRAME_HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setUint32(0, frame.timestamp);
  view.setUint16(4, frame.opus.length);
  return head;
}

function framesOf(content: Uint8Array): RecordedFrame[] {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const frames: RecordedFrame[] = [];
  for (let at = 0; at < content.length;) {
    const length = view.getUint16(at + 4);
    const start = at + FRAME_HEAD_BYTES;
    frames.push({ timestamp: view.getUint32(at), opus: content.slice(start, start + length) });
    at = start + length;
  }
  return frames;
}
