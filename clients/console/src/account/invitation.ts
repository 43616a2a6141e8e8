/** The link of an invitation: `/#activate=CODE`. */

const BEGINS = "#activate=";

/** The code of the link, taken out of the address bar and the history at once: it is a secret. */
export function takeInvitation(at: Location, history: History): string | undefined {
  const { hash, pathname } = at;
  if (!hash.startsWith(BEGINS)) return undefined;
  history.replaceState(null, "", pathname);
  try {
    return decodeURIComponent(hash.slice(BEGINS.length));
  } catch {
    return ""; // broken on the way: it has to be typed
  }
}
