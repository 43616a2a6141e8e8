/** The time of day for what is shown as age or remaining time: ticks only while something on the page reads it. */
import { createSubscriber } from "svelte/reactivity";

const TICK_MS = 250;

const listen = createSubscriber((update) => {
  const ticking = setInterval(update, TICK_MS);
  return () => clearInterval(ticking);
});

/** UTC milliseconds, four times a second anew. */
export function now(): number {
  listen();
  return Date.now();
}
