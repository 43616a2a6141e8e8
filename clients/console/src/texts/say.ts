/** Sentences of the catalogue with their values put in; a missing key or value is a type error. */
import { de } from "./de";
import { en } from "./en";
import { language, type Language } from "./language.svelte";
import { isolated } from "./names";

/** A sentence, or one for each plural form; `{name}` is a place for a value. */
export type Text = string | { readonly one: string; readonly other: string };

export type TextKey = keyof typeof en;

type Places<S> = S extends `${string}{${infer Place}}${infer Rest}` ? Place | Places<Rest> : never;
type Names<T> = T extends string
  ? Places<T>
  : T extends { readonly other: infer Other }
    ? "count" | Places<Other>
    : never;
export type Values<Key extends TextKey> = Record<Names<(typeof en)[Key]>, string | number>;
/** The keys whose sentences have no places for values. */
export type PlainKey = { [Key in TextKey]: [Names<(typeof en)[Key]>] extends [never] ? Key : never }[TextKey];
type Given<Key extends TextKey> = [Names<(typeof en)[Key]>] extends [never] ? [] : [Values<Key>];

const CATALOGUES: Record<Language, Record<TextKey, Text>> = { en, de };
const plurals = new Map<Language, Intl.PluralRules>();
const numbers = new Map<Language, Intl.NumberFormat>();

function kept<T>(cache: Map<Language, T>, of: Language, make: () => T): T {
  const found = cache.get(of) ?? make();
  cache.set(of, found);
  return found;
}

function form(text: Text, count: unknown, of: Language): string {
  if (typeof text === "string") return text;
  const rules = kept(plurals, of, () => new Intl.PluralRules(of));
  return rules.select(Number(count)) === "one" ? text.one : text.other;
}

/** The sentence in the page's language. Numbers are written as the language does; names cannot turn its direction. */
export function say<Key extends TextKey>(key: Key, ...[values]: Given<Key>): string {
  const of = language();
  const given: Record<string, string | number> = values ?? {};
  return form(CATALOGUES[of][key], given["count"], of).replace(/\{(\w+)\}/g, (place, name: string) => {
    const value = given[name];
    if (value === undefined) return place;
    return typeof value === "number"
      ? kept(numbers, of, () => new Intl.NumberFormat(of)).format(value)
      : isolated(value);
  });
}
