/** Times, durations, lists and sizes as the page's language writes them (Intl). */
import { language } from "./language.svelte";

const SECOND_MS = 1000;
const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;

const made = new Map<string, unknown>();

function kept<T>(name: string, make: (of: string) => T): T {
  const key = `${language()} ${name}`;
  const found = (made.get(key) as T | undefined) ?? make(language());
  made.set(key, found);
  return found;
}

/** "0:07", "12:03", "1:02:03"; never below 0. */
export function clock(duration_ms: number): string {
  const all = Math.max(0, Math.floor(duration_ms / SECOND_MS));
  const hours = Math.floor(all / HOUR_S);
  const minutes = Math.floor((all % HOUR_S) / MINUTE_S);
  const padded = (part: number) => String(part).padStart(2, "0");
  return `${hours > 0 ? `${hours}:${padded(minutes)}` : minutes}:${padded(all % MINUTE_S)}`;
}

/** "now", "20 sec. ago", "3 min. ago", "2 hr. ago"; what lies ahead (a clock that is wrong) is "now". */
export function ago(age_ms: number): string {
  const format = kept("ago", (of) => new Intl.RelativeTimeFormat(of, { numeric: "auto", style: "short" }));
  const age_s = Math.max(0, Math.floor(age_ms / SECOND_MS));
  if (age_s < 10) return format.format(0, "second");
  if (age_s < MINUTE_S) return format.format(-10 * Math.floor(age_s / 10), "second");
  if (age_s < HOUR_S) return format.format(-Math.floor(age_s / MINUTE_S), "minute");
  if (age_s < DAY_S) return format.format(-Math.floor(age_s / HOUR_S), "hour");
  return format.format(-Math.floor(age_s / DAY_S), "day");
}

/** The time of day (24 hours, as control rooms count), and the date before it if `at_ms` is not of the same day as `now_ms`. */
export function timeOrDate(at_ms: number, now_ms: number, seconds = false): string {
  const today = new Date(at_ms).toDateString() === new Date(now_ms).toDateString();
  return kept(`time ${today} ${seconds}`, (of) => {
    const time: Intl.DateTimeFormatOptions = {
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
      ...(seconds ? { second: "2-digit" } : {}),
    };
    return new Intl.DateTimeFormat(of, today ? time : { day: "numeric", month: "short", ...time });
  }).format(at_ms);
}

/** Date and time in full. */
export function dateTime(at_ms: number): string {
  return kept(
    "dateTime",
    (of) => new Intl.DateTimeFormat(of, { dateStyle: "full", timeStyle: "medium", hourCycle: "h23" }),
  ).format(at_ms);
}

/** "a, b and c". */
export function list(parts: readonly string[]): string {
  return kept("list", (of) => new Intl.ListFormat(of, { type: "conjunction" })).format(parts);
}

/** "14 m", "1.2 km". */
export function metres(length_m: number): string {
  if (length_m < 1000) {
    return kept(
      "m",
      (of) => new Intl.NumberFormat(of, { style: "unit", unit: "meter", maximumFractionDigits: 0 }),
    ).format(length_m);
  }
  return kept(
    "km",
    (of) => new Intl.NumberFormat(of, { style: "unit", unit: "kilometer", maximumFractionDigits: 1 }),
  ).format(length_m / 1000);
}

/** "12 kB", "3.4 MB". */
export function octets(size_bytes: number): string {
  const [divisor, unit] = size_bytes < 1e6 ? [1e3, "kilobyte"] : [1e6, "megabyte"];
  return kept(unit as string, (of) => {
    return new Intl.NumberFormat(of, {
      style: "unit",
      unit: unit as string,
      maximumFractionDigits: unit === "megabyte" ? 1 : 0,
    });
  }).format(Math.max(size_bytes / (divisor as number), 0));
}

/** 0.25 as "25%". */
export function percent(part: number): string {
  return kept("percent", (of) => new Intl.NumberFormat(of, { style: "percent", maximumFractionDigits: 0 })).format(
    part,
  );
}

/** Degrees on WGS 84 with five digits (about a metre): "52.51627, 13.37770". */
export function coordinates(latitude: number, longitude: number): string {
  return `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
}

/** "30 days", "8 hours", "20 minutes": the largest unit of which it is a whole number, at least a minute. */
export function period(duration_s: number): string {
  const [size_s, unit] =
    duration_s % DAY_S === 0 ? [DAY_S, "day"] : duration_s % HOUR_S === 0 ? [HOUR_S, "hour"] : [MINUTE_S, "minute"];
  return kept(`period ${unit}`, (of) => {
    return new Intl.NumberFormat(of, { style: "unit", unit: unit as string, unitDisplay: "long" });
  }).format(Math.max(1, Math.round(duration_s / (size_s as number))));
}
