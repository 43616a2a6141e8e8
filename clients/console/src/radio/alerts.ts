/** Push to Alert: calling for help, hearing of those who do, and answering them. */
import { RefusalCause, type AlertPacket } from "../protocol/alert_packet";
import type {
  AlertAccepted,
  AlertDebriefing,
  AlertDetail,
  AlertInfo,
  AlertListening,
  AlertMark,
  AlertStepped,
  PastAlerts,
  Position,
  ServerEvent,
  Terms,
} from "../protocol/messages";
import { hex, random } from "../protocol/octets";
import { AlertSender } from "./alert_sender";
import { AlertTrack } from "./alert_track";
import { Alarm, type Clock } from "./clock";
import { Ended, NotConnected, RadioError, Refused } from "./errors";
import { inBackground, Service } from "./service";
import type { Ask } from "./signalling";

export type AlertOutcome = "resolved" | "false_alarm" | "test";
export type AlertEvent =
  /** Somebody calls for help, or more is known of it (its position). */
  | { readonly kind: "raised"; readonly info: AlertInfo }
  | { readonly kind: "step"; readonly step: AlertStepped }
  /** The raiser of an open alert is somewhere else now. */
  | { readonly kind: "moved"; readonly alert: string; readonly position: Position }
  | { readonly kind: "group"; readonly group: string; readonly on: boolean }
  /** `open` was read anew: what was closed while we were away is open no more. */
  | { readonly kind: "open"; readonly alerts: readonly AlertDetail[] };

const SERVERS_TROUBLE: ReadonlySet<string> = new Set(["internal", "busy", "store.unavailable"]);
const CLOSED: ReadonlySet<string> = new Set(["resolved", "false_alarm", "test", "cancelled"]);
const CAUSES: Readonly<Record<number, string>> = {
  [RefusalCause.switchedOff]: "policy.forbids",
  [RefusalCause.tooMany]: "auth.throttled",
};

interface Calling {
  readonly sender: AlertSender;
  readonly position: Position | undefined;
  readonly outcome: Promise<string>;
  readonly settle: (outcome: string | RadioError) => void;
  isAsking: boolean;
}

/** `open`: the alerts that this device knows of, by id. */
export class Alerts extends Service<AlertEvent> {
  readonly open = new Map<string, AlertInfo>();
  /** True: the page says by `shown` when an alert is on the screen; else it counts as shown when we hear of it. */
  isShownByPage = false;
  readonly track: AlertTrack;
  readonly #me: string;
  readonly #clock: Clock;
  readonly #terms: () => Terms | undefined;
  readonly #sendPacket: (alert: string, drill: boolean) => void;
  readonly #alarm: Alarm;
  readonly #seen = new Map<string, number>();
  readonly #unconfirmed = new Set<string>();
  #calling: Calling | undefined;

  constructor(
    ask: Ask,
    me: string,
    clock: Clock,
    terms: () => Terms | undefined,
    sendPacket: (alert: string, drill: boolean) => void,
  ) {
    super(ask);
    this.#me = me;
    this.#clock = clock;
    this.#terms = terms;
    this.#sendPacket = sendPacket;
    this.#alarm = new Alarm(clock, (now) => this.#expire(now));
    this.track = new AlertTrack(ask, () => this.own, terms);
  }

  /** The alert that we have open, as far as the server has told us. */
  get own(): AlertInfo | undefined {
    return [...this.open.values()].find((info) => info.subscriber === this.#me);
  }

  /** Whether an alert of ours is on its way: it is sent until the server has it. */
  get isCalling(): boolean {
    return this.#calling !== undefined;
  }

  // Calling for help

  /**
   * Calls for help until the server has it, whatever happens to the connection; gives the alert's id. Rejects with
   * Refused (`policy.forbids`: switched off for us, and then nothing is sent), Ended, and NotConnected after `giveUp`.
   */
  raise(drill = false, position?: Position): Promise<string> {
    if (this.#terms()?.alerts === false) {
      return Promise.reject(new Refused("policy.forbids", "alerts are switched off"));
    }
    this.#calling ??= this.#begin(drill, position);
    return this.#calling.outcome;
  }

  #begin(drill: boolean, position: Position | undefined): Calling {
    const own = this.own;
    const alert = own?.drill === drill ? own.alert : `alr_${hex(random(8))}`;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const settle = (outcome: string | RadioError) => (typeof outcome === "string" ? resolve(outcome) : reject(outcome));
    const sender = new AlertSender(alert, drill);
    this.#calling = { sender, position, outcome: promise, settle, isAsking: false };
    sender.start(this.#clock.now());
    this.#send();
    return this.#calling;
  }

  /** Before the server has it: it is sent no more. One that the server has is taken back with `cancel`. */
  giveUp(): void {
    this.#settle(new NotConnected("the call for help was given up"));
  }

  /** Both ways; as a request unless one is under way. */
  #send(): void {
    const calling = this.#calling;
    if (calling === undefined) return;
    this.#sendPacket(calling.sender.alert, calling.sender.drill);
    if (!calling.isAsking) void this.#askForHelp(calling);
    this.#alarm.set(calling.sender.nextDeadline());
  }

