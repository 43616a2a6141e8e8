/** The room of the recordings on the browser's own files, with a radio that tests/browser drives. */
import { mount } from "svelte";
import "../../src/look/base.css";
import { PrivateFiles } from "../../src/recording/files";
import { Recordings } from "../../src/recording/recordings.svelte";
import RecordingsRoom from "../../src/recording/RecordingsRoom.svelte";
import type { Radio } from "../../src/radio/radio";
import { FakeRadio } from "./fakeRadio";

const radio = new FakeRadio();
const groups = new Map([
  ["grp_1", "Patrol marker-group"],
  ["grp_2", "Pier 4"],
]);
const recordings = new Recordings(new PrivateFiles());
recordings.attach(radio.asRadio);
for (const [group, name] of groups) radio.joins(group, name);
const room = { groups: [...groups].map(([group, name]) => ({ group, name })) } as unknown as Radio;
mount(RecordingsRoom, { target: document.getElementById("page")!, props: { recordings, radio: room } });

let bursts = 100;

async function folder(): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle("recordings");
}

const page = {
  may: (terms: { allowed: boolean; onAlert?: boolean; keepS?: number }) =>
    radio.may(terms.allowed, terms.onAlert, terms.keepS),

  /** A burst of somebody in a group: frames of 20 ms, as octets. */
  say({ group, name, frames }: { group: string; name: string; frames: number[][] }): void {
    const talkgroup = radio.talkgroups.get(group)!;
    talkgroup.begins((bursts += 1), name);
    for (const frame of frames) talkgroup.packet(Uint8Array.from(frame));
    talkgroup.ends();
  },

  raise: () => radio.raise("alr_00000000000000f1", "sub_1"),
  close: () => radio.close("alr_00000000000000f1"),

  /** Name and octets of each file of the recordings, as they lie on the disk. */
  async files(): Promise<Record<string, number[]>> {
    const found: Record<string, number[]> = {};
    for await (const [name, file] of await folder()) {
      if (file instanceof FileSystemFileHandle) {
        found[name] = [...new Uint8Array(await (await file.getFile()).arrayBuffer())];
      }
    }
    return found;
  },

  async overwrite({ name, octets }: { name: string; octets: number[] }): Promise<void> {
    const writing = await (await (await folder()).getFileHandle(name)).createWritable();
    await writing.write(Uint8Array.from(octets));
    await writing.close();
  },

  state: () => ({ state: recordings.state, vault: recordings.vault }),
};

declare global {
  interface Window {
    page: typeof page;
  }
}
window.page = page;
