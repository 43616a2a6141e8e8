/**
 * A radio that another process drives: commands and events are lines of JSON on standard input and output.
 *
 *     {"id": 1, "do": "logIn", "with": ["4711"]}   ->   {"id": 1, "is": ...} or {"id": 1, "refused": "auth.failed"}
 *     {"event": "talkgroup", ...}
 *
 * The microphone is the driver's: `say` gives frames to the utterance that is being captured. PTT_DIGEST is the digest
 * that proofs are bound to, in hexadecimal: this is no page and has no origin.
 */
import { createInterface } from "node:readline";
import { encodeRtp } from "../../src/protocol/rtp";
import { fromHex, hex } from "../../src/protocol/octets";
import { enrol, enrolled } from "../../src/radio/enrolling";
import { Ended, Refused } from "../../src/radio/errors";
import type { VoiceCall } from "../../src/radio/calls";
import type { ReadMessage } from "../../src/radio/messages";
import { Radio } from "../../src/radio/radio";
import { MemoryStore } from "../../src/radio/store";
import type { Talkgroup } from "../../src/radio/talkgroup";
import type { Capture, CapturedFrame, HeardBurst, Voice } from "../../src/radio/voice";

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Tells what is heard; what is said comes by command, and one frame is still in the encoder when the key goes up. */
class DrivenVoice implements Voice {
  give: ((frame: CapturedFrame) => void) | undefined;
  lastFrame: Uint8Array | undefined;

  burstBegins(burst: HeardBurst): void {
    tell({ event: "burst begins", ...burst });
  }
  hear(ssrc: number, sequence: number): void {
    tell({ event: "heard", ssrc, sequence });
  }
  burstEnds(ssrc: number): void {
    tell({ event: "burst ends", ssrc });
  }
  setChannel(): void {}
  play(signal: string): void {
    tell({ event: "signal", signal });
  }
  async capture(give: (frame: CapturedFrame) => void): Promise<Capture> {
    this.give = give;
    return {
      stop: async () => {
        if (this.lastFrame !== undefined) give({ opus: this.lastFrame, capturedAt: performance.now() });
        this.give = this.lastFrame = undefined;
      },
    };
  }
}

const store = new MemoryStore();
const voice = new DrivenVoice();
const sockets: WebSocket[] = [];
const surroundings = {
  digest: async () => fromHex(process.env["PTT_DIGEST"]!),
  openSocket: (url: string, subprotocol: string) => {
    const socket = new WebSocket(url, subprotocol);
    sockets.push(socket);
    return socket;
  },
};
let radio: Radio;
const calls = new Map<string, VoiceCall>();
const messages = new Map<string, ReadMessage>();

function watch(group: Talkgroup): void {
  group.listenVoice(({ packet, talker }) => {
    tell({ event: talker === undefined ? "said" : "voice", packet: hex(encodeRtp(packet)) });
  });
  group.listen(({ kind }) => {
    const { state, talker, emergency, imminentPeril } = group;
    const { count } = group.people;
    tell({ event: "talkgroup", kind, group: group.group, state, talker, count, emergency, imminentPeril });
  });
}

async function start(): Promise<object> {
  const identity = (await enrolled(store))!;
  radio = await Radio.of(identity, { store, voice, ...surroundings });
  radio.listen((event) => tell({ event: "radio", ...event, state: radio.state, groups: radio.groups }));
  radio.alerts.listen((event) => tell({ event: "alert", ...event }));
  radio.ambient.listen(() => tell({ event: "microphone", open: radio.ambient.isOpen, shown: radio.ambient.shown }));
  radio.location.listen((event) => tell({ event: "location", ...event }));
  radio.dispatch.listen(({ kind }) => {
    const online = [...radio.dispatch.people.values()].map(({ name }) => name).sort();
    tell({ event: "dispatch", kind, online });
  });
  radio.messages.listen((event) => {
    if (event.kind === "received") messages.set(event.message.id, event.message);
    tell({ event: "message", ...event });
  });
  radio.calls.listen((event) => {
    if ("call" in event) {
      const { call } = event;
      calls.set(call.call, call);
      for (const group of [call.talkGroup, call.listenGroup]) if (group !== undefined) watch(group);
      const [talk, listen] = [call.talkGroup?.group, call.listenGroup?.group];
      return tell({
        event: "call",
        kind: event.kind,
        call: call.call,
        party: call.party,
        reason: call.reason,
        talk,
        listen,
      });
    }
    return tell({ event: "call", ...event });
  });
  return { device: identity.device, subscriber: identity.subscriber };
}

