/** Mouse, touch, pen, keyboard and screen reader on a talk button, as presses and releases. */
import type { TalkPress } from "./talk_press";

const KEYS: ReadonlySet<string> = new Set([" ", "Enter"]);

/** Handlers for a button's events; `available` is asked at each press. */
export function handsOn(press: TalkPress, available: () => boolean) {
  const lift = (event: PointerEvent) => press.release(`pointer ${event.pointerId}`);
  return {
    onpointerdown(event: PointerEvent & { currentTarget: HTMLElement }) {
      if (!available() || event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      press.press(`pointer ${event.pointerId}`);
    },
    onpointerup: lift,
    onpointercancel: lift,
    onlostpointercapture: lift,
    onkeydown(event: KeyboardEvent) {
      if (!KEYS.has(event.key)) return;
      event.preventDefault();
      if (available() && !event.repeat) press.press(`key ${event.key}`);
    },
    onkeyup(event: KeyboardEvent) {
      if (!KEYS.has(event.key)) return;
      event.preventDefault();
      press.release(`key ${event.key}`);
    },
    onblur: () => press.drop(),
    /** A click that no finger, mouse or key made comes from a screen reader: it cannot hold. */
    onclick(event: MouseEvent) {
      if (event.detail === 0 && available()) press.toggle("assistive technology");
    },
    oncontextmenu: (event: MouseEvent) => event.preventDefault(),
  };
}
