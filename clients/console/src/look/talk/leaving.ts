/** Tells when the page can no longer see a key or pointer come up. */

/** Calls `left` when the window loses the focus, or is hidden or unloaded. Returns what ends it. */
export function onLeaving(left: () => void): () => void {
  const hidden = () => {
    if (document.visibilityState === "hidden") left();
  };
  window.addEventListener("blur", left);
  window.addEventListener("pagehide", left);
  document.addEventListener("visibilitychange", hidden);
  return () => {
    window.removeEventListener("blur", left);
    window.removeEventListener("pagehide", left);
    document.removeEventListener("visibilitychange", hidden);
  };
}
