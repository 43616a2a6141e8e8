/** The way in: connections to the server, proofs of this device on them, and the resume token. */
import type { SessionStarted } from "../protocol/messages";
import { base64 } from "../protocol/octets";
import { sign, type Purpose } from "../protocol/proof";
import { Refused } from "./errors";
import { SignallingClient, type Connecting, type Ears, type Members } from "./signalling";
import type { DeviceStore, Identity } from "./store";

const TOKEN = "resume token";

type Entrance = "login" | "login.console" | "resume";

/** Told before the next frame is read, since what follows the reply rests on it. */
export type Adopt = (link: SignallingClient, reply: SessionStarted) => void;

/** How somebody comes in on a connection. Rejects with Refused, NotConnected. */
export type LogIn = (link: SignallingClient) => Promise<SessionStarted>;

export class Door {
  readonly #identity: Identity;
  readonly #store: DeviceStore;
  readonly #connecting: Connecting;
  readonly #adopt: Adopt;
  #isWiped = false;

  constructor(identity: Identity, store: DeviceStore, connecting: Connecting, adopt: Adopt) {
    this.#identity = identity;
    this.#store = store;
    this.#connecting = connecting;
    this.#adopt = adopt;
  }

  /** Rejects with ServerUnreachable, Refused. */
  open(ears: Ears): Promise<SignallingClient> {
    return SignallingClient.open(this.#connecting, ears);
  }

  withPin(pin: string): LogIn {
    return async (link) => {
      const signature = await this.#signature(link, "login");
      return this.#enter(link, "login", { device: this.#identity.device, pin, signature });
    };
  }

  /** The connection carries the cookie of the console's log-in. */
  withConsole(): LogIn {
    return async (link) => {
      const signature = await this.#signature(link, "login");
      return this.#enter(link, "login.console", { device: this.#identity.device, signature });
    };
  }

  /** `session`: the one to go on with, if its floor and its SSRCs are still held. */
  withToken(session?: string): LogIn {
    return async (link) => {
      const token = await this.#store.get<string>(TOKEN);
      if (token === undefined) throw new Refused("auth.failed", "there is no resume token");
      const signature = await this.#signature(link, "resume");
      return this.#enter(link, "resume", { device: this.#identity.device, token, signature, session });
    };
  }

  async #signature(link: SignallingClient, purpose: Purpose): Promise<string> {
    return base64(await sign(this.#identity.key, link.proof(purpose, this.#identity.device)));
  }

  async #enter<Type extends Entrance>(
    link: SignallingClient,
    type: Type,
    members: Members<Type>,
  ): Promise<SessionStarted> {
    const reply: SessionStarted = await link.ask(type, members, (session) => this.#adopt(link, session));
    if (reply.resume_token !== undefined && !this.#isWiped) await this.#store.put(TOKEN, reply.resume_token);
    return reply;
  }

  async hasToken(): Promise<boolean> {
    return (await this.#store.get(TOKEN)) !== undefined;
  }

  forgetToken(): Promise<void> {
    return this.#store.remove(TOKEN);
  }

  /** The organisation wiped this device: nothing of its keys stays, and nothing is written again. */
  async wipe(): Promise<void> {
    this.#isWiped = true;
    await this.#store.clear();
  }

  get isWiped(): boolean {
    return this.#isWiped;
  }
}
