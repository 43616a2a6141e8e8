/**
 * A browser as a radio: logs in, stays connected, takes part in groups, and has the services.
 *
 *     const radio = await Radio.of(identity, { store, voice });
 *     await radio.logIn("4711");
 *     const patrol = await radio.affiliate(radio.groups[0].group);
 *     patrol.press();
 */
import { encodeAlert } from "../protocol/alert_packet";
import type {
  GroupInfo,
  PresenceList,
  Requests,
  ServerEvent,
  SessionStarted,
  Superseded,
  Terms,
} from "../protocol/messages";
import { Alerts } from "./alerts";
import { Ambient } from "./ambient";
import { Calls } from "./calls";
import { Contacts } from "./contacts";
import { Dispatch } from "./dispatch";
import { pause, type Clock } from "./clock";
import { Door, type LogIn } from "./door";
import { connecting, type Surroundings } from "./enrolling";
import { Ended, NotConnected, RadioError, Refused, type EndReason } from "./errors";
import { Listeners } from "./listeners";
import { Location } from "./location";
import { MediaLink } from "./media";
import { Memberships, type Affiliated, type GroupsChanged } from "./memberships";
import { MessageMemory } from "./message_memory";
import { Messages } from "./messages";
import { Reconnecting } from "./reconnecting";
import { inBackground, type Part } from "./service";
import type { Members, SignallingClient } from "./signalling";
import type { DeviceStore, Identity } from "./store";
import type { Talkgroup } from "./talkgroup";
import type { Voice } from "./voice";

const NETWORK_ANSWER_S = 2;
/** So that the others see us go at once; if the server does not answer, they will see it later. */
const FAREWELL_S = 1;
/** Close codes after which a client does not come back by itself (proto/signalling.md); an event came before some. */
const FAREWELLS: ReadonlySet<number> = new Set([1000, 4000, 4001, 4003]);

/** Reasons of `session.ended` after which a client does not come back by itself. */
const FINAL = ["revoked", "logged_out", "disabled", "console_ended"] as const;

export interface RadioOptions extends Surroundings {
  readonly store: DeviceStore;
  readonly voice: Voice;
}

export type RadioState =
  | { readonly is: "logged_out" }
  | { readonly is: "connected" }
  /** `nextTryAt`: monotonic seconds of the radio's clock; undefined: it tries just now. */
  | { readonly is: "reconnecting"; readonly nextTryAt: number | undefined }
  | { readonly is: "ended"; readonly reason: EndReason };

export type RadioEvent =
  | { readonly kind: "state" }
  /** `resumed`: the session before went on. `superseded`: who had to give way, if it was another device. */
  | { readonly kind: "connected"; readonly resumed: boolean; readonly superseded: Superseded | undefined }
  | GroupsChanged
  | Affiliated
  | { readonly kind: "terms" };

/** Rejections: Refused, NotConnected, Ended. Read the properties when `listen` tells of a change. */
export class Radio {
  state: RadioState = { is: "logged_out" };
  name: string;
  terms: Terms | undefined;
  readonly voice: Voice;
  readonly alerts: Alerts;
  readonly ambient: Ambient;
  readonly calls: Calls;
  readonly contacts: Contacts;
  readonly dispatch: Dispatch;
  readonly location: Location;
  readonly messages: Messages;
  readonly #clock: Clock;
  readonly #door: Door;
  readonly #listeners = new Listeners<RadioEvent>();
  readonly #services: readonly Part[];
  readonly #reconnecting: Reconnecting;
  readonly #memberships: Memberships;
  #link: SignallingClient | undefined;
  #media: MediaLink | undefined;
  #session: string | undefined;
  #isEntering = false;

