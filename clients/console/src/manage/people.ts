/** People in the lists of managers: found by what is typed, named where only their number is known. */
import { shortName } from "../texts/names";
import { say } from "../texts/say";
import type { Person } from "./rest";

/** Rows that a table shows at once; more are found by typing. */
export const SHOWN = 200;
const LONGEST = 40; // characters

interface Option {
  readonly value: string;
  readonly label: string;
}

/** What to call somebody: the name, else the identifier, else the number. */
export function called(person: Pick<Person, "subscriber" | "name" | "identifier">): string {
  return person.name || person.identifier || person.subscriber;
}

/** By name or identifier, whatever the letters' case. */
export function matching(people: readonly Person[], text: string): readonly Person[] {
  const wanted = text.trim().toLocaleLowerCase();
  const has = (part: string | undefined) => part?.toLocaleLowerCase().includes(wanted) ?? false;
  return wanted === ""
    ? people
    : people.filter((one) => has(one.name) || has(one.identifier) || one.subscriber === wanted);
}

/** The name behind a number of a subscriber; anything else as it is. */
export function nameOf(people: readonly Person[] | undefined, number: string | undefined): string {
  const person = people?.find((one) => one.subscriber === number);
  return person === undefined ? (number ?? "") : called(person);
}

/** For a choice from a list; `none`: what stands for no choice. */
export function options(people: readonly Person[], none: string = say("manage.choose")): Option[] {
  return [{ value: "", label: none }, ...people.map((one) => ({ value: one.subscriber, label: short(called(one)) }))];
}

/** A name for a line of a list, without what cannot be seen. */
export function short(name: string | undefined): string {
  return shortName(name ?? "", LONGEST) || "–";
}
