/** Telling listeners: a bug in one of them is reported, and stops neither the others nor the radio. */

export class Listeners<Event> {
  readonly #callbacks = new Set<(event: Event) => void>();

  /** What it returns ends the listening. */
  listen(callback: (event: Event) => void): () => void {
    const own = (event: Event) => callback(event); // the same callback may listen twice
    this.#callbacks.add(own);
    return () => void this.#callbacks.delete(own);
  }

  tell(event: Event): void {
    for (const callback of [...this.#callbacks]) {
      try {
        callback(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error; // as an uncaught error of the page: nobody here can do anything about it
        });
      }
    }
  }
}
