/** The console session while somebody is logged in: how long it lasts, that somebody is there, and its end. */
import { Refused, ServerUnreachable } from "../radio/errors";
import type { Ending } from "./entrance.svelte";
import type { Account, ConsoleSession } from "./rest";

/** A page that is only watched says that somebody is there so often at most (proto/console.md). */
const TELL_EVERY_MS = 60_000;
/** Talking and dispatching lengthen it on the server: it is read anew so often. */
const READ_EVERY_MS = 60_000;
const SLACK_MS = 2_000;
const TOUCHES = ["keydown", "pointerdown", "pointermove", "wheel"] as const;

export class SessionWatch {
  session = $state.raw() as ConsoleSession;
  readonly #account: Account;
  readonly #ended: (reason: Ending) => void;
  readonly #over = new AbortController();
  #toldMs = Date.now();
  #isLeaving = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `ended` is called once. */
  constructor(session: ConsoleSession, account: Account, ended: (reason: Ending) => void) {
    this.session = session;
    this.#account = account;
    this.#ended = ended;
    const { signal } = this.#over;
    for (const touch of TOUCHES) {
      window.addEventListener(touch, () => void this.#touched(), { signal, passive: true, capture: true });
    }
    document.addEventListener("visibilitychange", () => void this.read(), { signal });
    this.#readLater();
  }

  /** No more of it: the page leaves the session to itself. */
  close(): void {
    this.#over.abort();
    clearTimeout(this.#timer);
  }

  /** Somebody is at the desk. */
  async stay(): Promise<void> {
    this.#toldMs = Date.now();
    await this.#asking(() => this.#account.active());
    await this.read();
  }

  /** How it stands; whoever sees the radio end asks whether the session has ended too. */
  async read(): Promise<void> {
    if (this.#isLeaving) return; // the radio ends before the answer to the log-out is here
    const session = await this.#asking(() => this.#account.session());
    if (session !== undefined) this.session = session;
    this.#readLater();
  }

  /** Rejects with Refused and ServerUnreachable: then one is logged in still. */
  async logOut(): Promise<void> {
    this.#isLeaving = true;
    try {
      await this.#account.logOut();
    } catch (error) {
      this.#isLeaving = false;
      if (!(error instanceof Refused) || error.code !== "auth.required") throw error;
    }
    this.#end("logged_out");
  }

  async #touched(): Promise<void> {
    if (Date.now() - this.#toldMs >= TELL_EVERY_MS) await this.stay();
  }

  #readLater(): void {
    clearTimeout(this.#timer);
    if (this.#over.signal.aborted) return;
    const { idle_expires_ms: idle, absolute_expires_ms: absolute } = this.session;
    const leftMs = Math.min(idle, absolute) - Date.now();
    this.#timer = setTimeout(() => void this.read(), leftMs > 0 ? Math.min(leftMs + 100, READ_EVERY_MS) : SLACK_MS);
  }

  /** A server that does not answer ends nothing: the radio shows that the connection is lost. */
  async #asking<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof Refused && error.code === "auth.required") this.#end(this.#reason());
      else if (!(error instanceof Refused || error instanceof ServerUnreachable)) throw error;
      return undefined;
    }
  }

  #reason(): Ending {
    const nowMs = Date.now() + SLACK_MS;
    if (nowMs >= this.session.absolute_expires_ms) return "absolute";
    return nowMs >= this.session.idle_expires_ms ? "idle" : "logged_out";
  }

  #end(reason: Ending): void {
    if (this.#over.signal.aborted) return;
    this.close();
    this.#ended(reason);
  }
}
