/** What went wrong, in the terms of the texts. */
import { Malformed } from "../protocol/malformed";
import { CallOver, Ended, KeyChanged, NobodyReachable, NotConnected, RadioError, Refused } from "../radio/errors";
import { ServerUnreachable } from "../radio/errors";
import { MicrophoneError } from "../radio/voice";
import type { Fault } from "../texts/errors";
import { VoiceUnsupported } from "../voice/browser_voice";

const OF_STORAGE: Readonly<Record<string, string>> = {
  QuotaExceededError: "page.storage_full",
  InvalidStateError: "page.storage_refused",
  SecurityError: "page.storage_refused",
  UnknownError: "page.storage_refused",
};

/** The fault for people. What is none of the radio, the network or the browser is a bug, and thrown. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Refused) return error;
  if (error instanceof Malformed) return { code: "page.no_code" };
  if (error instanceof MicrophoneError) return { code: `microphone.${error.reason}` };
  if (error instanceof ServerUnreachable) return { code: "page.unreachable" };
  if (error instanceof NotConnected || error instanceof Ended) return { code: "page.offline" };
  if (error instanceof NobodyReachable) return { code: "page.nobody_reachable" };
  if (error instanceof KeyChanged) return { code: "page.key_changed" };
  if (error instanceof CallOver) return { code: "call.unavailable" };
  if (error instanceof RangeError) return { code: "invalid_value" };
  if (error instanceof RadioError) return { code: "internal" };
  if (error instanceof VoiceUnsupported) return { code: "page.too_old" };
  const storage = error instanceof DOMException ? OF_STORAGE[error.name] : undefined;
  if (storage !== undefined) return { code: storage };
  throw error;
}
