/** What can go wrong for a radio. Pages choose their sentence by class and `code`; messages are for logs. */
import { Malformed } from "../protocol/malformed";

export class RadioError extends Error {
  override readonly name: string = "RadioError";
}

/** The server cannot be reached: the network, or the address. */
export class ServerUnreachable extends RadioError {
  override readonly name = "ServerUnreachable";
}

/** The connection is lost; the radio is trying to get it back. */
export class NotConnected extends RadioError {
  override readonly name = "NotConnected";
}

/** The server refused a request. `code` is the wire's (proto/errors.md); `retryAfterS` is there if waiting helps. */
export class Refused extends RadioError {
  override readonly name = "Refused";
  constructor(
    readonly code: string,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }

  get retryAfterS(): number | undefined {
    const seconds = this.details["retry_after_s"];
    return typeof seconds === "number" ? seconds : undefined;
  }
}

/** Why a radio is over, for good. */
export type EndReason =
  /** The person logged in on another device, or in another window. */
  | { readonly why: "superseded"; readonly deviceType: string; readonly atMs: number | undefined }
  /** The organisation wiped this device: all keys are deleted. */
  | { readonly why: "wiped" }
  /** The device or the person was taken away; a dispatcher logged the device out, or disabled it. */
  | { readonly why: "revoked" | "logged_out" | "disabled" }
  /** The session of the console's account is over. */
  | { readonly why: "console_ended" }
  /** The way back was refused; with `auth.failed` the PIN (or the console's log-in) is needed again. */
  | { readonly why: "refused"; readonly code: string }
  /** We left ourselves. */
  | { readonly why: "closed" };

/** The session is over. */
export class Ended extends RadioError {
  override readonly name = "Ended";
  constructor(readonly reason: EndReason) {
    super(`the session is over: ${reason.why}`);
  }
}

/** A device has another key than it was first seen with: nothing was sent. */
export class KeyChanged extends RadioError {
  override readonly name = "KeyChanged";
  constructor(
    readonly subscriber: string,
    readonly device: string,
  ) {
    super(`${device} of ${subscriber} has another key than before`);
  }
}

/** Nobody of the recipients has a device that can take messages yet. */
export class NobodyReachable extends RadioError {
  override readonly name = "NobodyReachable";
}

/** Location is off: no position may leave this device. */
export class LocationOff extends RadioError {
  override readonly name = "LocationOff";
}

/** The call is over. `reason` is that of the wire (proto/calls.md). */
export class CallOver extends RadioError {
  override readonly name = "CallOver";
  constructor(readonly reason: string) {
    super(`the call is over: ${reason}`);
  }
}

const OF_STORAGE: Readonly<Record<string, string>> = {
  QuotaExceededError: "page.storage_full",
  InvalidStateError: "page.storage_refused",
  SecurityError: "page.storage_refused",
  UnknownError: "page.storage_refused",
};

/** As the server's errors, for the texts of pages; also of the store that keys and messages are in. What is none of the radio's is a bug, and thrown again. */
export function codeOf(error: unknown): { readonly code: string; readonly details?: Refused["details"] } {
  if (error instanceof Refused) return { code: error.code, details: error.details };
  if (error instanceof NotConnected || error instanceof Ended) return { code: "page.offline" };
  if (error instanceof ServerUnreachable) return { code: "page.unreachable" };
  if (error instanceof NobodyReachable) return { code: "page.nobody_reachable" };
  if (error instanceof KeyChanged) return { code: "page.key_changed" };
  if (error instanceof CallOver) return { code: "call.unavailable" };
  if (error instanceof Malformed) return { code: "page.changed_on_the_way" };
  if (error instanceof RadioError) return { code: "internal" };
  if (error instanceof RangeError) return { code: "invalid_value" };
  const storage = error instanceof DOMException ? OF_STORAGE[error.name] : undefined;
  if (storage !== undefined) return { code: storage };
  throw error;
}
