/** Whether the console is here: in this tab, of this browser, of this dispatcher; and if not, why, and what to do. */
import type { ConsoleSession } from "../account/rest";
import { holdConsole, type GiveUp } from "../account/one_tab";
import type { SessionWatch } from "../account/session.svelte";
import { Refused, ServerUnreachable, type EndReason } from "../radio/errors";
import type { Fault } from "../texts/errors";
import { VoiceUnsupported } from "../voice/browser_voice";
import { Duty, TakenOver } from "./duty.svelte";

type Act = "take_over" | "reload" | "log_in" | "retry";

export type Attending =
  | { readonly is: "coming" }
  | { readonly is: "here"; readonly duty: Duty }
  | {
      readonly is: "elsewhere";
      readonly fault: Fault;
      readonly act: { readonly label: Act; readonly act: () => void };
    };

export class Attendance {
  state = $state.raw<Attending>({ is: "coming" });
  readonly #session: ConsoleSession;
  readonly #watch: SessionWatch;
  #duty: Duty | undefined;
  #giveUpPlace: GiveUp | undefined;
  #over = false;

  constructor(session: ConsoleSession, watch: SessionWatch) {
    this.#session = session;
    this.#watch = watch;
  }

  /** `takeOver`: from another tab, and from whatever else the radio is on. */
  async begin(mayTakeOver: boolean, fromTab = false): Promise<void> {
    this.state = { is: "coming" };
    if (!isSecureContext) return this.#stand("page.insecure", "reload");
    this.#giveUpPlace ??= await holdConsole(() => this.#tabLost(), fromTab);
    if (this.#giveUpPlace === undefined) return this.#stand("page.second_tab", "take_over", true);
    try {
      const duty = await Duty.begin(this.#session, mayTakeOver);
      if (this.#over || this.#giveUpPlace === undefined) return await duty.close();
      this.#here(duty);
    } catch (error) {
      await this.#failed(error);
    }
  }

  /** The session is over, or the page goes. */
  async close(): Promise<void> {
    this.#over = true;
    const duty = this.#duty;
    this.#duty = undefined;
    await duty?.close();
    this.#giveUpPlace?.();
  }

  #here(duty: Duty): void {
    this.#duty = duty;
    duty.radio.listen(() => this.#see(duty));
    this.state = { is: "here", duty };
    this.#see(duty); // it may be over by now
  }

  #see(duty: Duty): void {
    const { state } = duty.radio;
    if (state.is === "ended" && this.#duty === duty) void this.#ended(duty, state.reason);
  }

  async #ended(duty: Duty, reason: EndReason): Promise<void> {
    this.#duty = undefined;
    this.state = { is: "coming" };
    await duty.close();
    await this.#watch.read(); // if the account's session is over too, the entrance says so
    if (!this.#over) this.#standAfter(reason);
  }

  #standAfter(reason: EndReason): void {
    switch (reason.why) {
      case "wiped":
        return this.#stand("auth.wiped", "log_in");
      case "disabled":
        return this.#stand("auth.disabled", "retry");
      case "refused":
        if (reason.code === "protocol.version") return this.#stand(reason.code, "reload");
        return this.#stand("page.superseded", "take_over");
      case "superseded":
        return this.#stand("page.superseded", "take_over");
      case "revoked":
      case "logged_out":
      case "console_ended":
      case "closed":
        return this.#stand("auth.required", "log_in");
    }
  }

  #tabLost(): void {
    this.#giveUpPlace = undefined;
    const duty = this.#duty;
    this.#duty = undefined;
    this.#stand("page.second_tab", "take_over", true);
    void duty?.close();
  }

  async #failed(error: unknown): Promise<void> {
    if (error instanceof TakenOver) return this.#stand("page.superseded", "take_over");
    if (error instanceof ServerUnreachable) return this.#stand("page.unreachable", "retry");
    if (error instanceof VoiceUnsupported) return this.#stand("page.too_old", "reload");
    if (error instanceof DOMException) return this.#stand("page.storage_refused", "reload");
    if (!(error instanceof Refused)) throw error;
    await this.#watch.read();
    if (!this.#over) this.#show(error, "retry", () => void this.begin(false));
  }

  #stand(code: string, label: Act, fromTab = false): void {
    const acts: Record<Act, () => void> = {
      take_over: () => void this.begin(true, fromTab),
      reload: () => location.reload(),
      log_in: () => void this.#watch.logOut().catch((error: unknown) => this.#failed(error)),
      retry: () => void this.begin(true),
    };
    this.#show({ code }, label, acts[label]);
  }

  #show(fault: Fault, label: Act, act: () => void): void {
    this.state = { is: "elsewhere", fault, act: { label, act } };
  }
}
