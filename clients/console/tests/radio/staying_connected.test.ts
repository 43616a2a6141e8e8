import { describe, expect, it } from "vitest";
import { AlertSender } from "../../src/radio/alert_sender";
import { Listeners } from "../../src/radio/listeners";
import { Location } from "../../src/radio/location";
import { Reconnecting } from "../../src/radio/reconnecting";
import { Alerts } from "../../src/radio/alerts";
import { Ended, NotConnected, Refused, ServerUnreachable } from "../../src/radio/errors";
import { SignallingClient, type Connecting } from "../../src/radio/signalling";
import { MemoryStore } from "../../src/radio/store";
import { drawDeviceKey, sign, verify } from "../../src/protocol/proof";
import type { Terms } from "../../src/protocol/messages";
import { settled, SimulatedClock, simulatedGroup } from "./simulated";

describe("the line", () => {
  it("has a keep-alive at least in each interval", async () => {
    const { clock, line } = simulatedGroup();
    line.control.length = 0;
    for (let second = 0; second < 46; second += 1) {
      line.heardAt = clock.now();
      await clock.passes(1);
    }
    expect(line.control.filter((name) => name === "reference time")).toHaveLength(3);
  });

  it("is dead if nothing comes back", async () => {
    const { clock, line, silences } = simulatedGroup();
    line.heardAt = clock.now();
    await clock.passes(14);
    expect(silences()).toBe(0);
    await clock.passes(5.1);
    expect(silences()).toBe(1);
  });

  it("is watched closely while somebody talks", async () => {
    const { clock, says, silences } = simulatedGroup();
    await clock.passes(1);
    says("floorTaken", { grantedSsrc: 7 });
    await clock.passes(6.5);
    expect(silences()).toBe(1);
  });

  it("takes no harm from what is malformed", () => {
    const { media } = simulatedGroup();
    for (const octets of ["", "80", "80c9ffff", "80cc000230000003", "ff".repeat(20)]) {
      media.receive(Uint8Array.from(octets.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));
    }
  });
});

describe("coming back", () => {
  it("waits longer and longer, and at least as long as it is told", async () => {
    const clock = new SimulatedClock();
    const waits: number[] = [];
    const reconnecting = new Reconnecting(clock, (at) => at !== undefined && waits.push(at - clock.now()));
    let tries = 0;
    void reconnecting.start(async () => (++tries === 5 ? true : tries === 2 ? 60 : 0));
    await clock.passes(200);
    expect(tries).toBe(5);
    expect(waits).toHaveLength(5);
    for (const [index, wait] of waits.entries()) {
      const pause = 0.5 * 2 ** index;
      if (index === 2) expect(wait).toBeCloseTo(60);
      else expect(wait >= pause / 2 - 1e-9 && wait <= pause * 1.5 + 1e-9).toBe(true);
    }
  });

  it("hurries when the network is back, and stops when it is told", async () => {
    const clock = new SimulatedClock();
    let tries = 0;
    const reconnecting = new Reconnecting(clock, () => {});
    void reconnecting.start(async () => ((tries += 1), 0));
    reconnecting.hurry();
    await settled();
    expect(tries).toBe(1);
    reconnecting.stop();
    await clock.passes(100);
    expect(tries).toBe(1);
  });
});

/** A WebSocket whose other end the test speaks for. */
class TestSocket extends EventTarget {
  static last: TestSocket;
  binaryType = "";
  bufferedAmount = 0;
  readonly sent: Record<string, unknown>[] = [];
  isClosed = false;
  constructor() {
    super();
    TestSocket.last = this;
  }
  send(data: string): void {
    this.sent.push(JSON.parse(data) as Record<string, unknown>);
  }
  close(): void {
    this.isClosed = true;
  }
  says(message: object): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }
  ends(code: number): void {
    this.dispatchEvent(new CloseEvent("close", { code }));
  }
}

