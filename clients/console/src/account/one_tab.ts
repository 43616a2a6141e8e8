/** One tab of a browser is the console: a second one waits to be asked whether it takes over (Web Locks). */

const LOCK = "ptt-console";

/**
 * Takes the place of the console. False: another tab has it, and `takeOver` was not wanted. `lost` is called when another
 * tab takes it over.
 */
export function holdConsole(lost: () => void, takeOver = false): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const held = navigator.locks.request(LOCK, takeOver ? { steal: true } : { ifAvailable: true }, (lock) => {
    resolve(lock !== null);
    return lock === null ? undefined : new Promise<never>(() => undefined); // as long as the page lives
  });
  held.catch(lost); // AbortError: stolen
  return promise;
}
