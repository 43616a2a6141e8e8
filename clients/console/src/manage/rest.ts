/** The managers' REST interface (proto/manage.md). Times are UTC milliseconds. */
import { Refused, ServerUnreachable } from "../radio/errors";

export type Role = "subscriber" | "dispatcher" | "manager";
export type Ground = "accuracy_dispute" | "unlawful" | "legal_claims" | "objection";
export const ROLES: readonly Role[] = ["subscriber", "dispatcher", "manager"];
export const GROUNDS: readonly Ground[] = ["accuracy_dispute", "unlawful", "legal_claims", "objection"];

export interface Person {
  readonly subscriber: string;
  readonly identifier?: string;
  readonly name?: string;
  readonly role: Role;
  /** Absent: as the policy says for everybody. */
  readonly alerts_allowed?: boolean;
  readonly location_allowed: boolean;
  readonly location_wanted: boolean;
  readonly account?: "invited" | "active" | "locked";
  readonly restricted: boolean;
  readonly created_ms: number;
  readonly last_login_ms?: number;
}

export interface Group {
  readonly group: string;
  readonly name: string;
  readonly created_ms: number;
}

export interface Member {
  readonly subscriber: string;
  readonly identifier?: string;
  readonly name?: string;
  readonly priority: number;
  readonly listen_only: boolean;
}

export interface Device {
  readonly device: string;
  readonly subscriber: string;
  readonly label?: string;
  readonly device_type?: string;
  readonly created_ms: number;
  readonly enrolled_ms?: number;
  readonly revoked_ms?: number;
}

/** Told once. */
export interface DeviceCode {
  readonly device: Device;
  readonly code: string;
  readonly enrolment: string;
  readonly link: string;
  readonly expires_ms: number;
}

export interface Finding {
  readonly severity: string;
  readonly category: string;
  readonly text: string;
  readonly article: string;
}

export interface Limitation {
  readonly code: string;
  readonly text: string;
  readonly acknowledged: boolean;
}

export interface Policy {
  readonly title: string;
  readonly version: string;
  readonly digest: string;
  readonly text: string;
  readonly sentences: readonly string[];
  readonly limitations: readonly Limitation[];
  readonly findings: readonly Finding[];
  readonly file: string;
  readonly problem?: string;
  readonly may_apply: boolean;
}

export interface Version {
  readonly number: number;
  readonly at_ms: number;
  readonly digest: string;
  readonly by?: string;
  readonly reason?: string;
  readonly acknowledged: readonly string[];
  readonly text?: string;
}

export interface Sweep {
  readonly started_ms: number;
  readonly ended_ms?: number;
  readonly policy_digest: string;
  readonly erased: Readonly<Record<string, number>>;
  readonly outcome: string;
}

export interface PolicyCheck {
  readonly valid: boolean;
  readonly problems: readonly { readonly line?: number; readonly key: string; readonly text: string }[];
  readonly beyond_bounds: readonly string[];
  readonly findings: readonly Finding[];
  readonly limitations: readonly Limitation[];
  readonly sentences: readonly string[];
  readonly changes: readonly {
    readonly category: string;
    readonly what: string;
    readonly before: string;
    readonly after: string;
    readonly stricter?: boolean;
  }[];
  readonly due: readonly { readonly category: string; readonly where: string; readonly rows: number }[];
}

export interface Subject {
  readonly subject: string;
  readonly kind: string;
  readonly matched: readonly string[];
  readonly identifier?: string;
  readonly name?: string;
  readonly restriction?: string;
}

export interface Entry {
  readonly number: number;
  readonly at_ms: number;
  readonly operation: string;
  readonly by?: string;
  readonly subject?: string;
  readonly details: Readonly<Record<string, string | number>>;
}

export interface AuditFilter {
  readonly operation?: string;
  readonly by?: string;
  readonly subject?: string;
  readonly from_ms?: number;
  readonly before?: number;
}

export interface Verdict {
  readonly entries: number;
  readonly first?: number;
  readonly last?: number;
  readonly checkpoints: number;
  readonly problems: readonly string[];
}

export interface Register {
  readonly controller: string;
  readonly contact: string;
  readonly data_protection_officer: string;
  readonly policy: string;
  readonly activities: readonly {
    readonly category: string;
    readonly title: string;
    readonly purposes: readonly string[];
    readonly legal_basis: string;
    readonly seen_by: readonly string[];
    readonly kept: string;
  }[];
  readonly security: readonly string[];
}

/** Rejects with Refused and ServerUnreachable. */
async function answerTo(path: string, body?: object): Promise<Response> {
  const json = { "content-type": "application/json" };
  const sent = body === undefined ? {} : { method: "POST", headers: json, body: JSON.stringify(body) };
  const answer = await fetch(`/v1/manage/${path}`, { cache: "no-store", credentials: "same-origin", ...sent }).catch(
    () => {
      throw new ServerUnreachable("no answer");
    },
  );
  if (answer.ok) return answer;
  const problem = (await answer.json().catch(() => ({}))) as Partial<Refused>;
  const code = problem.code ?? (answer.status === 413 ? "invalid_value" : "internal");
  throw new Refused(code, problem.message ?? `status ${answer.status}`, problem.details ?? {});
}

