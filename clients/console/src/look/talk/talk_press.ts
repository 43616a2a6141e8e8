/**
 * Who holds the talk key down. It never sticks: whatever ends a press without a release (the page loses the focus or
 * is hidden, the pointer is taken away, talking becomes impossible) is told as `drop`, and then a new press is needed.
 */

export type TalkMode = "hold" | "toggle";

export interface Talks {
  /** Begin: once for each utterance. */
  down(): void;
  /** End: once for each `down`. */
  up(): void;
}

export class TalkPress {
  #holder: string | undefined;

  constructor(
    private readonly talks: Talks,
    private readonly mode: () => TalkMode,
  ) {}

  get held(): boolean {
    return this.#holder !== undefined;
  }

  /** A key, finger or button goes down. While another one holds, it is nobody's press. */
  press(source: string): void {
    if (this.#holder !== undefined) {
      if (this.mode() === "toggle") this.drop();
      return;
    }
    this.#holder = source;
    this.talks.down();
  }

  /** It comes up. In toggle mode that changes nothing. */
  release(source: string): void {
    if (this.mode() === "hold" && this.#holder === source) this.drop();
  }

  /** One press that begins and one that ends: for who presses without holding (screen readers' click). */
  toggle(source: string): void {
    if (this.#holder === undefined) this.press(source);
    else this.drop();
  }

  /** Ends whatever is held. */
  drop(): void {
    if (this.#holder === undefined) return;
    this.#holder = undefined;
    this.talks.up();
  }
}
