/** This browser as a device of the account: one key for each account, kept in this browser, registered at each log-in. */
import { enrolled, registerBrowser, type Registered } from "../radio/enrolling";
import { BrowserStore, type DeviceStore, type Identity } from "../radio/store";
import { base64 } from "../protocol/octets";

/** Each account has a store of its own: a colleague at the same desk is another device. */
export function storeOf(subscriber: string): DeviceStore {
  return new BrowserStore(`console-${subscriber}`);
}

/**
 * Registers the key of before, or a new one. `register` is `POST device`. Rejects with Refused, ServerUnreachable, and
 * with DOMException if the browser keeps nothing for this page.
 */
export async function browserDevice(
  store: DeviceStore,
  serverUrl: string,
  register: (publicKey: string) => Promise<Registered>,
): Promise<Identity> {
  const known = await enrolled(store);
  if (known === undefined) return registerBrowser(store, serverUrl, register);
  const { device, subscriber, tenant, tenant_name: tenantName, name } = await register(base64(known.key.publicKey));
  return { serverUrl, device, subscriber, tenant, tenantName, name, key: known.key };
}

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg\//, "Edge"],
  [/\bFirefox\//, "Firefox"],
  [/\b(Chrome|Chromium)\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\bAndroid\b/, "Android"],
  [/\b(iPhone|iPad)\b/, "iOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bLinux\b/, "Linux"],
];

/** Such as "console, Chrome on Linux": no more of the browser's description than people need to tell devices apart. */
export function deviceType(userAgent: string): string {
  const first = (table: typeof BROWSERS, other: string) => table.find(([sign]) => sign.test(userAgent))?.[1] ?? other;
  return `console, ${first(BROWSERS, "a browser")} on ${first(SYSTEMS, "some system")}`;
}
