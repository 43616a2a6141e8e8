/** What went wrong, in the terms of the texts. */
import { Malformed } from "../protocol/malformed";
import { codeOf } from "../radio/errors";
import { MicrophoneError } from "../radio/voice";
import type { Fault } from "../texts/errors";
import { VoiceUnsupported } from "../voice/browser_voice";

/** The fault for people; what comes in is an invitation. What is none of the radio or the browser is a bug, and thrown. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Malformed) return { code: "page.no_code" };
  if (error instanceof MicrophoneError) return { code: `microphone.${error.reason}` };
  if (error instanceof VoiceUnsupported) return { code: "page.too_old" };
  return codeOf(error);
}
