import { expect, it } from "vitest";
import { pageOf } from "../../src/manage/audit";
import type { AuditFilter, Entry } from "../../src/manage/rest";

/** Looks at two of the entries 1 to 7 at once, of which 7 and 2 fit. */
function server() {
  const asked: (number | undefined)[] = [];
  const audit = async ({ before }: AuditFilter) => {
    asked.push(before);
    const end = before ?? 8;
    const entries = [7, 2].filter((number) => number < end && number >= end - 2).map((number) => ({ number }) as Entry);
    return end - 2 > 1 ? { entries, next: end - 2 } : { entries };
  };
  return { api: { audit }, asked };
}

it("reads on until there is something to show, tells where the next page begins, and ends where the log does", async () => {
  const { api, asked } = server();
  const first = await pageOf(api, { operation: "subject." });
  expect([first.entries.map(({ number }) => number), first.next]).toEqual([[7], 6]);
  const second = await pageOf(api, { operation: "subject." }, first.next);
  expect([second.entries.map(({ number }) => number), second.next]).toEqual([[2], 2]);
  expect(await pageOf(api, {}, second.next)).toEqual({ entries: [] });
  expect(asked).toEqual([undefined, 6, 4, 2]);
});
