/** Which marks there are: everybody with a position that still says something, and one for who calls for help. */
import type { Mark } from "./marks";
import type { Whereabouts } from "./whereabouts";

export function* marksOf(whereabouts: Whereabouts, now_ms: number): Generator<Mark> {
  const subscribers = new Set([...whereabouts.placed.keys(), ...whereabouts.alerts.keys()]);
  for (const subscriber of subscribers) {
    const person = whereabouts.person(subscriber, now_ms);
    const { position } = person;
    if (position === undefined) continue;
    yield { person: { ...person, position }, drill: whereabouts.alerts.get(subscriber)?.drill ?? false };
  }
}
