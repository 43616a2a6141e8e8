/** What is read from the server for a page, and what is done there: with what goes wrong as a sentence. */
import { Refused } from "../radio/errors";
import { explained } from "../texts/errors";
import { say } from "../texts/say";

/** Codes whose message of the server says more than our sentence. */
const IN_WORDS = new Set(["invalid_value", "policy.invalid", "hold", "auth.forbidden"]);

/** A sentence, and what the server says itself where that tells what to change. */
export function sentence(error: unknown): string {
  if (!(error instanceof Refused)) return say("error.page.unreachable");
  const words = error.code === "hold" ? say("manage.error.hold") : explained(error);
  return IN_WORDS.has(error.code) ? `${words} (${error.message})` : words;
}

/** Something that is read anew whenever `load` is called; the newest answer counts. */
export class Loaded<Value> {
  value = $state.raw<Value>();
  error = $state<string>();
  #calls = 0;
  readonly #read: () => Promise<Value>;

  constructor(read: () => Promise<Value>) {
    this.#read = read;
  }

  async load(): Promise<void> {
    const call = (this.#calls += 1);
    try {
      const value = await this.#read();
      if (call === this.#calls) [this.value, this.error] = [value, undefined];
    } catch (error) {
      if (call === this.#calls) this.error = sentence(error);
    }
  }
}

/** One thing that is done: no second press while it goes on. */
export class Work {
  busy = $state(false);
  error = $state<string>();

  /** Whether it was done. */
  async run(act: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    [this.busy, this.error] = [true, undefined];
    try {
      await act();
      return true;
    } catch (error) {
      this.error = sentence(error);
      return false;
    } finally {
      this.busy = false;
    }
  }
}

/** An act that wants a reason. */
export interface Ask {
  readonly heading: string;
  /** What happens, in a sentence. */
  readonly does: string;
  readonly target: string;
  /** A text that must be typed first, for what cannot be undone. */
  readonly confirm?: string;
  readonly run: (reason: string) => Promise<unknown>;
}

/** What is shown once: a PIN, a code, a link. */
export interface Secret {
  readonly heading: string;
  readonly about: string;
  readonly code?: string;
  /** What the QR code holds. */
  readonly qr?: string;
  readonly link?: string;
  readonly expires_ms?: number;
}

/** Gives a file to the browser to keep. */
export function keep(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  URL.revokeObjectURL(address);
}