describe("the signalling connection", () => {
  const clock = new SimulatedClock();
  const connecting: Connecting = {
    url: "wss://ptt.example:8443/v1/ptt",
    clock,
    openSocket: () => new TestSocket() as unknown as WebSocket,
    digest: async () => new Uint8Array(32),
  };
  const told: unknown[] = [];
  const ears = {
    event: (event: object) => told.push(event),
    packet: () => told.push("packet"),
    closed: (code: number) => told.push(code),
  };

  async function connected(): Promise<[SignallingClient, TestSocket]> {
    told.length = 0;
    const opening = SignallingClient.open(connecting, ears);
    await settled();
    const socket = TestSocket.last;
    socket.dispatchEvent(new Event("open"));
    await settled();
    const challenge = btoa("c".repeat(32));
    socket.says({ type: "welcome", re: 1, protocol: 1, challenge, server: "pttserver" });
    return [await opening, socket];
  }

  it("says hello, and signs the challenge", async () => {
    const [client, socket] = await connected();
    expect(socket.sent[0]).toEqual({ type: "hello", id: 1, protocol: 1, client: "ptt-console/0.1" });
    expect(new TextDecoder().decode(client.proof("login", "dev_1"))).toContain("c".repeat(32));
  });

  it("gives each request its reply, and tells events in between", async () => {
    const [client, socket] = await connected();
    const order: string[] = [];
    const first = client.ask("groups.list", {}, () => order.push("first"));
    const second = client.ask("ping", {});
    socket.says({ type: "groups", re: 2, groups: [] });
    socket.says({ type: "location.gone", subscriber: "sub_1" });
    socket.says({ type: "error", re: 3, code: "busy", message: "wait", details: { retry_after_s: 2.5 } });
    expect(order).toEqual(["first"]);
    expect(told).toEqual([{ type: "location.gone", subscriber: "sub_1" }]);
    expect((await first).groups).toEqual([]);
    const refused: unknown = await second.catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Refused);
    expect((refused as Refused).retryAfterS).toBe(2.5);
  });

  it("lets nobody wait when it is lost, or when no answer comes", async () => {
    const [client, socket] = await connected();
    const late = client.ask("ping", {});
    const failed = expect(late).rejects.toBeInstanceOf(NotConnected);
    await clock.passes(21);
    await failed;
    const cut = client.ask("ping", {});
    socket.ends(1006);
    await expect(cut).rejects.toBeInstanceOf(NotConnected);
    await expect(client.ask("ping", {})).rejects.toBeInstanceOf(NotConnected);
    expect(told).toEqual([1006]);
  });

  it("passes over what it cannot read", async () => {
    const [client, socket] = await connected();
    for (const message of [{}, { type: "weather" }, { type: "alert.raised" }, { type: "session.ended", reason: 3 }]) {
      socket.says(message);
    }
    expect(told).toEqual([]);
    client.close();
    expect(socket.isClosed).toBe(true);
  });

  it("drops voice rather than delaying it", async () => {
    const [client, socket] = await connected();
    socket.bufferedAmount = 40_000;
    client.sendVoice(new Uint8Array(20));
    expect(socket.sent).toHaveLength(1); // the hello
  });

  it("says that the server cannot be reached", async () => {
    const opening = SignallingClient.open(connecting, ears);
    await settled();
    TestSocket.last.dispatchEvent(new Event("error"));
    await expect(opening).rejects.toBeInstanceOf(ServerUnreachable);
  });
});

describe("a call for help", () => {
  it("is repeated ever more slowly, up to two seconds", () => {
    const sender = new AlertSender("alr_1", false);
    sender.start(0);
    const sent: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      const due = sender.nextDeadline()!;
      expect(sender.expire(due - 0.001)).toBe(false);
      expect(sender.expire(due)).toBe(true);
      sent.push(Number(due.toFixed(3)));
    }
    expect(sent).toEqual([0.1, 0.3, 0.7, 1.5, 3.1, 5.1, 7.1, 9.1]);
  });
});

