/** The screen stays on: a phone that sleeps hears nothing. */

export const canStayAwake = (): boolean => "wakeLock" in navigator;

/** Until what it gives is called. The browser lets go of the lock whenever the page is out of sight. */
export function stayAwake(): () => void {
  let isOver = false;
  let lock: WakeLockSentinel | undefined;
  const hold = async (): Promise<void> => {
    if (document.visibilityState !== "visible" || isOver) return;
    try {
      lock = await navigator.wakeLock.request("screen");
      if (isOver) await lock.release();
    } catch (error) {
      // NotAllowedError: the battery is low, or the system does not want it; the radio works all the same
      if (!(error instanceof DOMException)) throw error;
    }
  };
  const again = () => void hold();
  document.addEventListener("visibilitychange", again);
  again();
  return () => {
    isOver = true;
    document.removeEventListener("visibilitychange", again);
    void lock?.release();
  };
}
