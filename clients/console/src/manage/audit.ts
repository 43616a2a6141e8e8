/** Pages of the audit log: the server looks at so many entries at once, so a page may come empty before one that is not. */
import type { AuditFilter, Entry, Manage } from "./rest";

export interface AuditPage {
  readonly entries: readonly Entry[];
  /** What is before it is older; absent: there is nothing. */
  readonly next?: number;
}

/** The next page with an entry; `before` absent: the newest. */
export async function pageOf(api: Pick<Manage, "audit">, filter: AuditFilter, before?: number): Promise<AuditPage> {
  const page = await api.audit(before === undefined ? filter : { ...filter, before });
  return page.entries.length > 0 || page.next === undefined ? page : pageOf(api, filter, page.next);
}
