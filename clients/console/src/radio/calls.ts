/** Calls from person to person: ring, answer, talk, hang up; broadcasts; and "call me back". */
import type { CallConnected, CallInvited, CallStarted, Party, ServerEvent } from "../protocol/messages";
import type { Clock } from "./clock";
import { CallOver, NotConnected, RadioError } from "./errors";
import { keepTalking } from "./keep_talking";
import { inBackground, Service } from "./service";
import type { Ask } from "./signalling";
import type { Talkgroup } from "./talkgroup";

/** Beyond the time of ringing: then the server's word was lost. */
const GRACE_S = 2;

export type CallKind = CallConnected["kind"];
export type CallState = "ringing" | "calling" | "connected" | "over";

export interface Callback {
  readonly by: Party;
  readonly atMs: number;
}

export type CallEvent =
  /** Somebody calls: `answer` or `reject`; if nothing is done, it ends by itself. */
  | { readonly kind: "ringing"; readonly call: VoiceCall }
  /** The call stands, and we take part in its groups. */
  | { readonly kind: "connected"; readonly call: VoiceCall }
  /** `call.reason` says why. */
  | { readonly kind: "over"; readonly call: VoiceCall }
  /** Somebody asks to be called back; `callbacks` has all who wait. */
  | { readonly kind: "callback"; readonly callback: Callback }
  /** Whom we asked to call back has seen it. */
  | { readonly kind: "callback_seen"; readonly by: Party };

/** Floor priority and duplex of a call. */
export interface CallOptions {
  /** Both talk at once. */
  readonly duplex?: boolean;
  readonly priority?: number;
}

/**
 * One call. `party`: who is at the other end; undefined while it rings at several, and for who makes a broadcast.
 * `talkGroup` and `listenGroup` are there once it is connected, as far as there is something to say or to hear; in a
 * half-duplex call they are the same. In a full-duplex call the key of `talkGroup` is pressed already: release it to be
 * silent, press it to talk again.
 */
export class VoiceCall {
  state: CallState = "calling";
  kind: CallKind = "private";
  duplex = false;
  priority: number | undefined;
  party: Party | undefined;
  talkGroup: Talkgroup | undefined;
  listenGroup: Talkgroup | undefined;
  /** Why it is over (proto/calls.md). */
  reason: string | undefined;
  /** Resolves when we take part. Rejects with CallOver. */
  readonly connected: Promise<void>;
  readonly settle: (reason?: string) => void;
  isJoining = false;

  constructor(
    private readonly calls: Calls,
    readonly call: string,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => undefined); // `state` and the event tell too
    this.connected = promise;
    this.settle = (reason) => (reason === undefined ? resolve() : reject(new CallOver(reason)));
  }

  /** Rejects with Refused (`not_found`: somebody was faster, or it is over), CallOver. */
  async answer(): Promise<void> {
    await this.calls.request("call.answer", this);
    await this.connected;
  }

  reject(): Promise<void> {
    return this.calls.hangUp("call.reject", this);
  }

  /** Hangs up; also while it rings, and when it is over already. */
  end(): Promise<void> {
    return this.calls.hangUp("call.end", this);
  }
}

export interface Affiliating {
  /** `press`: the key is down from the first moment on. */
  affiliate(group: string, press: boolean): Promise<Talkgroup>;
  takesPart(group: string): boolean;
}

/** `live`: calls by identifier. `callbacks`: who asks to be called back, by subscriber. */
export class Calls extends Service<CallEvent> {
  readonly live = new Map<string, VoiceCall>();
  readonly callbacks = new Map<string, Callback>();
  /** Takes what comes as a radio does, instead of ringing. Broadcasts are heard without asking. */
  autoAnswer = false;
  readonly #groups: Affiliating;
  readonly #clock: Clock;
  readonly #toJoin = new Map<VoiceCall, CallConnected>();

  constructor(ask: Ask, groups: Affiliating, clock: Clock) {
    super(ask);
    this.#groups = groups;
    this.#clock = clock;
  }

  // What the user does. Rejects with Refused (`not_found`, `call.unavailable`, `busy`, `auth.forbidden`).

  async private(to: string, { duplex = false, priority }: CallOptions = {}): Promise<VoiceCall> {
    return this.#started("private", await this.ask("call.private", { to, duplex, priority }));
  }

  /** Calls several; whoever answers first is connected. */
  async firstToAnswer(to: readonly string[], { duplex = false, priority }: CallOptions = {}): Promise<VoiceCall> {
    return this.#started("first_to_answer", await this.ask("call.first_to_answer", { to, duplex, priority }));
  }

  /** Calls the members of a group, or those named, who only listen. */
  async broadcast(to: { group: string } | { people: readonly string[] }, priority?: number): Promise<VoiceCall> {
    const members = "group" in to ? { group: to.group, priority } : { to: to.people, priority };
    return this.#started("broadcast", await this.ask("call.broadcast", members));
  }

