/** One tab of a browser is the console: a second one waits to be asked whether it takes over (Web Locks). */

const LOCK = "ptt-console";

/** Gives the place up. */
export type GiveUp = () => void;

/**
 * Takes the place of the console. Undefined: another tab has it, and `takeOver` was not wanted. `lost` is called when
 * another tab takes it over.
 */
export function holdConsole(lost: () => void, takeOver = false): Promise<GiveUp | undefined> {
  const { promise, resolve } = Promise.withResolvers<GiveUp | undefined>();
  const held = navigator.locks.request(LOCK, takeOver ? { steal: true } : { ifAvailable: true }, (lock) => {
    if (lock === null) return resolve(undefined);
    return new Promise<void>((giveUp) => resolve(giveUp));
  });
  held.catch(lost); // AbortError: stolen
  return promise;
}
