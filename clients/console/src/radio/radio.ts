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
  Affiliation,
  GroupInfo,
  PresenceList,
  Requests,
  ServerEvent,
  SessionStarted,
  Superseded,
  Terms,
} from "../protocol/messages";
import { base64 } from "../protocol/octets";
import { sign, type Purpose } from "../protocol/proof";
import { Alerts } from "./alerts";
import { Calls } from "./calls";
import { Contacts } from "./contacts";
import { Dispatch } from "./dispatch";
import { connecting, type Surroundings } from "./enrolling";
import { Ended, NotConnected, Refused, ServerUnreachable, type EndReason } from "./errors";
import { Listeners } from "./listeners";
import { Location } from "./location";
import { MediaLink } from "./media";
import { MessageMemory } from "./message_memory";
import { Messages } from "./messages";
import { Reconnecting } from "./reconnecting";
import { inBackground, type Service } from "./service";
import { SignallingClient, type Connecting, type Members } from "./signalling";
import type { DeviceStore, Identity } from "./store";
import { Talkgroup } from "./talkgroup";
import type { Voice } from "./voice";

const TOKEN = "resume token";
const NETWORK_ANSWER_S = 2;
/** Close codes after which a client does not come back by itself (proto/signalling.md); an event came before some. */
const FAREWELLS: ReadonlySet<number> = new Set([1000, 4000, 4001, 4003]);

type Entrance = Extract<keyof Requests, "login" | "login.console" | "resume">;
const CONSOLE_LOGIN: string = "login.console";

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
  /** `groups` changed; a new one is named, for a while only if `temporary`. */
  | { readonly kind: "groups"; readonly added?: GroupInfo; readonly temporary?: boolean; readonly removed?: string }
  | { readonly kind: "terms" };

/** Rejections: Refused, NotConnected, Ended. Read the properties when `listen` tells of a change. */
export class Radio {
  state: RadioState = { is: "logged_out" };
  name: string;
  groups: readonly GroupInfo[] = [];
  terms: Terms | undefined;
  /** Groups that we take part in, by identifier. */
  readonly talkgroups = new Map<string, Talkgroup>();
  readonly alerts: Alerts;
  readonly calls: Calls;
  readonly contacts: Contacts;
  readonly dispatch: Dispatch;
  readonly location: Location;
  readonly messages: Messages;
  readonly #options: RadioOptions;
  readonly #connecting: Connecting;
  readonly #listeners = new Listeners<RadioEvent>();
  readonly #services: readonly Service<never>[];
  readonly #reconnecting: Reconnecting;
  #link: SignallingClient | undefined;
  #media: MediaLink | undefined;
  #session: string | undefined;
  #isWiped = false;

