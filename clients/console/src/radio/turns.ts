/** One after the other: work that must not overlap, in the order in which it was given. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined); // the next one does not care
    return turn;
  }
}
