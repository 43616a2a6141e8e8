/** The language of the page: the user's choice, else the browser's, else English. */

export const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];

const KEPT_AS = "language";

/** The first that the page speaks, of a list as `navigator.languages`. */
export function spoken(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const found = LANGUAGES.find((language) => language === tag.toLowerCase().split("-")[0]);
    if (found !== undefined) return found;
  }
  return "en";
}

function first(): Language {
  if (typeof document === "undefined") return "en";
  const kept = localStorage.getItem(KEPT_AS);
  const chosen = spoken(kept === null ? navigator.languages : [kept]);
  document.documentElement.lang = chosen;
  return chosen;
}

let current = $state<Language>(first());

/** The language now; reactive. */
export function language(): Language {
  return current;
}

/** Shows the page in this language from now on, and at the next visit. */
export function setLanguage(chosen: Language): void {
  current = chosen;
  if (typeof document === "undefined") return;
  document.documentElement.lang = chosen;
  localStorage.setItem(KEPT_AS, chosen);
}
