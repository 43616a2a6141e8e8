/** What the desk tells in passing: what was done, and what went wrong and what to do. */
import { CallOver, Ended, NotConnected, RadioError, Refused, ServerUnreachable } from "../radio/errors";
import { MicrophoneError } from "../radio/voice";
import type { Toast } from "../look/Toasts.svelte";
import { explained, type Fault } from "../texts/errors";

const GOES_AFTER_MS = 8_000;

/** The fault for people; what is no fault of the radio, the network or the server is a bug, and thrown. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Refused) return error;
  if (error instanceof MicrophoneError) return { code: `microphone.${error.reason}` };
  if (error instanceof NotConnected || error instanceof Ended) return { code: "page.offline" };
  if (error instanceof ServerUnreachable) return { code: "page.unreachable" };
  if (error instanceof CallOver) return { code: "call.unavailable" };
  if (error instanceof RadioError) return { code: "internal" };
  if (error instanceof DOMException && error.name === "QuotaExceededError") return { code: "page.storage_full" };
  throw error;
}

export class Telling {
  toasts = $state.raw<readonly Toast[]>([]);
  #told = 0;

  /** Goes by itself, unless there is something to do. */
  say(text: string, action?: Toast["action"]): void {
    const id = this.#put(action === undefined ? { text } : { text, action });
    setTimeout(() => this.close(id), GOES_AFTER_MS);
  }

  /** Stays until it is closed. */
  fault(fault: Fault): void {
    const text = explained(fault);
    if (!this.toasts.some((toast) => toast.text === text)) this.#put({ text, kind: "caution" });
  }

  close(id: string): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  /** Does something that may be refused, and tells so. False: it was. */
  async attempt(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.fault(faultOf(error));
      return false;
    }
  }

  #put(toast: Omit<Toast, "id">): string {
    this.#told += 1;
    const id = String(this.#told);
    this.toasts = [...this.toasts, { id, ...toast }];
    return id;
  }
}