  async #askForHelp(calling: Calling): Promise<void> {
    const { alert, drill } = calling.sender;
    calling.isAsking = true;
    try {
      const accepted: AlertAccepted = await this.ask("alert.raise", { alert, drill, position: calling.position });
      if (calling === this.#calling) this.#settle(accepted.alert);
    } catch (error) {
      if (!(error instanceof RadioError)) throw error;
      const isFinal = error instanceof Refused ? !SERVERS_TROUBLE.has(error.code) : error instanceof Ended;
      if (isFinal && calling === this.#calling) this.#settle(error);
    } finally {
      calling.isAsking = false;
    }
  }

  #expire(now: number): void {
    if (this.#calling?.sender.expire(now)) this.#send();
  }

  /** The server's answer to the packet. */
  receive(packet: AlertPacket): void {
    if (packet.alert !== this.#calling?.sender.alert) return;
    if (packet.subtype === 1) this.#settle(packet.alert);
    if (packet.subtype === 2) this.#settle(new Refused(CAUSES[packet.cause] ?? "internal", "the alert was refused"));
  }

  #settle(outcome: string | RadioError): void {
    this.#calling?.settle(outcome);
    this.#calling = undefined;
    this.#alarm.set(undefined);
  }

  // Answering. Rejects with Refused (`not_found`, `auth.forbidden`), NotConnected.

  /** Open alerts with their timelines, oldest first; all of the organisation's for a dispatcher. */
  async list(): Promise<readonly AlertDetail[]> {
    const { alerts } = await this.ask("alert.list", {});
    const known = new Set(this.open.keys());
    this.open.clear();
    for (const { info, steps } of alerts) {
      this.open.set(info.alert, info);
      this.#seen.set(info.alert, steps.at(-1)?.number ?? 0);
      if (!known.has(info.alert)) this.#confirmIfAsked(info);
    }
    this.tell({ kind: "open", alerts });
    return alerts;
  }

  async acknowledge(alert: string): Promise<void> {
    await this.ask("alert.acknowledge", { alert });
  }

  /** We see to it; taking it over from another dispatcher too. */
  async handle(alert: string): Promise<void> {
    await this.ask("alert.handle", { alert });
  }

  /** For the other dispatchers and the debriefing. Rejects with Refused also if it is closed (`not_found`). */
  async note(alert: string, note: string): Promise<void> {
    await this.ask("alert.note", { alert, note });
  }

  async resolve(alert: string, outcome: AlertOutcome, note = ""): Promise<void> {
    await this.ask("alert.resolve", { alert, outcome, note });
  }

  /** Takes an alert back: our own, or as a dispatcher. */
  async cancel(alert: string, reason: string): Promise<void> {
    await this.ask("alert.cancel", { alert, reason });
  }

  // Afterwards. Rejects with Refused (`not_found`: it is kept no longer), NotConnected.

  /** Those that are over, newest first, as far as the organisation keeps them; `before`: `further` of a page before. */
  past(before?: AlertMark): Promise<PastAlerts> {
    return this.ask("alert.past", before === undefined ? {} : { before });
  }

  /** What happened in one of them; that it was looked at is noted. */
  debrief(alert: string): Promise<AlertDebriefing> {
    return this.ask("alert.debrief", { alert });
  }

  /**
   * Asks to hear the raiser's microphone; take part in the group that it gives. `forS`: seconds. Rejects with Refused
   * also with `policy.forbids`, and `call.unavailable`: the device is not connected.
   */
  listenIn(alert: string, reason: string, forS: number): Promise<AlertListening> {
    return this.ask("alert.listen", { alert, reason, for_s: forS });
  }

  async endListening(alert: string): Promise<void> {
    await this.ask("alert.listen.end", { alert });
  }

  /** The page shows the alert; its raiser is told. */
  shown(alert: string): void {
    const info = this.open.get(alert);
    if (info !== undefined && info.subscriber !== this.#me) this.#confirmSoon(alert);
  }

  // What the server says

  override take(event: ServerEvent): void {
    switch (event.type) {
      case "alert.raised":
        return this.#hear(event.info);
      case "alert.step":
        if ((this.#seen.get(event.alert) ?? 0) >= event.step.number) return;
        this.#seen.set(event.alert, event.step.number);
        return this.#follow(event);
      case "alert.moved":
        return this.#move(event.alert, event.position);
      case "group.emergency":
        return this.tell({ kind: "group", group: event.group, on: event.on });
    }
  }

  #hear(info: AlertInfo): void {
    const isNew = !this.open.has(info.alert);
    this.open.set(info.alert, info);
    if (isNew || info.state === "raised") this.#confirmIfAsked(info);
    this.tell({ kind: "raised", info });
  }

  #confirmIfAsked({ alert, subscriber }: AlertInfo): void {
    if (subscriber !== this.#me && !this.isShownByPage) this.#confirmSoon(alert);
  }

  #confirmSoon(alert: string): void {
    this.#unconfirmed.add(alert);
    inBackground(this.#confirm(alert));
  }

  /** What is not confirmed for want of a connection is confirmed with the next one. */
  async #confirm(alert: string): Promise<void> {
    try {
      await this.ask("alert.delivered", { alert });
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // refused: it is over by now
    }
    this.#unconfirmed.delete(alert);
  }

  #move(alert: string, position: Position): void {
    const info = this.open.get(alert);
    if (info === undefined) return;
    this.open.set(alert, { ...info, position });
    this.tell({ kind: "moved", alert, position });
  }

  #follow(event: AlertStepped): void {
    const info = this.open.get(event.alert);
    if (CLOSED.has(event.state)) {
      this.open.delete(event.alert);
      this.#seen.delete(event.alert);
    } else if (info !== undefined) {
      const handler = event.step.kind === "handling" ? event.step.by : info.handler;
      this.open.set(event.alert, { ...info, state: event.state, handler });
    }
    this.tell({ kind: "step", step: event });
  }

  /** An alert on its way goes both ways anew; and what was closed while we were away is open no more. */
  override async connected(): Promise<void> {
    this.#calling?.sender.start(this.#clock.now());
    this.#send();
    if (this.open.size > 0) await this.list();
    for (const alert of [...this.#unconfirmed]) await this.#confirm(alert);
  }

  override close(): void {
    this.#settle(new NotConnected("the session is over"));
    this.#alarm.close();
  }
}