  private constructor(
    readonly identity: Identity,
    options: RadioOptions,
    memory: MessageMemory,
  ) {
    this.name = identity.name;
    this.#options = options;
    this.#connecting = connecting(identity.serverUrl, options);
    const { clock } = this.#connecting;
    const ask = <Type extends keyof Requests>(type: Type, members: Members<Type>) =>
      this.#present().then((link) => link.ask(type, members));
    const terms = () => this.terms;
    const groups = {
      affiliate: (group: string, press: boolean) => this.affiliate(group, { press }),
      takesPart: (group: string) => this.talkgroups.has(group),
    };
    this.alerts = new Alerts(ask, identity.subscriber, clock, terms, (alert, drill) => this.#sendAlert(alert, drill));
    this.calls = new Calls(ask, groups, clock);
    this.contacts = new Contacts(ask);
    this.dispatch = new Dispatch(ask);
    this.location = new Location(ask, clock, terms);
    this.messages = new Messages(ask, identity, memory, clock);
    const services = [this.messages, this.contacts, this.calls, this.dispatch, this.alerts, this.location];
    this.#services = services as unknown as readonly Service<never>[];
    this.#reconnecting = new Reconnecting(clock, (nextTryAt) => this.#setState({ is: "reconnecting", nextTryAt }));
  }

  static async of(identity: Identity, options: RadioOptions): Promise<Radio> {
    return new Radio(identity, options, await MessageMemory.read(options.store));
  }

  listen(callback: (event: RadioEvent) => void): () => void {
    return this.#listeners.listen(callback);
  }

  /** Monotonic seconds, as `endsAt`, `since` and `nextTryAt` count them. */
  now(): number {
    return this.#connecting.clock.now();
  }

  /** Of the last keep-alive, in seconds. */
  get roundTripS(): number | undefined {
    return this.#media?.roundTripS;
  }

  // Logging in. Rejects with Refused (`auth.failed`, `auth.throttled`, …), ServerUnreachable, Ended (wiped).

  logIn(pin: string): Promise<void> {
    return this.#logInFirst(async (link) => {
      const signature = await this.#signature(link, "login");
      return this.#adopted(link, "login", { device: this.identity.device, pin, signature });
    });
  }

  /** With the log-in to the console's account, whose cookie the connection carries. */
  logInConsole(): Promise<void> {
    return this.#logInFirst(async (link) => {
      const signature = await this.#signature(link, "login");
      return this.#adopted(
        link,
        CONSOLE_LOGIN as Entrance,
        { device: this.identity.device, signature } as Members<Entrance>,
      );
    });
  }

  /** After a reload, without the PIN. False: it has to be asked for. */
  async resume(): Promise<boolean> {
    if ((await this.#options.store.get(TOKEN)) === undefined) return false;
    try {
      await this.#logInFirst((link) => this.#comeBack(link));
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "auth.failed") throw error;
      await this.#options.store.remove(TOKEN);
      return false;
    }
    return true;
  }

  async #logInFirst(logIn: (link: SignallingClient) => Promise<void>): Promise<void> {
    if (this.state.is === "ended") throw new Ended(this.state.reason);
    const link = await this.#open();
    try {
      await logIn(link);
    } catch (error) {
      link.close();
      if (!(error instanceof Refused) || error.code !== "auth.wiped") throw error;
      await this.#deleteKeys();
      this.#finish({ why: "wiped" });
      throw new Ended({ why: "wiped" });
    }
  }

  #open(): Promise<SignallingClient> {
    const link: Promise<SignallingClient> = SignallingClient.open(this.#connecting, {
      event: (event) => this.#take(event),
      packet: (packet) => this.#media?.receive(packet),
      closed: (code) => void link.then((closed) => this.#lost(closed, code)).catch(() => undefined),
    });
    return link;
  }

  async #signature(link: SignallingClient, purpose: Purpose): Promise<string> {
    return base64(await sign(this.identity.key, link.proof(purpose, this.identity.device)));
  }

  async #comeBack(link: SignallingClient): Promise<void> {
    const token = await this.#options.store.get<string>(TOKEN);
    if (token === undefined) throw new Refused("auth.failed", "there is no resume token");
    const signature = await this.#signature(link, "resume");
    const { device } = this.identity;
    await this.#adopted(link, "resume", { device, token, signature, session: this.#session });
  }

  /** What follows the reply may rest on it, so it is taken over before the next frame is read. */
  async #adopted<Type extends Entrance>(link: SignallingClient, type: Type, members: Members<Type>): Promise<void> {
    const reply: SessionStarted = await link.ask(type, members, (session) => this.#adopt(link, session));
    if (reply.resume_token !== undefined) await this.#keepToken(reply.resume_token);
    await this.#agreeOnGroups(link, reply.resumed ? reply.affiliations.map(({ group }) => group) : []);
    for (const service of this.#services) inBackground(service.connected());
  }

  #adopt(link: SignallingClient, reply: SessionStarted): void {
    this.#link = link;
    this.groups = reply.groups;
    this.name = reply.name;
    this.terms = reply.terms;
    const goesOn = reply.resumed && this.#media !== undefined;
    if (goesOn) this.#goOn(reply.affiliations);
    else this.#startAnew(reply);
    this.#session = reply.session;
    this.#media?.use(link);
    this.#setState({ is: "connected" });
    this.#listeners.tell({ kind: "connected", resumed: goesOn, superseded: reply.superseded });
  }

  #goOn(affiliations: readonly Affiliation[]): void {
    for (const affiliation of affiliations) this.talkgroups.get(affiliation.group)?.goOn(affiliation);
  }

  #startAnew({ ssrc, server_ssrc: serverSsrc, keepalive_interval_s: keepaliveIntervalS }: SessionStarted): void {
    this.#media?.close();
    this.#media = new MediaLink(
      { ssrc, serverSsrc, keepaliveIntervalS },
      this.#connecting.clock,
      (packet) => this.alerts.receive(packet),
      () => this.#abandonLink(),
    );
  }

  /** What was left or taken away while the connection was lost. `present`: our groups as the server sees it. */
  async #agreeOnGroups(link: SignallingClient, present: readonly string[]): Promise<void> {
    for (const group of [...this.talkgroups.keys()].filter((group) => !present.includes(group))) {
      try {
        await this.#affiliate(link, group, false);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.#loseGroup(group);
      }
    }
    for (const group of present.filter((group) => !this.talkgroups.has(group)))
      await link.ask("deaffiliate", { group });
  }

  async #keepToken(token: string): Promise<void> {
    if (!this.#isWiped) await this.#options.store.put(TOKEN, token); // what was wiped must not come back
  }

  // Staying connected

  #lost(link: SignallingClient, code: number): void {
    if (link !== this.#link) return;
    this.#forgetLink();
    if (this.#isWiped) return this.#finish({ why: "wiped" });
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
      await this.#comeBack(link);
      return link === this.#link || 0; // it may be lost again by now
    } catch (error) {
      link?.close();
      if (link === this.#link) this.#forgetLink(); // the log-in may have got as far as adopting it
      if (error instanceof Refused) return this.#refused(error);
      if (error instanceof NotConnected || error instanceof ServerUnreachable) return 0;
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
        await this.#options.store.remove(TOKEN);
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
    await Promise.allSettled([...this.talkgroups.keys()].map((group) => link?.ask("deaffiliate", { group })));
    this.#finish({ why: "closed" });
  }

  /** Ends the session and its resume token. */
  async logOut(): Promise<void> {
    await (await this.#present()).ask("logout", {});
    await this.#options.store.remove(TOKEN);
    this.#finish({ why: "closed" });
  }

  #finish(reason: EndReason): void {
    if (this.state.is === "ended") return;
    this.#reconnecting.stop();
    this.#link?.close();
    this.#link = undefined;
    for (const group of [...this.talkgroups.values()]) group.close();
    this.talkgroups.clear();
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
   * first moment on. Rejects with Refused (`not_found`).
   */
  async affiliate(group: string, { press = false } = {}): Promise<Talkgroup> {
    return this.#affiliate(await this.#present(), group, press);
  }

  async #affiliate(link: SignallingClient, group: string, press: boolean): Promise<Talkgroup> {
    // at once, since the state of the floor, and perhaps voice, come right behind the reply
    await link.ask("affiliate", { group }, ({ affiliation }) => {
      this.#joined(affiliation);
      if (press) this.talkgroups.get(group)?.press();
    });
    const talkgroup = this.talkgroups.get(group);
    if (talkgroup === undefined) throw new Refused("not_found", "the group is gone"); // right behind the reply
    return talkgroup;
  }

  #joined(affiliation: Affiliation): void {
    const media = this.#media;
    if (media === undefined) return;
    const known = this.talkgroups.get(affiliation.group);
    if (known !== undefined) return known.bind(affiliation, media);
    const group = new Talkgroup(affiliation, media, this.#options.voice, this.#connecting.clock);
    this.talkgroups.set(group.group, group);
  }

  async deaffiliate(group: string): Promise<void> {
    this.#leave(group);
    await (await this.#present()).ask("deaffiliate", { group });
  }

  /** Who of the group's members is there. */
  async presence(group: string): Promise<PresenceList> {
    return (await this.#present()).ask("presence.list", { group });
  }

  async refreshGroups(): Promise<readonly GroupInfo[]> {
    this.groups = (await (await this.#present()).ask("groups.list", {})).groups;
    this.#listeners.tell({ kind: "groups" });
    return this.groups;
  }

  #leave(group: string): void {
    const talkgroup = this.talkgroups.get(group);
    this.talkgroups.delete(group);
    talkgroup?.close();
  }

  #loseGroup(group: string): void {
    this.#leave(group);
    this.groups = this.groups.filter((info) => info.group !== group);
    this.#listeners.tell({ kind: "groups", removed: group });
  }

  #gainGroup(added: GroupInfo, temporary: boolean): void {
    this.groups = [...this.groups.filter(({ group }) => group !== added.group), added];
    this.#listeners.tell({ kind: "groups", added, temporary });
  }

  // What the server says

  #take(event: ServerEvent): void {
    this.#takeOfGroups(event);
    this.#takeOfSession(event);
    for (const service of this.#services) service.take(event);
  }

  #takeOfGroups(event: ServerEvent): void {
    switch (event.type) {
      case "group.roster":
        return this.talkgroups.get(event.group)?.changeRoster(event);
      case "group.rights":
        return this.talkgroups.get(event.group)?.changeRights(event);
      case "group.condition":
        return this.talkgroups.get(event.group)?.changeCondition({ imminentPeril: event.imminent_peril });
      case "group.emergency":
        return this.talkgroups.get(event.group)?.changeCondition({ emergency: event.on });
      case "group.added":
        return this.#gainGroup(event.group, event.temporary);
      case "group.removed":
        return this.#loseGroup(event.group);
    }
  }

  #takeOfSession(event: ServerEvent): void {
    switch (event.type) {
      case "session.superseded":
        inBackground(this.#options.store.remove(TOKEN));
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
    if (this.#isWiped) return this.#finish({ why: "wiped" });
    if (reason === "revoked" || reason === "logged_out") inBackground(this.#options.store.remove(TOKEN));
    if (reason === "revoked" || reason === "logged_out" || reason === "disabled") this.#finish({ why: reason });
    // anything else: the connection is closed, and we come back
  }

  /** The organisation wiped the device: nothing of its keys stays. */
  async #wipe(): Promise<void> {
    await this.#deleteKeys();
    await (await this.#present()).ask("device.wiped", {});
  }

  async #deleteKeys(): Promise<void> {
    this.#isWiped = true;
    this.messages.close(); // so that nothing is written again
    await this.#options.store.clear();
  }

  #sendAlert(alert: string, drill: boolean): void {
    if (this.#media === undefined) return;
    const { ssrc } = this.#media;
    this.#media.sendControl(encodeAlert({ kind: "alert", subtype: 0, ssrc, alert, drill, cause: 0 }));
    this.#media.doubt();
  }
}
