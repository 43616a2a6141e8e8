/** Roving tabindex (ARIA Authoring Practices): one stop of the Tab key, arrow keys inside. */

export type Direction = "horizontal" | "vertical" | "both";

const FORWARD: Record<Direction, string[]> = {
  horizontal: ["ArrowRight"],
  vertical: ["ArrowDown"],
  both: ["ArrowRight", "ArrowDown"],
};
const BACKWARD: Record<Direction, string[]> = {
  horizontal: ["ArrowLeft"],
  vertical: ["ArrowUp"],
  both: ["ArrowLeft", "ArrowUp"],
};

/** Index of the item that gets the focus, or undefined if the key moves nothing. Ends are joined. */
export function nextIndex(key: string, index: number, count: number, direction: Direction): number | undefined {
  if (count === 0) return undefined;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (FORWARD[direction].includes(key)) return (index + 1) % count;
  if (BACKWARD[direction].includes(key)) return (index - 1 + count) % count;
  return undefined;
}

interface Roving {
  /** CSS selector of the items. */
  items: string;
  direction: Direction;
}

/** Action: keeps one of the items in the order of the Tab key and moves the focus by the arrow keys. */
export function roving(element: HTMLElement, roving: Roving): { destroy(): void } {
  const items = () => [...element.querySelectorAll<HTMLElement>(roving.items)];
  const admit = (chosen: HTMLElement | undefined) => {
    for (const item of items()) item.tabIndex = item === chosen ? 0 : -1;
  };
  const start = () => {
    const all = items();
    if (all.filter((item) => item.tabIndex === 0).length !== 1) {
      admit(all.find((item) => item.matches("[aria-checked=true],[aria-selected=true],[aria-current]")) ?? all[0]);
    }
  };
  const press = (event: KeyboardEvent) => {
    const all = items();
    const index = all.indexOf(document.activeElement as HTMLElement);
    const next = index < 0 ? undefined : nextIndex(event.key, index, all.length, roving.direction);
    if (next === undefined) return;
    event.preventDefault();
    all[next]?.focus();
  };
  const focus = (event: FocusEvent) => {
    const item = (event.target as HTMLElement).closest<HTMLElement>(roving.items);
    if (item !== null) admit(item);
  };
  for (const item of items()) item.tabIndex = -1;
  start();
  const changes = new MutationObserver(start);
  changes.observe(element, { childList: true, subtree: true });
  element.addEventListener("keydown", press);
  element.addEventListener("focusin", focus);
  return {
    destroy() {
      changes.disconnect();
      element.removeEventListener("keydown", press);
      element.removeEventListener("focusin", focus);
    },
  };
}
