import { describe, expect, it, vi } from "vitest";
import { deviceType } from "../../src/account/browser_device";
import { Entrance } from "../../src/account/entrance.svelte";
import { takeInvitation } from "../../src/account/invitation";
import type { Account, ConsoleSession } from "../../src/account/rest";
import { Refused, ServerUnreachable } from "../../src/radio/errors";

const SESSION = { name: "Dora" } as ConsoleSession;
const FAILED = new Refused("auth.failed", "");

function entrance(answers: Partial<Account>): Entrance {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
  } as unknown as Storage;
  return new Entrance(answers as Account, storage);
}

const rejects = (error: Error) => () => Promise.reject(error);
const factors = () => Promise.resolve({ ticket: "t", factors: ["totp" as const] });

describe("the way in", () => {
  it("goes straight on for who is logged in", async () => {
    const way = entrance({ session: async () => SESSION });
    await way.open(undefined);
    expect(way.step).toEqual({ is: "in", session: SESSION, fresh: false });
  });

  it("begins with an invitation, if the page was opened by one", async () => {
    const way = entrance({});
    await way.open("ABCD-EFGH");
    expect(way.step).toEqual({ is: "activate", code: "ABCD-EFGH" });
  });

  it("asks who it is otherwise, and says so if the server is not there", async () => {
    const stranger = entrance({ session: rejects(new Refused("auth.required", "")) });
    await stranger.open(undefined);
    expect([stranger.step.is, stranger.fault]).toEqual(["log_in", undefined]);
    const alone = entrance({ session: rejects(new ServerUnreachable("")) });
    await alone.open(undefined);
    expect(alone.step.is).toBe("unreachable");
  });

  it("remembers the organisation, and not who logged in", async () => {
    const way = entrance({ logIn: factors });
    await way.logIn("ACME", "Dora", "secret");
    expect(way.step.is).toBe("factor");
    expect(way.organisation).toBe("ACME");
  });

  it("asks for the password again when the ticket is used up, and says why", async () => {
    const way = entrance({ logIn: factors, logInByCode: rejects(FAILED) });
    await way.logIn("ACME", "Dora", "secret");
    await way.giveCode("000000");
    await way.giveCode("000001");
    expect([way.step.is, way.fault?.code]).toEqual(["factor", "auth.failed"]);
    await way.giveCode("000002");
    expect([way.step.is, way.fault?.code]).toEqual(["log_in", "auth.failed"]);
  });

  it("keeps the step and tells what is wrong when the network is", async () => {
    const way = entrance({ logIn: rejects(new ServerUnreachable("")) });
    await way.logIn("ACME", "Dora", "secret");
    expect([way.fault?.code, way.busy]).toEqual(["page.unreachable", false]);
  });

  it("comes back to the log-in with the reason", () => {
    const way = entrance({});
    way.ended("idle");
    expect(way.step).toEqual({ is: "log_in", reason: "idle" });
  });
});

describe("the link of an invitation", () => {
  const at = (hash: string) => ({ hash, pathname: "/" }) as Location;

  it("is taken out of the address bar", () => {
    const replaceState = vi.fn();
    expect(takeInvitation(at("#activate=ABCD-EFGH"), { replaceState } as unknown as History)).toBe("ABCD-EFGH");
    expect(replaceState).toHaveBeenCalledWith(null, "", "/");
  });

  it.each([
    ["", undefined],
    ["#map", undefined],
    ["#activate=%", ""],
  ])("%s gives %s", (hash, code) => {
    expect(takeInvitation(at(hash), { replaceState: () => {} } as unknown as History)).toBe(code);
  });
});

describe("the name of a browser", () => {
  it.each([
    [
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
      "console, Chrome on Linux",
    ],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/140.0", "console, Edge on Windows"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 15.0) Version/18.0 Safari/605.1.15", "console, Safari on macOS"],
    ["Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "console, Firefox on Android"],
    ["curl", "console, a browser on some system"],
  ])("tells no more than needed of %s", (agent, name) => expect(deviceType(agent)).toBe(name));
});
