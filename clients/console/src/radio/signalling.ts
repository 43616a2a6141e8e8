/** One WebSocket to the server, from `open` to `closed`: requests with replies, events, media packets. */
import { Malformed } from "../protocol/malformed";
import type { Replies, Requests, ServerEvent, ServerMessage, Welcome } from "../protocol/messages";
import { fromBase64, type Octets } from "../protocol/octets";
import { proof, PROTOCOL_VERSION, type Purpose } from "../protocol/proof";
import { readMessage } from "../protocol/reading";
import type { Clock } from "./clock";
import { NotConnected, Refused, ServerUnreachable } from "./errors";

export const SUBPROTOCOL = "ptt.v1";
const CLIENT = "ptt-console/0.1";
const CONNECT_TIMEOUT_S = 10;
const REPLY_TIMEOUT_S = 20;
const MOST_WAITING_BYTES = 32_768; // some five seconds of speech: what is older than that helps nobody

/** What the request of a type has beside `type` and `id`. */
export type Members<Type extends keyof Requests> = Omit<Requests[Type], "type" | "id">;
/** Sends a request and gives its reply. Rejects with Refused, NotConnected. */
export type Ask = <Type extends keyof Requests>(type: Type, members: Members<Type>) => Promise<Replies[Type]>;

export interface Connecting {
  readonly url: string;
  readonly clock: Clock;
  /** `new WebSocket`, unless a test has its own. */
  readonly openSocket: (url: string, subprotocol: string) => WebSocket;
  /** What proofs are bound to: 32 octets. A browser's is SHA-256 of the page's origin. */
  readonly digest: () => Promise<Octets>;
}

/** Who hears what comes in. Called in the order of the frames. */
export interface Ears {
  event(event: ServerEvent): void;
  packet(packet: Octets): void;
  closed(code: number): void;
}

interface Waiting {
  readonly answered: (reply: ServerMessage) => void;
  readonly refused: (error: Error) => void;
}

export class SignallingClient {
  /** Monotonic seconds at which the server was heard last. */
  heardAt: number;
  readonly #socket: WebSocket;
  readonly #ears: Ears;
  readonly #clock: Clock;
  readonly #digest: Octets;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #challenge: Octets = new Uint8Array();
  #isClosed = false;

  private constructor(socket: WebSocket, ears: Ears, clock: Clock, digest: Octets) {
    this.#socket = socket;
    this.#ears = ears;
    this.#clock = clock;
    this.#digest = digest;
    this.heardAt = clock.now();
    socket.addEventListener("message", ({ data }) => this.#receive(data as string | ArrayBuffer));
    socket.addEventListener("close", ({ code }) => this.#closed(code));
  }

  /** Connects and says hello. Rejects with ServerUnreachable, Refused (`protocol.version`). */
  static async open(connecting: Connecting, ears: Ears): Promise<SignallingClient> {
    const digest = await connecting.digest();
    const socket = connecting.openSocket(connecting.url, SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    const client = new SignallingClient(socket, ears, connecting.clock, digest);
    try {
      await opened(socket, connecting.clock);
      const hello = client.ask("hello", { protocol: PROTOCOL_VERSION, client: CLIENT });
      const welcome: Welcome = await hello;
      client.#challenge = fromBase64(welcome.challenge);
      return client;
    } catch (error) {
      client.close();
      throw error instanceof NotConnected ? new ServerUnreachable("the server ended the connection") : error;
    }
  }

  /** The octets to sign on this connection. */
  proof(purpose: Purpose, credential: string): Octets {
    return proof(purpose, this.#challenge, this.#digest, credential);
  }

  /**
   * Sends the request at once. `onReply` is called before the next frame is read: what follows the reply may rest on it.
   */
  ask<Type extends keyof Requests>(
    type: Type,
    members: Members<Type>,
    onReply?: (reply: Replies[Type]) => void,
  ): Promise<Replies[Type]> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new NotConnected("the connection is lost"));
      const giveUp = this.#clock.after(REPLY_TIMEOUT_S, () => {
        this.#waiting.delete(id);
        reject(new NotConnected("the server did not answer in time"));
      });
      this.#waiting.set(id, {
        answered: (reply) => {
          giveUp();
          try {
            onReply?.(reply as Replies[Type]);
            resolve(reply as Replies[Type]);
          } catch (error) {
            reject(error as Error);
          }
        },
        refused: (error) => {
          giveUp();
          reject(error);
        },
      });
      this.#socket.send(JSON.stringify({ type, id, ...members }));
    });
  }

  /** An RTCP packet, in order with requests and voice: a release must not overtake the last word. */
  sendControl(packet: Octets): void {
    if (!this.#isClosed) this.#socket.send(packet);
  }

  /** An RTP packet; it is dropped when the connection is too slow for voice. */
  sendVoice(packet: Octets): void {
    if (!this.#isClosed && this.#socket.bufferedAmount < MOST_WAITING_BYTES) this.#socket.send(packet);
  }

  /** `ears.closed` is not told of an end that we made ourselves. */
  close(): void {
    if (this.#isClosed) return;
    this.#end();
    this.#socket.close(1000);
  }

  #receive(data: string | ArrayBuffer): void {
    if (this.#isClosed) return;
    this.heardAt = this.#clock.now();
    if (typeof data !== "string") return this.#ears.packet(new Uint8Array(data));
    try {
      const message = readMessage(data);
      if (message !== undefined) this.#take(message);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      // a newer server may say things that this version cannot read
    }
  }

  #take(message: ServerMessage): void {
    const re = "re" in message ? message.re : undefined;
    if (re === undefined) return this.#ears.event(message as ServerEvent);
    const waiting = this.#waiting.get(re);
    this.#waiting.delete(re);
    if (waiting === undefined) return; // whoever asked has given up
    if (message.type === "error") waiting.refused(new Refused(message.code, message.message, message.details));
    else waiting.answered(message);
  }

  #closed(code: number): void {
    if (this.#isClosed) return;
    this.#end();
    this.#ears.closed(code);
  }

  #end(): void {
    this.#isClosed = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { refused } of waiting) refused(new NotConnected("the connection is lost"));
  }
}

function opened(socket: WebSocket, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = () => reject(new ServerUnreachable("the server cannot be reached"));
    const giveUp = clock.after(CONNECT_TIMEOUT_S, failed);
    socket.addEventListener("open", () => (giveUp(), resolve()));
    socket.addEventListener("error", () => (giveUp(), failed()));
    socket.addEventListener("close", () => (giveUp(), failed()));
  });
}