const COMMANDS: Record<string, (...given: any[]) => unknown> = {
  enrol: async (text: string) => {
    await enrol(store, text, "test browser", surroundings);
    return start();
  },
  reload: start,
  logIn: (pin: string) => radio.logIn(pin),
  logInConsole: () => radio.logInConsole(),
  resume: () => radio.resume(),
  networkChanged: () => radio.networkChanged(),
  close: () => radio.close(),
  logOut: () => radio.logOut(),
  state: () => radio.state,
  affiliate: async (group: string) => {
    const talkgroup = await radio.affiliate(group);
    watch(talkgroup);
    const { count, names } = talkgroup.people;
    return { name: talkgroup.name, count, people: [...(names?.values() ?? [])] };
  },
  deaffiliate: (group: string) => radio.deaffiliate(group),
  press: (group: string, urgency: object) => radio.talkgroups.get(group)!.press(urgency),
  release: (group: string, lastFrame?: string) => {
    voice.lastFrame = lastFrame === undefined ? undefined : fromHex(lastFrame);
    radio.talkgroups.get(group)!.release();
  },
  say: (...frames: string[]) => {
    for (const frame of frames) voice.give!({ opus: fromHex(frame), capturedAt: performance.now() });
  },
  remaining: (group: string) => radio.talkgroups.get(group)!.remainingS,
  /** The network is gone, and the other end hears nothing of it. */
  cut: () => {
    const socket = sockets.at(-1)!;
    socket.dispatchEvent(new CloseEvent("close", { code: 1006 }));
    socket.close();
  },
  alert: (drill?: boolean) => radio.alerts.raise(drill),
  alerts: () => radio.alerts.list(),
  openAlerts: () => [...radio.alerts.open.values()],
  acknowledge: (alert: string) => radio.alerts.acknowledge(alert),
  handle: (alert: string) => radio.alerts.handle(alert),
  resolve: (alert: string, outcome: "resolved", note: string) => radio.alerts.resolve(alert, outcome, note),
  cancelAlert: (alert: string, reason: string) => radio.alerts.cancel(alert, reason),
  offerMicrophone: () => void (radio.ambient.microphone = async () => {}),
  alertMoved: (position: never) => radio.alerts.track.take(position),
  send: (text: string, to: { group: string }, attachment?: { name: string; octets: string }) => {
    const about = { kind: "file", name: attachment?.name ?? "", media_type: "text/plain" } as const;
    return radio.messages.send(text, to, attachment && { about, octets: fromHex(attachment.octets) });
  },
  history: (of: { people: string[] }) => radio.messages.history(of),
  attachmentOf: async (message: string) => hex(await radio.messages.attachment(messages.get(message)!)),
  confirmRead: (message: string) => radio.messages.confirmRead([message]),
  deleteMessage: (message: string) => radio.messages.delete(message),
  putContact: (subscriber: string, alias: string) => radio.contacts.put(subscriber, alias),
  contacts: () => radio.contacts.list(),
  call: async (to: string, duplex: boolean) => (await radio.calls.private(to, { duplex })).call,
  answer: (call: string) => calls.get(call)!.answer(),
  hangUp: (call: string) => calls.get(call)!.end(),
  broadcast: async (group: string) => (await radio.calls.broadcast({ group })).call,
  callBack: (to: string) => radio.calls.alert(to),
  watchOverview: () => radio.dispatch.watch(),
  overview: () => ({ people: [...radio.dispatch.people.values()], groups: [...radio.dispatch.groups.values()] }),
  makeGroup: (name: string, members: string[]) => radio.dispatch.makeGroup(name, members, "a test"),
  dissolveGroup: (group: string) => radio.dispatch.dissolveGroup(group, "a test"),
  control: (act: "stun", who: string) => radio.dispatch.control(act, who, "a test"),
  revokeFloor: (group: string) => radio.dispatch.revokeFloor(group, "a test"),
  moved: (position: never) => radio.location.moved(position),
  whereIs: (subscriber: string) => radio.location.request(subscriber),
  lastKnown: (subscriber: string) => radio.location.last(subscriber),
  switchLocation: (on: boolean) => radio.location.switch(on),
  watchLocation: () => radio.location.watch(),
  putFence: (fence: never) => radio.location.putFence(fence),
  fences: () => radio.location.fences(),
  stored: async () => (await enrolled(store)) !== undefined,
};

async function carryOut({
  id,
  do: command,
  with: given = [],
}: {
  id: number;
  do: string;
  with?: unknown[];
}): Promise<void> {
  try {
    tell({ id, is: (await COMMANDS[command]!(...given)) ?? null });
  } catch (error) {
    const code = error instanceof Refused ? error.code : error instanceof Ended ? error.reason.why : String(error);
    tell({ id, refused: code });
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => void carryOut(JSON.parse(line)))
  .on("close", () => process.exit(0));
