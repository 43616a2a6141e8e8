/** One tab of a browser is the radio; another one may take its place, and then the first gives way cleanly. */

const GIVES_WAY_WITHIN_MS = 3000;
const GIVE_WAY = "give way";

export class OnlyTab {
  readonly #name: string;
  readonly #channel: BroadcastChannel;
  #letGo: (() => void) | undefined;

  /** `giveWay`: another tab wants to be the radio; the place is free when the promise resolves. */
  constructor(name: string, giveWay: () => Promise<void>) {
    this.#name = name;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => {
      if (data !== GIVE_WAY || this.#letGo === undefined) return;
      void giveWay().finally(() => this.release());
    };
  }

  /** False: another tab has it. */
  claim(): Promise<boolean> {
    return this.#hold({ ifAvailable: true });
  }

  /** Asks the other tab to give way; one that does not answer (frozen by the browser) is passed over. */
  async takeOver(): Promise<void> {
    this.#channel.postMessage(GIVE_WAY);
    const signal = AbortSignal.timeout(GIVES_WAY_WITHIN_MS);
    const given = await this.#hold({ signal }).catch((error: unknown) => {
      if (signal.aborted) return false;
      throw error;
    });
    if (!given) await this.#hold({ steal: true });
  }

  release(): void {
    this.#letGo?.();
    this.#letGo = undefined;
  }

  #hold(options: LockOptions): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const held = (lock: Lock | null) => {
        if (lock === null) return resolve(false);
        resolve(true);
        return new Promise<void>((letGo) => (this.#letGo = letGo));
      };
      navigator.locks.request(this.#name, options, held).catch((error: unknown) => {
        this.#letGo = undefined;
        reject(error as Error); // without effect once it was held: then it was stolen
      });
    });
  }
}
