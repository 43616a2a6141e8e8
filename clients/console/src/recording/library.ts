/** What was recorded: found by group, person and time; read; erased when its time is over. */

import { Unreadable, readBurst, type RecordedFrame, type Summary } from "./burstFile";
import type { Files } from "./files";
import { isBurstFile } from "./recorder";

export interface Recording {
  readonly name: string;
  /** Null: the file is damaged from its beginning, and can only be erased. */
  readonly burst: Summary | null;
}

/** What is left out does not matter. Times are UTC milliseconds. */
export interface Search {
  readonly group?: string;
  /** A part of the talker's name, in any case; or the number of the subscriber. */
  readonly person?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
}

export class Library {
  onChange: () => void = () => {};
  private readonly known = new Map<string, Recording>();

  constructor(
    private readonly files: Files,
    private readonly key: CryptoKey,
  ) {}

  /** Reads all that is there; `progress` gets what is done and what there is to do. */
  async open(progress: (done: number, of: number) => void = () => {}): Promise<void> {
    const names = (await this.files.names()).filter(isBurstFile);
    for (const [index, name] of names.entries()) {
      await this.read(name);
      progress(index + 1, names.length);
    }
    this.onChange();
  }

  /** Reads a file that is new. */
  async add(name: string): Promise<void> {
    await this.read(name);
    this.onChange();
  }

  /** Oldest first; damaged files only if nothing is searched for. */
  find(search: Search = {}): Recording[] {
    const wanted = [...this.known.values()].filter(({ burst }) => fits(burst, search));
    return wanted.sort((one, other) => startOf(one) - startOf(other));
  }

  /** What was said. Throws Unreadable, also if the file is gone. */
  async voice(name: string): Promise<readonly RecordedFrame[]> {
    const file = await this.files.read(name);
    if (file === null) throw new Unreadable();
    return (await readBurst(this.key, name, file)).frames;
  }

  async erase(name: string): Promise<void> {
    await this.files.remove(name);
    this.known.delete(name);
    this.onChange();
  }

  /** Erases what began more than `keepS` seconds ago, damaged files too; how many. */
  async eraseOld(nowMs: number, keepS: number): Promise<number> {
    const old = [...this.known.values()].filter((recording) => startOf(recording) < nowMs - keepS * 1000);
    for (const { name } of old) await this.erase(name);
    return old.length;
  }

  private async read(name: string): Promise<void> {
    const file = await this.files.read(name);
    if (file === null || file.length === 0) return; // there was no room for its first record
    try {
      const { about, endedMs, state } = await readBurst(this.key, name, file);
      this.known.set(name, { name, burst: { about, endedMs, state } });
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      this.known.set(name, { name, burst: null });
    }
  }
}

/** The name begins with the time, so that a file that cannot be read has an age too: UTC milliseconds. */
export const startByName = (name: string): number => Number.parseInt(name, 10) || 0;

export const startOf = ({ name, burst }: Recording): number => burst?.about.startedMs ?? startByName(name);

/** Erases what began more than `keepS` seconds ago without reading it: also while the recordings are locked. */
export async function eraseOldFiles(files: Files, nowMs: number, keepS: number): Promise<number> {
  const names = (await files.names()).filter(isBurstFile);
  const old = names.filter((name) => startByName(name) < nowMs - keepS * 1000);
  for (const name of old) await files.remove(name);
  return old.length;
}

function fits(burst: Summary | null, { group, person, fromMs, toMs }: Search): boolean {
  const sought = person?.trim().toLowerCase() ?? "";
  if (burst === null) return group === undefined && sought === "" && fromMs === undefined && toMs === undefined;
  const { about, endedMs } = burst;
  return (
    (group === undefined || about.group === group) &&
    (about.talkerName.toLowerCase().includes(sought) || about.talker === sought) &&
    (fromMs === undefined || endedMs >= fromMs) &&
    (toMs === undefined || about.startedMs <= toMs)
  );
}
