/** The way onto the radio: one tab, an enrolled device, the PIN or the resume token; and back, when the radio is over. */
import { enrolAt, enrolled } from "../radio/enrolling";
import { Ended, ServerUnreachable, type EndReason } from "../radio/errors";
import { Radio } from "../radio/radio";
import { BrowserStore, type Identity } from "../radio/store";
import { workerClock } from "../radio/worker_clock";
import type { Fault } from "../texts/errors";
import { faultOf } from "./faults";
import { invitation, otherServer, textOfLink } from "./invitation";
import { Kept } from "./kept.svelte";
import { OnlyTab } from "./only_tab";
import { Sound } from "./sound.svelte";

const NAME = "phone";
const DEVICE_TYPE = "phone page"; // nothing of the browser or the system: nobody needs it
const TRIES_EVERY_MS = 5000;

export type Act = "take_over" | "reload" | "retry";

export type Step =
  | { readonly at: "opening" }
  /** Why there is no radio here, and the one thing to do. */
  | { readonly at: "standing"; readonly fault: Fault; readonly act?: { readonly label: Act; readonly act: () => void } }
  /** `known`: what this phone is until now. */
  | { readonly at: "enrol"; readonly invited: boolean; readonly known: Identity | undefined }
  | { readonly at: "pin"; readonly identity: Identity }
  /** `tookOverFrom`: what the device calls itself that the person was logged in on until now. */
  | {
      readonly at: "radio";
      readonly radio: Radio;
      readonly sound: Sound;
      readonly tookOverFrom: string | undefined;
    };

export class Entering {
  step = $state.raw<Step>({ at: "opening" });
  fault = $state.raw<Fault>();
  busy = $state(false);
  readonly kept = new Kept(localStorage);
  readonly #store = new BrowserStore(NAME);
  readonly #clock = workerClock();
  readonly #tab = new OnlyTab(`ptt-${NAME}`, () => this.#giveWay());
  #invited: string | undefined;
  #sound: Sound | undefined;
  #radio: Radio | undefined;
  #tookOverFrom: string | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  async open(): Promise<void> {
    this.#invited = takenFromLink();
    if (!isSecureContext) return this.#stand({ code: "page.insecure" });
    if (!("locks" in navigator && "AudioDecoder" in globalThis)) return this.#stand({ code: "page.too_old" });
    if (await this.#tab.claim()) return this.#start();
    this.#standAside();
  }

  /** The invitation of a link that was opened while the page was here already. */
  linkChanged(): void {
    const text = takenFromLink();
    if (text === undefined || this.step.at === "radio") return;
    this.#invited = text;
    if (this.step.at === "enrol" || this.step.at === "pin") void this.#start();
  }

