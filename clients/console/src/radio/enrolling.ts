/** A browser becomes a device: with a one-time code, or as the device of somebody who logged in to the console. */
import { parseEnrolment, type Enrolment } from "../protocol/enrolment";
import { base64, sha256, utf8, type Octets } from "../protocol/octets";
import { drawDeviceKey, sign } from "../protocol/proof";
import { CLOCK, type Clock } from "./clock";
import { SignallingClient, type Connecting } from "./signalling";
import type { DeviceStore, Identity } from "./store";

const IDENTITY = "identity";

/** What a page need not say, and a test does. */
export interface Surroundings {
  readonly clock?: Clock | undefined;
  readonly openSocket?: Connecting["openSocket"] | undefined;
  /** What proofs are bound to: SHA-256 of the page's origin, unless the program is no page. */
  readonly digest?: (() => Promise<Octets>) | undefined;
}

export function connecting(url: string, { clock, openSocket, digest }: Surroundings): Connecting {
  return {
    url,
    clock: clock ?? CLOCK,
    openSocket: openSocket ?? ((at, subprotocol) => new WebSocket(at, subprotocol)),
    digest: digest ?? (() => sha256(utf8(location.origin))),
  };
}

/** The device that this browser is; undefined: none yet. */
export function enrolled(store: DeviceStore): Promise<Identity | undefined> {
  return store.get<Identity>(IDENTITY);
}

/**
 * Draws a key and registers it with the one-time code of an enrolment text (`ptt:enroll?…`).
 * Rejects with Malformed, Refused (`enrolment.failed`), ServerUnreachable.
 */
export async function enrol(
  store: DeviceStore,
  text: string,
  deviceType: string,
  surroundings: Surroundings = {},
): Promise<Identity> {
  return enrolAt(store, parseEnrolment(text), deviceType, surroundings);
}

/** The same with the code alone, at the server that the page is of. */
export async function enrolAt(
  store: DeviceStore,
  { url, code }: Pick<Enrolment, "url" | "code">,
  deviceType: string,
  surroundings: Surroundings = {},
): Promise<Identity> {
  const key = await drawDeviceKey();
  const deaf = { event: () => {}, packet: () => {}, closed: () => {} };
  const link = await SignallingClient.open(connecting(url, surroundings), deaf);
  try {
    const signature = await sign(key, link.proof("enroll", code));
    const { device, subscriber, tenant, tenant_name, name } = await link.ask("enroll", {
      code,
      public_key: base64(key.publicKey),
      device_type: deviceType,
      signature: base64(signature),
    });
    return await keep(store, { serverUrl: url, device, subscriber, tenant, tenantName: tenant_name, name, key });
  } finally {
    link.close();
  }
}

/** What `POST /v1/console/device` answers. */
export interface Registered {
  readonly device: string;
  readonly subscriber: string;
  readonly tenant: string;
  readonly tenant_name: string;
  readonly name: string;
}

/** Draws a key and has it registered by REST; `register` gets the public key in base64. */
export async function registerBrowser(
  store: DeviceStore,
  serverUrl: string,
  register: (publicKey: string) => Promise<Registered>,
): Promise<Identity> {
  const key = await drawDeviceKey();
  const { tenant_name: tenantName, ...registered } = await register(base64(key.publicKey));
  return keep(store, { serverUrl, tenantName, ...registered, key });
}

async function keep(store: DeviceStore, identity: Identity): Promise<Identity> {
  await store.clear(); // keys and places of a device that this browser was before
  await store.put(IDENTITY, identity);
  return identity;
}