describe("alerts", () => {
  it("call until the server has it, and stop for a final word", async () => {
    const clock = new SimulatedClock();
    const outcomes: (Error | object)[] = [new NotConnected(), new Refused("busy", ""), { alert: "alr_1" }];
    const packets: string[] = [];
    const ask = async () => {
      const outcome = outcomes.shift() ?? new Ended({ why: "closed" });
      if (outcome instanceof Error) throw outcome;
      return outcome;
    };
    const alerts = new Alerts(
      ask as never,
      "sub_1",
      clock,
      () => undefined,
      (alert) => packets.push(alert),
    );
    const raised = alerts.raise();
    await clock.passes(0.5);
    expect(await raised).toBe("alr_1");
    expect(alerts.isCalling).toBe(false);
    expect(new Set(packets)).toHaveLength(1);
    const hopeless = expect(alerts.raise()).rejects.toBeInstanceOf(Ended);
    await settled();
    await hopeless;
    await clock.passes(10);
    expect(packets).toHaveLength(4);
  });

  it("are answered by packet too, and given up by the user", async () => {
    const clock = new SimulatedClock();
    const packets: string[] = [];
    const silent = () => new Promise<never>(() => {});
    const alerts = new Alerts(
      silent as never,
      "sub_1",
      clock,
      () => undefined,
      (alert) => packets.push(alert),
    );
    const raised = alerts.raise();
    await clock.passes(1);
    const answer = { kind: "alert", ssrc: 5, drill: false } as const;
    alerts.receive({ ...answer, subtype: 1, alert: "alr_another", cause: 0 });
    expect(alerts.isCalling).toBe(true);
    alerts.receive({ ...answer, subtype: 1, alert: packets[0]!, cause: 0 });
    expect(await raised).toBe(packets[0]);
    const refused = expect(alerts.raise()).rejects.toMatchObject({ code: "policy.forbids" });
    alerts.receive({ ...answer, subtype: 2, alert: packets.at(-1)!, cause: 1 });
    await refused;
    const given = expect(alerts.raise()).rejects.toBeInstanceOf(NotConnected);
    alerts.giveUp();
    await given;
  });

  it("are not sent if the organisation has switched them off", async () => {
    const terms = () => ({ alerts: false }) as Terms;
    const never = () => expect.unreachable();
    const alerts = new Alerts(never as never, "sub_1", new SimulatedClock(), terms, never);
    await expect(alerts.raise()).rejects.toMatchObject({ code: "policy.forbids" });
  });
});

describe("location", () => {
  const place = { latitude: 1, longitude: 2, accuracy_m: 3 };

  it("lets nothing out while it is off, nor what waited", async () => {
    const clock = new SimulatedClock();
    const asked: unknown[] = [];
    let isLost = true;
    let state = "on";
    const terms = () => ({ location: { state, interval_s: 10 } }) as unknown as Terms;
    const ask = async (_type: unknown, members: unknown) => {
      if (isLost) throw new NotConnected();
      asked.push(members);
      return {};
    };
    const location = new Location(ask as never, clock, terms);
    location.moved({ ...place, at_ms: clock.utcMs() });
    await clock.passes(5);
    location.moved({ ...place, at_ms: clock.utcMs() }); // sooner than the terms allow
    await clock.passes(10);
    location.moved({ ...place, at_ms: clock.utcMs() });
    await settled();
    isLost = false;
    await location.connected();
    expect(asked).toMatchObject([{ positions: [{}, {}], buffered: false }]);

    isLost = true;
    await clock.passes(20);
    location.moved({ ...place, at_ms: clock.utcMs() });
    await settled();
    state = "switched_off";
    location.take({ type: "terms", terms: terms() });
    isLost = false;
    await location.connected();
    location.moved({ ...place, at_ms: clock.utcMs() });
    location.take({ type: "location.wanted", request: "loc_1" });
    await settled();
    expect(asked).toHaveLength(1);
    await expect(location.report([])).rejects.toThrow("off");
  });
});

it("keeps keys that can be used after a reload, though not read", async () => {
  const store = new MemoryStore();
  const drawn = await drawDeviceKey();
  await store.put("key", drawn);
  const kept = (await store.get<typeof drawn>("key"))!;
  const signature = await sign(kept, new Uint8Array(3));
  expect(await verify(drawn.publicKey, signature, new Uint8Array(3))).toBe(true);
  await store.clear();
  expect(await store.get("key")).toBeUndefined();
});

it("tells every listener, whatever the others do, until it has heard enough", async () => {
  const listeners = new Listeners<number>();
  const heard: number[] = [];
  const uncaught = new Promise((resolve) => process.once("uncaughtException", resolve));
  const stop = listeners.listen((number) => heard.push(number));
  const stopFailing = listeners.listen(() => {
    throw new Error("a bug of a page");
  });
  listeners.listen((number) => heard.push(10 * number));
  listeners.tell(1);
  expect(String(await uncaught)).toContain("a bug of a page");
  stop();
  stopFailing();
  listeners.tell(2);
  expect(heard).toEqual([1, 10, 20]);
});
