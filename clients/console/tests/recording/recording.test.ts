import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { readBurst, Unreadable, type About } from "../../src/recording/burstFile";
import { Library } from "../../src/recording/library";
import { Recorder } from "../../src/recording/recorder";
import { changePassphrase, makeVault, openVault, WrongPassphrase } from "../../src/recording/vault";
import { MemoryFiles } from "./memoryFiles";

const PASSPHRASE = "correct horse battery";
const FEW = 1_000; // iterations, in tests
const START = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const SSRC = 7;

const about = (more: Partial<About> = {}): About => ({
  group: "grp_1", groupName: "Patrol", talker: "sub_1", talkerName: "Anna", kind: "group", startedMs: START, ...more,
}); // prettier-ignore

const frame = (number: number): Uint8Array =>
  Uint8Array.of(0xf8, number & 255, number >> 8, ...new Uint8Array(20).fill(number));

let key: CryptoKey;
let files: MemoryFiles;
let recorder: Recorder;

beforeAll(async () => {
  [, key] = await makeVault(PASSPHRASE, FEW);
});

beforeEach(() => {
  files = new MemoryFiles();
  recorder = new Recorder(files, key);
  recorder.start();
});

async function record(frames: number, more: Partial<About> = {}, ssrc = SSRC): Promise<string> {
  const said = about(more);
  recorder.begin(ssrc, said);
  for (let number = 0; number < frames; number++) recorder.hear(ssrc, number, 5_000 + number * 960, frame(number));
  await recorder.end(ssrc, said.startedMs + frames * 20);
  return (await files.names()).at(-1)!;
}

const read = async (name: string) => readBurst(key, name, (await files.read(name))!);

describe("the vault", () => {
  it("opens with its passphrase, typed in another normal form too, and gives a key that cannot be taken out", async () => {
    const [vault, made] = await makeVault("Straßenlärm über allem", FEW);
    const opened = await openVault(vault, "Straßenlärm über allem".normalize("NFD"));
    expect(opened.extractable).toBe(false);
    expect(made.extractable).toBe(false);
    await expect(openVault(vault, "strassenlaerm")).rejects.toThrow(WrongPassphrase);
  });

  it("keeps its key under a new passphrase, and lets the old one go", async () => {
    const [vault, made] = await makeVault(PASSPHRASE, FEW);
    const iv = new Uint8Array(12);
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, made, Uint8Array.of(1, 2, 3));
    const changed = await changePassphrase(vault, PASSPHRASE, "another long passphrase");
    const opened = await openVault(changed, "another long passphrase");
    expect(new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, opened, sealed))).toEqual(
      Uint8Array.of(1, 2, 3),
    );
    await expect(openVault(changed, PASSPHRASE)).rejects.toThrow(WrongPassphrase);
  });

  it("takes no short passphrase", async () => {
    await expect(makeVault("too short", FEW)).rejects.toThrow(RangeError);
  });
});

describe("a recorded burst", () => {
  it("has every frame at its place, whatever way the packets came", async () => {
    recorder.begin(SSRC, about());
    for (const number of [1, 0, 3, 3, 2, 5])
      recorder.hear(SSRC, number, (0xffff_0000 + number * 960) >>> 0, frame(number));
    await recorder.end(SSRC, START + 120);
    const [name] = await files.names();
    const { frames, state, endedMs } = await read(name!);
    expect(state).toBe("whole");
    expect(endedMs).toBe(START + 120);
    expect(frames.map(({ opus }) => opus[1])).toEqual([0, 1, 2, 3, 5]);
    expect(frames.map(({ timestamp }) => timestamp)).toEqual([0, 960, 1920, 2880, 4800]);
  });

  it("lies encrypted: neither names nor voice can be read", async () => {
    const name = await record(120, { talkerName: "Marker Person", groupName: "Marker Group" });
    const bytes = Buffer.from((await files.read(name))!);
    for (const marker of ["Marker Person", "Marker Group", "grp_1", "sub_1"])
      expect(bytes.includes(marker)).toBe(false);
    for (let number = 0; number < 120; number++) expect(bytes.includes(Buffer.from(frame(number)))).toBe(false);
  });

  it("is on the disk second by second, so that a crash costs the last second only", async () => {
    recorder.begin(SSRC, about());
    for (let number = 0; number < 149; number++) recorder.hear(SSRC, number, number * 960, frame(number));
    const [name] = await vi.waitFor(async () => {
      expect((await read((await files.names())[0]!)).frames.length).toBe(100);
      return files.names();
    });
    const { state, endedMs } = await read(name!);
    expect(state).toBe("interrupted");
    expect(endedMs).toBe(START + 2_000);
  });

  it("written in part is read up to there", async () => {
    const name = await record(150);
    const file = (await files.read(name))!;
    for (const [cut, left] of [
      [1, 150],
      [20, 150],
      [70, 100],
      [300, 100],
    ] as const) {
      const { state, frames } = await readBurst(key, name, file.slice(0, file.length - cut));
      expect(state).toBe("interrupted");
      expect(frames.length).toBe(left);
    }
  });

  it("with a flipped bit is good up to there, and says that it is damaged", async () => {
    const name = await record(150);
    const file = (await files.read(name))!;
    const spoilt = file.slice();
    spoilt[spoilt.length - 200]! ^= 1;
    const { state, frames } = await readBurst(key, name, spoilt);
    expect(state).toBe("damaged");
    expect(frames.length).toBe(100);
  });

  it("is unreadable under another name, with another key, and if it is something else", async () => {
    const name = await record(10);
    const file = (await files.read(name))!;
    const [, other] = await makeVault("quite another passphrase", FEW);
    await expect(readBurst(key, `1-other.burst`, file)).rejects.toThrow(Unreadable);
    await expect(readBurst(other, name, file)).rejects.toThrow(Unreadable);
    for (const bytes of [new Uint8Array(), new Uint8Array(100), new TextEncoder().encode("RIFF....WAVEfmt ")]) {
      await expect(readBurst(key, name, bytes)).rejects.toThrow(Unreadable);
    }
  });
});

