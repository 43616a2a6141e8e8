/** The colours of the map as a canvas takes them: read from the page's style, anew when the theme changes. */

const NAMES = [
  "map-water", "map-land", "map-border", "map-fence", "map-draft", "map-trail",
  "accent", "alert", "on-alert", "ink", "ink-soft", "surface", "line-strong",
] as const; // prettier-ignore

export type Colours = Readonly<Record<(typeof NAMES)[number], string>>;

export function readColours(element: HTMLElement): Colours {
  const probe = element.appendChild(document.createElement("span"));
  probe.style.setProperty("transition", "none", "important"); // else a colour is read before it has changed
  const colours = NAMES.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color] as const;
  });
  probe.remove();
  return Object.fromEntries(colours) as Colours;
}

/** What it returns ends the listening. */
export function onThemeChange(callback: () => void): () => void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = new MutationObserver(callback);
  chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  dark.addEventListener("change", callback);
  return () => {
    chosen.disconnect();
    dark.removeEventListener("change", callback);
  };
}