  #started(kind: CallKind, { call: id, ring_timeout_s }: CallStarted): VoiceCall {
    const call = this.#call(id);
    call.kind = kind;
    if (kind !== "broadcast") this.#limitRinging(call, ring_timeout_s ?? 0);
    return call;
  }

  /** Asks somebody to call back. False: the person is not logged in, and will be told then. */
  async alert(to: string): Promise<boolean> {
    return (await this.ask("call.alert", { to })).delivered;
  }

  /** The user has read who asks to be called back. */
  async callbackSeen(of: string): Promise<void> {
    this.callbacks.delete(of);
    await this.ask("call.alert.acknowledge", { of });
  }

  /** A group that we take part in is in imminent peril, or no more. */
  async setPeril(group: string, on: boolean): Promise<void> {
    await this.ask("group.peril", { group, on });
  }

  async request(type: "call.answer" | "call.reject" | "call.end", { call }: VoiceCall): Promise<void> {
    await this.ask(type, { call });
  }

  async hangUp(type: "call.reject" | "call.end", call: VoiceCall): Promise<void> {
    if (call.state === "over") return;
    try {
      await this.request(type, call);
    } catch (error) {
      if (!(error instanceof RadioError)) throw error; // over already, or it will be: the connection is lost
    }
    this.#finish(call, "ended");
  }

  // What the server says

  override take(event: ServerEvent): void {
    switch (event.type) {
      case "call.invited":
        return this.#ring(event);
      case "call.connected":
        return this.#connect(event);
      case "call.ended": {
        const call = this.live.get(event.call);
        if (call !== undefined) this.#finish(call, event.reason);
        return;
      }
      case "call.alerted": {
        const callback = { by: event.by, atMs: event.at_ms };
        this.callbacks.set(event.by.subscriber, callback);
        return this.tell({ kind: "callback", callback });
      }
      case "call.alert.acknowledged":
        return this.tell({ kind: "callback_seen", by: event.by });
    }
  }

  /** The reply that names a call and the event that connects it come in any order. */
  #call(id: string): VoiceCall {
    const call = this.live.get(id) ?? new VoiceCall(this, id);
    this.live.set(id, call);
    return call;
  }

  #ring(invited: CallInvited): void {
    if (this.live.has(invited.call)) return; // told again after a lost connection
    const call = this.#call(invited.call);
    const { kind, duplex, by: party, priority } = invited;
    Object.assign(call, { state: "ringing", kind, duplex, party, priority });
    this.#limitRinging(call, invited.ring_timeout_s);
    this.tell({ kind: "ringing", call });
    if (this.autoAnswer) inBackground(call.answer());
  }

  #limitRinging(call: VoiceCall, ringTimeoutS: number): void {
    this.#clock.after(ringTimeoutS + GRACE_S, () => {
      if (call.state === "ringing" || call.state === "calling") this.#finish(call, "no_answer");
    });
  }

  #connect(event: CallConnected): void {
    const call = this.#call(event.call);
    if (call.isJoining) return; // told again after a lost connection
    call.isJoining = true;
    inBackground(this.#join(call, event));
  }

  async #join(call: VoiceCall, event: CallConnected): Promise<void> {
    const { kind, duplex, talk, listen } = event;
    Object.assign(call, { kind, duplex, party: event.party ?? call.party });
    try {
      call.talkGroup = talk === undefined ? undefined : await this.#groups.affiliate(talk, duplex);
      if (listen === talk) call.listenGroup = call.talkGroup;
      else if (listen !== undefined) call.listenGroup = await this.#groups.affiliate(listen, false);
    } catch (error) {
      if (error instanceof NotConnected) return void this.#toJoin.set(call, event); // it goes on after the next log-in
      if (!(error instanceof RadioError)) throw error;
      return call.end();
    }
    if (call.state === "over") return;
    call.state = "connected";
    if (duplex && call.talkGroup !== undefined) keepTalking(call.talkGroup, () => call.state === "connected");
    call.settle();
    this.tell({ kind: "connected", call });
  }

  #finish(call: VoiceCall, reason: string): void {
    if (!this.live.delete(call.call)) return;
    call.state = "over";
    call.reason = reason;
    call.settle(reason);
    this.tell({ kind: "over", call });
  }

  /** A session that did not go on has lost its calls; one that did takes part in what was connected meanwhile. */
  override async connected(): Promise<void> {
    const waiting = [...this.#toJoin];
    this.#toJoin.clear();
    for (const [call, event] of waiting) await this.#join(call, event);
    for (const call of [...this.live.values()]) {
      const groups = [call.talkGroup, call.listenGroup].filter((group) => group !== undefined);
      if (!groups.every(({ group }) => this.#groups.takesPart(group))) this.#finish(call, "gone");
    }
  }

  override close(): void {
    for (const call of [...this.live.values()]) this.#finish(call, "gone");
  }
}
