/**
 * When to send an alert, until the server has it. Pure: time is an argument (monotonic seconds).
 *
 * It goes as a request and as a packet at once; the server knows the alert by its id, so it may come any number of times.
 */
const FIRST_REPEAT_S = 0.1;
const LONGEST_REPEAT_S = 2;

export class AlertSender {
  #due: number | undefined;
  #pauseS = FIRST_REPEAT_S;

  constructor(
    readonly alert: string,
    readonly drill: boolean,
  ) {}

  /** The key was pressed, or there is a new connection: send it, soon again. */
  start(now: number): void {
    this.#pauseS = FIRST_REPEAT_S;
    this.#due = now + this.#pauseS;
  }

  /** When `expire` is due. */
  nextDeadline(): number | undefined {
    return this.#due;
  }

  /** Whether to send it again. Too early a call does nothing. */
  expire(now: number): boolean {
    if (this.#due === undefined || now < this.#due) return false;
    this.#pauseS = Math.min(2 * this.#pauseS, LONGEST_REPEAT_S);
    this.#due = now + this.#pauseS;
    return true;
  }
}