describe("the recorder", () => {
  it("records nothing while it is off", async () => {
    await recorder.stop(START);
    await record(10).catch(() => {});
    expect(await files.names()).toEqual([]);
  });

  it("finishes what is being said when it is stopped", async () => {
    recorder.begin(SSRC, about());
    recorder.hear(SSRC, 0, 0, frame(0));
    await recorder.stop(START + 20);
    const [name] = await files.names();
    expect((await read(name!)).state).toBe("whole");
  });

  it("says that there is no room, keeps what it has, and goes on when told to", async () => {
    const first = await record(50);
    let told = 0;
    recorder.onChange = () => told++;
    files.room = 5_000;
    await record(500, { startedMs: START + 10_000 });
    expect(recorder.state).toBe("full");
    expect(told).toBe(1);
    expect((await read(first)).state).toBe("whole");
    files.room = Infinity;
    recorder.start();
    const later = await record(50, { startedMs: START + 20_000 });
    expect((await read(later)).state).toBe("whole");
  });
});

describe("the library", () => {
  let library: Library;

  beforeEach(async () => {
    await record(10, { startedMs: START + 2 * DAY_MS, talkerName: "Bert Å", talker: "sub_2", group: "grp_2" });
    await record(10, { startedMs: START });
    await record(10, { startedMs: START + DAY_MS, talkerName: "Anna B", talker: "sub_3" });
    library = new Library(files, key);
    await library.open();
  });

  const found = (search = {}) => library.find(search).map(({ burst }) => burst?.about.talkerName);

  it("shows all, oldest first", () => {
    expect(found()).toEqual(["Anna", "Anna B", "Bert Å"]);
  });

  it("finds by group, by a part of a name in any case, by number and by time", () => {
    expect(found({ group: "grp_2" })).toEqual(["Bert Å"]);
    expect(found({ person: " aNNa " })).toEqual(["Anna", "Anna B"]);
    expect(found({ person: "sub_2" })).toEqual(["Bert Å"]);
    expect(found({ fromMs: START + 1, toMs: START + DAY_MS })).toEqual(["Anna", "Anna B"]);
    expect(found({ fromMs: START + 201, toMs: START + DAY_MS })).toEqual(["Anna B"]);
  });

  it("plays what was said", async () => {
    const [recording] = library.find({ person: "Bert" });
    expect((await library.voice(recording!.name)).length).toBe(10);
  });

  it("erases what is older than the organisation lets it be, damaged files too", async () => {
    await files.write(`${START - DAY_MS}-damaged.burst`, new Uint8Array(64));
    await library.open();
    expect(found()).toEqual([undefined, "Anna", "Anna B", "Bert Å"]);
    expect(await library.eraseOld(START + 2 * DAY_MS + 1, 2 * 86_400)).toBe(2);
    expect(found()).toEqual(["Anna B", "Bert Å"]);
    expect((await files.names()).length).toBe(2);
  });

  it("takes in what was recorded since", async () => {
    recorder.onRecorded = (name) => void library.add(name);
    await record(10, { startedMs: START + 3 * DAY_MS, talkerName: "Carl" });
    await vi.waitFor(() => expect(found({ person: "carl" })).toEqual(["Carl"]));
  });
});
