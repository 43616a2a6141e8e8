/** The way in: invitation or log-in, second factor, and back here when the session is over. */
import { Refused, ServerUnreachable } from "../radio/errors";
import type { Fault } from "../texts/errors";
import { makePasskey, passkeysKnown, PasskeyNotUsed, usePasskey } from "./factors";
import type { Account, Activation, ConsoleSession, SecondStep } from "./rest";

export type Ending = "idle" | "absolute" | "logged_out";

export type Step =
  /** Whether somebody is logged in already. */
  | { readonly is: "looking" }
  | { readonly is: "unreachable" }
  | { readonly is: "log_in"; readonly reason?: Ending | undefined }
  | { readonly is: "activate"; readonly code: string }
  | { readonly is: "choose"; readonly activation: Activation }
  | { readonly is: "factor"; readonly second: SecondStep }
  /** `fresh`: by a log-in just now; otherwise the page was loaded again. */
  | { readonly is: "in"; readonly session: ConsoleSession; readonly fresh: boolean };

const ORGANISATION = "console.organisation";
/** So many wrong codes a ticket bears, and one wrong passkey (proto/console.md). */
const CODES_OF_A_TICKET = 3;

export class Entrance {
  step = $state.raw<Step>({ is: "looking" });
  busy = $state(false);
  fault = $state.raw<Fault | undefined>(undefined);
  readonly #account: Account;
  readonly #storage: Storage;
  #refused = 0;
  #invitation = "";

  constructor(account: Account, storage: Storage) {
    this.#account = account;
    this.#storage = storage;
  }

  /** The only thing that is remembered of who was here: names belong to the browser's password store. */
  get organisation(): string {
    return this.#storage.getItem(ORGANISATION) ?? "";
  }

  /** `invitation`: the code of a link, if the page was opened by one. */
  async open(invitation: string | undefined): Promise<void> {
    if (invitation !== undefined) return this.#go({ is: "activate", code: invitation });
    this.#go({ is: "looking" });
    try {
      this.#go({ is: "in", session: await this.#account.session(), fresh: false });
    } catch (error) {
      if (error instanceof ServerUnreachable) return this.#go({ is: "unreachable" });
      this.#go({ is: "log_in" });
      if (!(error instanceof Refused)) throw error;
      if (error.code !== "auth.required") this.fault = error;
    }
  }

  logIn(tenant: string, name: string, password: string): Promise<void> {
    return this.#attempt(async () => {
      const second = await this.#account.logIn(tenant, name, password);
      this.#storage.setItem(ORGANISATION, tenant);
      this.#go({ is: "factor", second });
    });
  }

  /** Of the authenticator app. */
  giveCode(code: string): Promise<void> {
    return this.#attempt(async () => {
      const { step } = this;
      if (step.is === "factor") this.#enter(await this.#account.logInByCode(step.second.ticket, code));
      if (step.is === "choose") await this.#activated(this.#account.activateByCode(step.activation.ticket, code));
    });
  }

  givePasskey(): Promise<void> {
    return this.#attempt(async () => {
      const { step } = this;
      if (step.is === "factor" && step.second.passkey) {
        const credential = await usePasskey(step.second.passkey);
        this.#refused = CODES_OF_A_TICKET;
        this.#enter(await this.#account.logInByPasskey(step.second.ticket, credential));
      }
      if (step.is === "choose" && step.activation.passkey) {
        const credential = await makePasskey(step.activation.passkey);
        this.#refused = CODES_OF_A_TICKET;
        await this.#activated(this.#account.activateByPasskey(step.activation.ticket, credential));
      }
    });
  }

  activate(code: string, password: string): Promise<void> {
    return this.#attempt(async () => {
      this.#invitation = code;
      this.#go({ is: "choose", activation: await this.#account.activate(code, password) });
    });
  }

  /** Whether a passkey can be made or used at this step. */
  get offersPasskey(): boolean {
    const { step } = this;
    if (!passkeysKnown()) return false;
    return step.is === "choose" ? !!step.activation.passkey : step.is === "factor" && !!step.second.passkey;
  }

  back(): void {
    this.#go({ is: "log_in" });
  }

  /** The session is over. */
  ended(reason: Ending): void {
    this.#go({ is: "log_in", reason });
  }

  #enter({ session }: { session: ConsoleSession }): void {
    this.#go({ is: "in", session, fresh: true });
  }

  async #activated(done: Promise<void>): Promise<void> {
    await done;
    this.#go({ is: "in", session: await this.#account.session(), fresh: true });
  }

  #go(step: Step): void {
    this.fault = undefined;
    this.#refused = 0;
    this.step = step;
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.fault = undefined;
    try {
      await work();
    } catch (error) {
      this.fault = faultOf(error);
      this.#afterFault(this.fault);
    } finally {
      this.busy = false;
    }
  }

  /** Where the ticket is used up, the way begins anew, and the fault stays in sight. */
  #afterFault({ code }: Fault): void {
    const { step } = this;
    if (code !== "auth.failed") return;
    this.#refused += 1;
    if (this.#refused < CODES_OF_A_TICKET) return;
    if (step.is === "factor") this.step = { is: "log_in" };
    if (step.is === "choose") this.step = { is: "activate", code: this.#invitation };
  }
}

function faultOf(error: unknown): Fault {
  if (error instanceof Refused) return error;
  if (error instanceof ServerUnreachable) return { code: "page.unreachable" };
  if (error instanceof PasskeyNotUsed) return { code: "page.passkey" };
  throw error;
}
