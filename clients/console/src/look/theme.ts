/** Light or dark: the system's choice, or the user's. */

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEPT_AS = "theme";

/** What the user chose before; `system` if nothing. */
export function keptTheme(storage: Storage): Theme {
  const kept = storage.getItem(KEPT_AS);
  return THEMES.find((theme) => theme === kept) ?? "system";
}

/** Shows the page in this theme, and keeps the choice for the next visit. */
export function setTheme(theme: Theme, root: HTMLElement, storage: Storage): void {
  if (theme === "system") {
    delete root.dataset["theme"];
    storage.removeItem(KEPT_AS);
  } else {
    root.dataset["theme"] = theme;
    storage.setItem(KEPT_AS, theme);
  }
}
