/** What went wrong, as a sentence that says what happened and what to do. Decided by the code alone. */
import { clock, timeOrDate } from "./format";
import { say, type PlainKey } from "./say";

const SENTENCES: ReadonlyMap<string, PlainKey> = new Map(
  Object.entries({
    "auth.disabled": "error.auth.disabled",
    "auth.failed": "error.auth.failed",
    "auth.forbidden": "error.auth.forbidden",
    "auth.required": "error.auth.required",
    "auth.wiped": "error.auth.wiped",
    already_exists: "error.already_exists",
    "enrolment.failed": "error.enrolment.failed",
    "erasure.unfinished": "error.erasure.unfinished",
    invalid_value: "error.invalid_value",
    not_found: "error.not_found",
    "policy.forbids": "error.policy.forbids",
    "policy.missing": "error.policy.missing",
    "protocol.version": "error.protocol.version",
    "store.unavailable": "error.store.unavailable",
    "microphone.denied": "error.microphone.denied",
    "microphone.absent": "error.microphone.absent",
    "microphone.busy": "error.microphone.busy",
    "microphone.unsupported": "error.microphone.unsupported",
    "page.second_tab": "error.page.second_tab",
    "page.superseded": "error.page.superseded",
    "page.key_changed": "error.page.key_changed",
    "page.logged_out": "error.page.logged_out",
    "page.no_code": "error.page.no_code",
    "page.nobody_reachable": "error.page.nobody_reachable",
    "page.revoked": "error.page.revoked",
    "page.offline": "error.page.offline",
    "page.unreachable": "error.page.unreachable",
    "page.storage_full": "error.page.storage_full",
    "page.storage_refused": "error.page.storage_refused",
    "page.insecure": "error.page.insecure",
    "page.too_old": "error.page.too_old",
    "page.camera": "error.page.camera",
    "page.not_located": "error.page.not_located",
    "page.changed_on_the_way": "error.page.changed_on_the_way",
    "page.passkey": "error.page.passkey",
  } as const),
);

/** As the server's error: `details.retry_after_s`, `details.why`. */
export interface Fault {
  readonly code: string;
  readonly message?: string;
  readonly details?: { readonly [name: string]: unknown } | undefined;
}

const UNAVAILABLE: ReadonlyMap<unknown, PlainKey> = new Map(
  Object.entries({
    offline: "error.call.offline",
    busy: "error.call.busy",
    in_a_call: "error.call.in_a_call",
  } as const),
);

/** The sentence for people; codes that are not known are an inner fault (errors.md). */
export function explained(fault: Fault): string {
  const wait = fault.details?.["retry_after_s"];
  if ((fault.code === "auth.throttled" || fault.code === "busy") && typeof wait === "number") {
    return say(fault.code === "busy" ? "error.busy" : "error.auth.throttled", { wait: clock(Math.ceil(wait) * 1000) });
  }
  const { address, deviceType, atMs } = fault.details ?? {};
  if (fault.code === "page.other_server" && typeof address === "string") {
    return say("error.page.other_server", { address });
  }
  if (fault.code === "page.superseded" && deviceType && typeof atMs === "number") {
    return say("error.page.superseded.by", { device: String(deviceType), time: timeOrDate(atMs, Date.now()) });
  }
  if (fault.code === "call.unavailable") {
    return say(UNAVAILABLE.get(fault.details?.["why"]) ?? "error.call.unavailable");
  }
  return say(SENTENCES.get(fault.code) ?? "error.internal");
}