  private constructor(
    readonly identity: Identity,
    options: RadioOptions,
    memory: MessageMemory,
  ) {
    this.name = identity.name;
    this.voice = options.voice;
    const around = connecting(identity.serverUrl, options);
    const { clock } = around;
    this.#clock = clock;
    this.#door = new Door(identity, options.store, around, (link, reply) => this.#adopt(link, reply));
    const ask = <Type extends keyof Requests>(type: Type, members: Members<Type>) =>
      this.#present().then((link) => link.ask(type, members));
    const terms = () => this.terms;
    this.#memberships = new Memberships(options.voice, clock, (event) => this.#listeners.tell(event));
    const groups = {
      affiliate: (group: string, press: boolean) => this.affiliate(group, { press }),
      takesPart: (group: string) => this.talkgroups.has(group),
    };
    this.location = new Location(ask, clock, terms);
    const termsHere = () => {
      const [all, location] = [terms(), this.location.terms]; // switched off here is off for alerts too
      return all && location && { ...all, location };
    };
    this.alerts = new Alerts(ask, identity.subscriber, clock, termsHere, (alert, drill) =>
      this.#sendAlert(alert, drill),
    );
    const channels = {
      enter: (group: string) => this.affiliate(group, { press: true, signals: false }),
      takesPart: groups.takesPart,
    };
    this.ambient = new Ambient(ask, channels, clock);
    this.calls = new Calls(ask, groups, clock);
    this.contacts = new Contacts(ask);
    this.dispatch = new Dispatch(ask);
    this.messages = new Messages(ask, identity, memory, clock);
    this.#services = [
      this.messages,
      this.contacts,
      this.calls,
      this.dispatch,
      this.alerts,
      this.ambient,
      this.location,
    ];
    this.#reconnecting = new Reconnecting(clock, (nextTryAt) => this.#setState({ is: "reconnecting", nextTryAt }));
  }

  static async of(identity: Identity, options: RadioOptions): Promise<Radio> {
    return new Radio(identity, options, await MessageMemory.read(options.store));
  }

  listen(callback: (event: RadioEvent) => void): () => void {
    return this.#listeners.listen(callback);
  }

  /** All that we may take part in. */
  get groups(): readonly GroupInfo[] {
    return this.#memberships.list;
  }

  /** Those that we take part in, by identifier. */
  get talkgroups(): ReadonlyMap<string, Talkgroup> {
    return this.#memberships.live;
  }

  /** Monotonic seconds, as `endsAt`, `since` and `nextTryAt` count them. */
  now(): number {
    return this.#clock.now();
  }

  /** Of the last keep-alive, in seconds. */
  get roundTripS(): number | undefined {
    return this.#media?.roundTripS;
  }

  // Logging in. Rejects with Refused (`auth.failed`, `auth.throttled`, …), ServerUnreachable, Ended (wiped).

  logIn(pin: string): Promise<void> {
    return this.#logInFirst(this.#door.withPin(pin));
  }

  /** With the log-in to the console's account, whose cookie the connection carries. */
  logInConsole(): Promise<void> {
    return this.#logInFirst(this.#door.withConsole());
  }

  /** After a reload, without the PIN. False: it has to be asked for. */
  async resume(): Promise<boolean> {
    if (!(await this.#door.hasToken())) return false;
    try {
      await this.#logInFirst(this.#door.withToken());
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "auth.failed") throw error;
      await this.#door.forgetToken();
      return false;
    }
    return true;
  }

  /** A second log-in would take the session over from the first. */
  async #logInFirst(logIn: LogIn): Promise<void> {
    if (this.#isEntering || this.state.is !== "logged_out") throw new RadioError("the radio is logged in, or over");
    this.#isEntering = true;
    try {
      await this.#logInWith(logIn);
    } finally {
      this.#isEntering = false;
    }
  }

  async #logInWith(logIn: LogIn): Promise<void> {
    const link = await this.#open();
    try {
      await this.#enter(link, logIn);
    } catch (error) {
      link.close();
      if (link === this.#link) {
        this.#forgetLink(); // the token could not be kept, for example
        this.#setState({ is: "logged_out" });
      }
      if (!(error instanceof Refused) || error.code !== "auth.wiped") throw error;
      await this.#deleteKeys();
      this.#finish({ why: "wiped" });
      throw new Ended({ why: "wiped" });
    }
  }

  #open(): Promise<SignallingClient> {
    const link: Promise<SignallingClient> = this.#door.open({
      event: (event) => this.#take(event),
      packet: (packet) => this.#media?.receive(packet),
      closed: (code) => void link.then((closed) => this.#lost(closed, code)).catch(() => undefined),
    });
    return link;
  }

  async #enter(link: SignallingClient, logIn: LogIn): Promise<void> {
    const reply = await logIn(link);
    await this.#memberships.agree(link, reply.resumed ? reply.affiliations.map(({ group }) => group) : []);
    for (const service of this.#services) inBackground(service.connected());
  }

  #adopt(link: SignallingClient, reply: SessionStarted): void {
    if (this.state.is === "ended") return link.close(); // we left meanwhile
    this.#link = link;
    this.#memberships.list = reply.groups;
    this.name = reply.name;
    this.terms = reply.terms;
    const goesOn = reply.resumed && this.#media !== undefined;
    if (goesOn) this.#memberships.goOn(reply.affiliations);
    else this.#startAnew(reply);
    this.#session = reply.session;
    this.#media?.use(link);
    this.#setState({ is: "connected" });
    this.#listeners.tell({ kind: "connected", resumed: goesOn, superseded: reply.superseded });
  }

  #startAnew({ ssrc, server_ssrc: serverSsrc, keepalive_interval_s: keepaliveIntervalS }: SessionStarted): void {
    this.#media?.close();
    this.#memberships.media = this.#media = new MediaLink(
      { ssrc, serverSsrc, keepaliveIntervalS },
      this.#clock,
      (packet) => this.alerts.receive(packet),
      () => this.#abandonLink(),
    );
  }

  // Staying connected

  #lost(link: SignallingClient, code: number): void {
    if (link !== this.#link) return;
    this.#forgetLink();
    if (this.#door.isWiped) return this.#finish({ why: "wiped" });
    if (FAREWELLS.has(code)) return this.#finish({ why: "superseded", deviceType: "", atMs: undefined });
    void this.#reconnecting.start(() => this.#tryAgain());
  }

  /** The line is dead, though nobody told us. */
  #abandonLink(): void {
    const link = this.#link;
    link?.close();
    if (link !== undefined) this.#lost(link, 1006);
  }

  #forgetLink(): void {
    this.#link = undefined;
    this.#media?.use(undefined);
    for (const service of this.#services) service.disconnected();
  }

  /** True: there is nothing more to try. A number: try again, after so many seconds at least. */
  async #tryAgain(): Promise<true | number> {
    let link: SignallingClient | undefined;
    try {
      link = await this.#open();
      await this.#enter(link, this.#door.withToken(this.#session));
      return link === this.#link || 0; // it may be lost again by now
    } catch (error) {
      link?.close();
      if (link === this.#link) this.#forgetLink(); // the log-in may have got as far as adopting it
      if (error instanceof Refused) return this.#refused(error);
      if (error instanceof RadioError) return 0;
      throw error;
    }
  }

  async #refused({ code, retryAfterS }: Refused): Promise<true | number> {
    switch (code) {
      case "auth.wiped":
        await this.#deleteKeys();
        this.#finish({ why: "wiped" });
        return true;
      case "auth.disabled":
        this.#finish({ why: "disabled" });
        return true;
      case "auth.failed":
        await this.#door.forgetToken();
        this.#finish({ why: "refused", code });
        return true;
      case "protocol.version":
        this.#finish({ why: "refused", code });
        return true;
      default:
        return retryAfterS ?? 0;
    }
  }

  /** The page came back to the foreground, or the network changed: a dead line is found out at once. */
  networkChanged(): void {
    this.#reconnecting.hurry();
    this.#media?.probe(NETWORK_ANSWER_S);
  }

  /** Leaves; the resume token stays good. */
  async close(): Promise<void> {
    const link = this.#link;
    const farewells = [...this.talkgroups.keys()].map((group) => link?.ask("deaffiliate", { group }));
    await Promise.race([Promise.allSettled(farewells), pause(this.#clock, FAREWELL_S)]);
    this.#finish({ why: "closed" });
  }

  /** Ends the session and its resume token. */
  async logOut(): Promise<void> {
    await (await this.#present()).ask("logout", {});
    await this.#door.forgetToken();
    this.#finish({ why: "closed" });
  }

  #finish(reason: EndReason): void {
    if (this.state.is === "ended") return;
    this.#reconnecting.stop();
    this.#link?.close();
    this.#link = undefined;
    this.#memberships.close();
    this.#media?.close();
    for (const service of this.#services) service.close();
    this.#setState({ is: "ended", reason });
  }

  #setState(state: RadioState): void {
    this.state = state;
    this.#listeners.tell({ kind: "state" });
  }

  async #present(): Promise<SignallingClient> {
    if (this.state.is === "ended") throw new Ended(this.state.reason);
    if (this.#link === undefined) throw new NotConnected("the connection is lost");
    return this.#link;
  }

  // Groups

  /**
   * Takes part in a group of ours; a dispatcher, in any group of the organisation. `press`: the key is down from the
   * first moment on. `signals` false: nothing of it is told by ear. Rejects with Refused (`not_found`).
   */
  async affiliate(group: string, { press = false, signals = true } = {}): Promise<Talkgroup> {
    return this.#memberships.affiliate(await this.#present(), group, press, signals);
  }

  async deaffiliate(group: string): Promise<void> {
    this.#memberships.leave(group);
    await (await this.#present()).ask("deaffiliate", { group });
  }

  /** Who of the group's members is there. */
  async presence(group: string): Promise<PresenceList> {
    return (await this.#present()).ask("presence.list", { group });
  }

  async refreshGroups(): Promise<readonly GroupInfo[]> {
    this.#memberships.setList((await (await this.#present()).ask("groups.list", {})).groups);
    return this.groups;
  }

  // What the server says

  #take(event: ServerEvent): void {
    this.#memberships.take(event);
    this.#takeOfSession(event);
    for (const service of this.#services) service.take(event);
  }

  #takeOfSession(event: ServerEvent): void {
    switch (event.type) {
      case "session.superseded":
        inBackground(this.#door.forgetToken());
        return this.#finish({ why: "superseded", deviceType: event.device_type, atMs: event.at_ms });
      case "session.ended":
        return this.#sessionEnded(event.reason);
      case "device.wipe.ordered":
        return inBackground(this.#wipe());
      case "terms":
        this.terms = event.terms;
        return this.#listeners.tell({ kind: "terms" });
    }
  }

  #sessionEnded(reason: string): void {
    this.#session = undefined;
    if (this.#door.isWiped) return this.#finish({ why: "wiped" });
    if (!isFinal(reason)) return; // the connection is closed, and we come back
    if (reason !== "disabled") inBackground(this.#door.forgetToken());
    this.#finish({ why: reason });
  }

  /** The organisation wiped the device: nothing of its keys stays. */
  async #wipe(): Promise<void> {
    await this.#deleteKeys();
    await (await this.#present()).ask("device.wiped", {});
  }

  async #deleteKeys(): Promise<void> {
    this.messages.close(); // so that nothing is written again
    await this.#door.wipe();
  }

  #sendAlert(alert: string, drill: boolean): void {
    if (this.#media === undefined) return;
    const { ssrc } = this.#media;
    this.#media.sendControl(encodeAlert({ kind: "alert", subtype: 0, ssrc, alert, drill, cause: 0 }));
    this.#media.doubt();
  }
}

type Final = (typeof FINAL)[number];

function isFinal(reason: string): reason is Final {
  return FINAL.some((final) => final === reason);
}
