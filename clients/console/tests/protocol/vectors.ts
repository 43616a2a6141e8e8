/** The test vectors of proto/, which every client of the protocol has to agree with. */
import { readFileSync } from "node:fs";

export function vectors(name: string): any {
  return JSON.parse(readFileSync(new URL(`../../../../proto/vectors/${name}.json`, import.meta.url), "utf-8"));
}

export function prose(name: string): string {
  return readFileSync(new URL(`../../../../proto/${name}.md`, import.meta.url), "utf-8");
}
