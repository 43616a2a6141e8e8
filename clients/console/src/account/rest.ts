/** The account at the console by REST (proto/console.md): activation, log-in, session, this browser as a device. */
import { Refused, ServerUnreachable } from "../radio/errors";
import type { Registered } from "../radio/enrolling";
import type { Factor } from "./factors";

/** `GET session`. Times are UTC milliseconds. */
export interface ConsoleSession {
  readonly tenant: string;
  readonly tenant_name: string;
  readonly subscriber: string;
  /** May be empty. */
  readonly name: string;
  readonly role: "dispatcher" | "manager";
  /** What the organisation's policy grants to the role (proto/roles.md). */
  readonly scopes: readonly string[];
  readonly idle_expires_ms: number;
  readonly absolute_expires_ms: number;
}

/** `passkey` is absent where the page is reached by an address instead of a name. */
export interface Activation {
  readonly ticket: string;
  readonly totp: { readonly secret: string; readonly uri: string };
  readonly passkey?: PublicKeyCredentialCreationOptionsJSON | null;
}

export interface SecondStep {
  readonly ticket: string;
  /** Those that work on this page; there may be none. */
  readonly factors: readonly Factor[];
  readonly passkey?: PublicKeyCredentialRequestOptionsJSON | null;
}

type Method = "GET" | "POST";

/** Rejects with Refused and ServerUnreachable. */
async function call<Answer>(method: Method, path: string, body?: object): Promise<Answer> {
  const answer = await answerTo(method, path, body);
  if (answer.status === 204) return undefined as Answer;
  const content: unknown = await answer.json().catch(() => undefined);
  if (answer.ok) return content as Answer;
  const { code, message, details } = (content ?? {}) as Partial<Refused>;
  throw new Refused(code ?? "internal", message ?? `status ${answer.status}`, details ?? {});
}

async function answerTo(method: Method, path: string, body: object | undefined): Promise<Response> {
  const json = { "content-type": "application/json" };
  const sent = method === "GET" ? {} : { headers: json, body: JSON.stringify(body ?? {}) };
  try {
    return await fetch(`/v1/console/${path}`, { method, cache: "no-store", credentials: "same-origin", ...sent });
  } catch {
    throw new ServerUnreachable("no answer");
  }
}

export const account = {
  activate: (code: string, password: string) => call<Activation>("POST", "activate", { code, password }),
  activateByCode: (ticket: string, code: string) => call<void>("POST", "activate/totp", { ticket, code }),
  activateByPasskey: (ticket: string, credential: object) =>
    call<void>("POST", "activate/passkey", { ticket, credential }),

  logIn: (tenant: string, name: string, password: string) =>
    call<SecondStep>("POST", "login", { tenant, name, password }),
  logInByCode: (ticket: string, code: string) =>
    call<{ session: ConsoleSession }>("POST", "login/totp", { ticket, code }),
  logInByPasskey: (ticket: string, credential: object) =>
    call<{ session: ConsoleSession }>("POST", "login/passkey", { ticket, credential }),

  /** Refused with `auth.required` if nobody is logged in. Does not count as use. */
  session: () => call<ConsoleSession>("GET", "session"),
  /** Somebody is at the desk: the idle time begins anew. */
  active: () => call<void>("POST", "active"),
  /** `publicKey` in base64. */
  device: (publicKey: string, deviceType: string) =>
    call<Registered>("POST", "device", { public_key: publicKey, device_type: deviceType }),
  logOut: () => call<void>("POST", "logout"),
};

export type Account = typeof account;
