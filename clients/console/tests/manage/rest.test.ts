import { afterEach, expect, test, vi } from "vitest";
import { called, matching, nameOf } from "../../src/manage/people";
import { manage, query, type Person } from "../../src/manage/rest";
import { Refused, ServerUnreachable } from "../../src/radio/errors";

const SUBSCRIBER = "sub_00000000000000a1";

function answering(status: number, body: unknown): ReturnType<typeof vi.fn> {
  const content = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
  const fetching = vi.fn(async () => new Response(content, { status }));
  vi.stubGlobal("fetch", fetching);
  return fetching;
}

afterEach(() => vi.unstubAllGlobals());

test("a write is a POST with JSON, and 204 gives nothing", async () => {
  const fetching = answering(204, undefined);
  expect(await manage.rename(SUBSCRIBER, "Bea")).toBeUndefined();
  const [address, sent] = fetching.mock.calls[0] as unknown as [string, RequestInit];
  expect(address).toBe(`/v1/manage/subscribers/${SUBSCRIBER}/name`);
  expect(sent).toMatchObject({ method: "POST", credentials: "same-origin", body: '{"name":"Bea"}' });
});

test("erasing confirms with the number itself", async () => {
  const fetching = answering(200, { subject: SUBSCRIBER });
  await manage.erase(SUBSCRIBER, "asked for");
  const [, sent] = fetching.mock.calls[0] as unknown as [string, RequestInit];
  expect(JSON.parse(String(sent.body))).toEqual({ reason: "asked for", confirm: SUBSCRIBER });
});

test("what the server refuses has its code and its words", async () => {
  answering(409, { code: "already_exists", message: "taken" });
  await expect(manage.addGroup("Patrol")).rejects.toMatchObject({ code: "already_exists", message: "taken" });
  await expect(manage.addGroup("Patrol")).rejects.toBeInstanceOf(Refused);
});

test("a body that is too large is a value that is not allowed; an answer that is no JSON is an inner fault", async () => {
  answering(413, "A body has at most 65536 octets.\n");
  await expect(manage.checkPolicy("x")).rejects.toMatchObject({ code: "invalid_value" });
  answering(502, "<html>");
  await expect(manage.policy()).rejects.toMatchObject({ code: "internal" });
});

test("no answer at all is told apart", async () => {
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("network")));
  await expect(manage.groups()).rejects.toBeInstanceOf(ServerUnreachable);
});

test("only what is set of a filter is asked for", () => {
  expect(query({ operation: "subject.", by: "", from_ms: 0 })).toBe("operation=subject.&from_ms=0");
});

test("people are found by name and identifier, and called by the best that is known", () => {
  const base = { role: "subscriber", location_allowed: true, location_wanted: true, restricted: false, created_ms: 0 };
  const people = [
    { ...base, subscriber: SUBSCRIBER, identifier: "+4915", name: "Rita Roe" },
    { ...base, subscriber: "sub_00000000000000a2", identifier: "Gate 7" },
  ] as Person[];
  expect(matching(people, "rITA")).toEqual([people[0]]);
  expect(matching(people, "gate").map(called)).toEqual(["Gate 7"]);
  expect(nameOf(people, SUBSCRIBER)).toBe("Rita Roe");
  expect(nameOf(people, "operator")).toBe("operator");
});