async function get<Answer>(path: string): Promise<Answer> {
  return (await (await answerTo(path)).json()) as Answer;
}

async function post<Answer = void>(path: string, body: object = {}): Promise<Answer> {
  const answer = await answerTo(path, body);
  return (answer.status === 204 ? undefined : await answer.json()) as Answer;
}

/** Each may be refused; what names nothing of the organisation's own is `not_found`. */
export const manage = {
  people: async () => (await get<{ subscribers: Person[] }>("subscribers")).subscribers,
  add: (identifier: string, name: string) =>
    post<{ subscriber: Person; pin?: string; left_out: string[] }>("subscribers", {
      identifier,
      ...(name === "" ? {} : { name }),
    }),
  rename: (who: string, name: string) => post(`subscribers/${who}/name`, { name }),
  newPin: (who: string, reason: string) => post<{ pin: string }>(`subscribers/${who}/pin`, { reason }),
  setRole: (who: string, role: Role, reason: string) => post(`subscribers/${who}/role`, { role, reason }),
  setService: (who: string, service: "alerts" | "location", allowed: boolean, reason: string) =>
    post(`subscribers/${who}/service`, { service, allowed, reason }),
  invite: (who: string) => post<{ link: string; code: string; expires_ms: number }>(`subscribers/${who}/invitation`),
  remove: (who: string, reason: string) => post<{ proven: boolean }>(`subscribers/${who}/remove`, { reason }),

  groups: async () => (await get<{ groups: Group[] }>("groups")).groups,
  addGroup: (name: string) => post<Group>("groups", { name }),
  removeGroup: (group: string, reason: string) => post(`groups/${group}/remove`, { reason }),
  members: async (group: string) => (await get<{ members: Member[] }>(`groups/${group}/members`)).members,
  setMember: (group: string, subscriber: string, priority: number, listen_only: boolean) =>
    post(`groups/${group}/members`, { subscriber, priority, listen_only }),
  removeMember: (group: string, subscriber: string, reason: string) =>
    post(`groups/${group}/members/remove`, { subscriber, reason }),

  devices: async () => (await get<{ devices: Device[] }>("devices")).devices,
  addDevice: (subscriber: string, label: string) =>
    post<DeviceCode>("devices", { subscriber, ...(label === "" ? {} : { label }) }),
  newCode: (device: string) => post<DeviceCode>(`devices/${device}/code`),
  revoke: (device: string, reason: string) => post(`devices/${device}/revoke`, { reason }),

  policy: () => get<Policy>("policy"),
  versions: async () => (await get<{ versions: Version[] }>("policy/versions")).versions,
  sweeps: () => get<{ halted: boolean; sweeps: Sweep[] }>("policy/sweeps"),
  checkPolicy: (text: string) => post<PolicyCheck>("policy/check", { text }),
  applyPolicy: (text: string, replaces: string, reason: string, acknowledged: readonly string[]) =>
    post<{ digest: string; written: boolean }>("policy/apply", { text, replaces, reason, acknowledged }),

  find: async (text: string, reason: string) =>
    (await post<{ subjects: Subject[] }>("subjects/find", { text, reason })).subjects,
  /** The file. */
  exported: async (subject: string, form: "json" | "html", reason: string) =>
    (await answerTo(`subjects/${subject}/export`, { form, reason })).blob(),
  rectify: (subject: string, values: Readonly<Record<string, string>>, reason: string) =>
    post(`subjects/${subject}/rectify`, { values, reason }),
  restrict: (subject: string, ground: Ground, reason: string) =>
    post(`subjects/${subject}/restrict`, { ground, reason }),
  lift: (subject: string, reason: string) => post(`subjects/${subject}/lift`, { reason }),
  /** `certificate`: absent while it is not proven. */
  erase: (subject: string, reason: string) =>
    post<{ certificate?: object }>(`subjects/${subject}/erase`, { reason, confirm: subject }),
  prove: (subject: string) => post<{ certificate?: object }>(`subjects/${subject}/prove`),

  audit: (filter: AuditFilter) => get<{ entries: Entry[]; next?: number }>(`audit?${query(filter)}`),
  verify: () => get<Verdict>("audit/verify"),
  register: () => get<Register>("register"),
};

export type Manage = typeof manage;

/** What is set of a filter, as the part of an address behind `?`. */
export function query(filter: AuditFilter): string {
  const set = Object.entries(filter).filter((pair) => pair[1] !== undefined && pair[1] !== "");
  return new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
}