  #standAside(): void {
    this.#stand({ code: "page.second_tab" }, "take_over", async () => {
      await this.#tab.takeOver();
      await this.#start();
    });
  }

  /** Another tab is the radio from now on; the resume token stays good for it. */
  async #giveWay(): Promise<void> {
    clearTimeout(this.#retry);
    this.#standAside();
    await this.#radio?.close();
  }

  async #start(): Promise<void> {
    this.step = { at: "opening" };
    await this.#begin();
  }

  async #begin(): Promise<void> {
    await this.#attempt(async () => {
      const identity = await enrolled(this.#store);
      if (identity === undefined || this.#invited !== undefined) return this.#askToEnrol(identity);
      await this.#resume(identity);
    });
  }

  #askToEnrol(known: Identity | undefined, fault?: Fault): void {
    this.fault = fault;
    this.step = { at: "enrol", invited: this.#invited !== undefined, known };
  }

  // Enrolling

  /** `undefined`: with the code of the link. */
  async enrol(typed: string | undefined): Promise<void> {
    await this.#busily(async () => {
      const invited = invitation(typed ?? this.#invited ?? "", location.host);
      const elsewhere = otherServer(invited, location.host);
      if (elsewhere !== undefined) {
        this.fault = { code: "page.other_server", details: { address: elsewhere } };
        return;
      }
      const identity = await enrolAt(this.#store, invited, DEVICE_TYPE);
      this.#invited = undefined;
      void navigator.storage?.persist?.(); // so that the browser does not throw the keys away for want of space
      await this.#askForPin(identity);
    });
  }

  /** Stays what it was. */
  async decline(): Promise<void> {
    this.#invited = undefined;
    await this.#start();
  }

  // Logging in

  async #newRadio(identity: Identity): Promise<Radio> {
    this.#sound ??= await Sound.open(this.kept);
    const radio = await Radio.of(identity, { store: this.#store, voice: this.#sound.voice, clock: this.#clock });
    radio.listen((event) => {
      if (event.kind === "connected") this.#tookOverFrom = event.superseded?.device_type;
      if (event.kind === "state" && radio.state.is === "ended") this.#over(identity, radio.state.reason);
    });
    this.#radio = radio;
    return radio;
  }

  async #resume(identity: Identity): Promise<void> {
    const radio = await this.#newRadio(identity);
    try {
      if (await radio.resume()) this.#enter(radio);
      else await this.#askForPin(identity);
    } catch (error) {
      if (!(error instanceof ServerUnreachable)) throw error;
      this.#stand(faultOf(error), "retry", () => this.#start());
      this.#retry = setTimeout(() => void this.#begin(), TRIES_EVERY_MS);
    }
  }

  async #askForPin(identity: Identity, fault?: Fault): Promise<void> {
    await this.#newRadio(identity);
    this.fault = fault;
    this.step = { at: "pin", identity };
  }

  async logIn(pin: string): Promise<void> {
    await this.#busily(async () => {
      const radio = this.#radio!;
      await radio.logIn(pin);
      this.#enter(radio);
    });
  }

  #enter(radio: Radio): void {
    if (radio.state.is === "ended") return; // taken over within the moment
    this.fault = undefined;
    this.step = { at: "radio", radio, sound: this.#sound!, tookOverFrom: this.#tookOverFrom };
  }

  // Leaving

  async logOut(): Promise<void> {
    const { identity } = this.#radio!;
    await this.#radio!.logOut();
    await this.#askForPin(identity);
  }

  /** Nothing of the device stays here; the organisation has its record still. */
  async forget(): Promise<void> {
    await this.#radio!.logOut().catch(() => this.#radio!.close()); // without a connection too
    this.#radio!.messages.close();
    await this.#store.clear();
    this.kept.forget();
    this.#askToEnrol(undefined);
  }

  #over(identity: Identity, reason: EndReason): void {
    const again = () => this.#askForPin(identity);
    switch (reason.why) {
      case "superseded":
        return this.#stand({ code: "page.superseded", details: { ...reason } }, "take_over", again);
      case "wiped":
        return this.#askToEnrol(undefined, { code: "auth.wiped" });
      case "revoked":
        return this.#askToEnrol(undefined, { code: "page.revoked" });
      case "disabled":
        return this.#stand({ code: "auth.disabled" }, "retry", again);
      case "logged_out":
        return void this.#attempt(() => this.#askForPin(identity, { code: "page.logged_out" }));
      case "refused":
        if (reason.code === "protocol.version") return this.#stand(reason, "reload", () => location.reload());
        return void this.#attempt(() => this.#askForPin(identity, { code: "auth.required" }));
      case "closed":
        return; // whoever closed it knows what comes next
    }
  }

  // What can go wrong on the way

  #stand(fault: Fault, label?: Act, act?: () => unknown): void {
    clearTimeout(this.#retry);
    if (label === undefined || act === undefined) this.step = { at: "standing", fault };
    else this.step = { at: "standing", fault, act: { label, act: () => void this.#attempt(async () => act()) } };
  }

  async #attempt(work: () => Promise<unknown>): Promise<void> {
    clearTimeout(this.#retry);
    try {
      await work();
    } catch (error) {
      if (error instanceof Ended) return; // `#over` was told
      this.#stand(faultOf(error), "retry", () => this.#start());
    }
  }

  async #busily(work: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.fault = undefined;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Ended)) this.fault = faultOf(error);
    } finally {
      this.busy = false;
    }
  }
}

/** The code is good for one use, and nobody who looks at the address or the history later needs to see it. */
function takenFromLink(): string | undefined {
  const text = textOfLink(location.hash);
  if (text !== undefined) history.replaceState(null, "", location.pathname);
  return text;
}
