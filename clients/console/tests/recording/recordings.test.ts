import { beforeEach, describe, expect, it, vi } from "vitest";
import { Recordings } from "../../src/recording/recordings.svelte";
import { WrongPassphrase } from "../../src/recording/vault";
import { FakeRadio, OWN_SSRC, type FakeGroup } from "./fakeRadio";
import { MemoryFiles } from "./memoryFiles";

const PASSPHRASE = "correct horse battery";
const DAY_S = 86_400;
const START = 1_800_000_000_000;
const ALERT = "alr_00000000000000f1";

let files: MemoryFiles;
let radio: FakeRadio;
let patrol: FakeGroup;
let recordings: Recordings;
let now: number;

const living = async (): Promise<Recordings> => {
  const made = new Recordings(files, { nowMs: () => now, iterations: 1000 });
  await vi.waitFor(() => expect(made.vault).not.toBe("reading"));
  return made;
};

beforeEach(async () => {
  files = new MemoryFiles();
  radio = new FakeRadio();
  patrol = radio.joins("grp_1", "Patrol");
  now = START;
  recordings = await living();
  recordings.attach(radio.asRadio);
});

async function open(): Promise<void> {
  await recordings.choosePassphrase(PASSPHRASE);
  recordings.start();
}

function says(group: FakeGroup, name: string, frames = 60): void {
  group.begins(frames + 7, name);
  group.voice(frames);
  now += frames * 20;
  group.ends();
}

const found = () => recordings.find().map(({ burst }) => burst?.about.talkerName);
const are = (names: (string | undefined)[]) => vi.waitFor(() => expect(found()).toEqual(names));
const bursts = () => [...files.kept.keys()].filter((name) => name.endsWith(".burst"));

describe("what is recorded", () => {
  beforeEach(async () => {
    radio.may(true);
    await open();
  });

  it("is what others say and what we say, with names", async () => {
    says(patrol, "Anna");
    now = START + 10_000;
    patrol.state = { is: "granted", burstSsrc: OWN_SSRC, endsAt: undefined };
    patrol.voice(10);
    patrol.state = { is: "idle" };
    patrol.tell("state");
    await are(["Anna", "Ina"]);
    const [heard, said] = recordings.find().map(({ burst }) => burst!);
    expect(heard).toMatchObject({ state: "whole", endedMs: START + 1200 });
    expect(heard!.about).toMatchObject({ group: "grp_1", groupName: "Patrol", talker: "sub_Anna", kind: "group" });
    expect(said!.about).toMatchObject({ talker: "sub_me", startedMs: START + 10_000 });
  });

  it("is what comes from a group that is joined later, and ends when it is left", async () => {
    const later = radio.joins("grp_2", "Pier");
    later.begins(9, "Bert");
    later.voice(3);
    later.tell("left");
    await are(["Bert"]);
    expect(recordings.find()[0]!.burst!.state).toBe("whole");
    later.voice(3);
    expect(bursts()).toHaveLength(1);
  });

  it("belongs to the alert of who talks, and in an emergency everything does", async () => {
    radio.raise(ALERT, "sub_Anna");
    says(radio.joins("grp_2", "Pier"), "Anna");
    patrol.emergency = true;
    now += 1;
    says(patrol, "Bert");
    await are(["Anna", "Bert"]);
    for (const { burst } of recordings.find()) expect(burst!.about).toMatchObject({ kind: "alert", alert: ALERT });
  });

  it("is what is left of a burst in whose midst the recording begins", async () => {
    await recordings.stop();
    patrol.begins(9, "Anna");
    patrol.voice(10);
    now += 200;
    recordings.start();
    patrol.voice(5);
    patrol.ends();
    await are(["Anna"]);
    expect(recordings.find()[0]!.burst!.about.startedMs).toBe(START + 200);
  });
});

describe("the organisation's terms", () => {
  it("come first: before them and against them nothing is recorded", async () => {
    await open();
    expect(recordings.state).toBe("forbidden");
    says(patrol, "Anna");
    radio.may(false, true);
    radio.raise(ALERT, "sub_Anna");
    recordings.start();
    says(patrol, "Anna");
    expect(recordings.state).toBe("forbidden");
    expect(bursts()).toEqual([]);
  });

  it("stop a recording at once, in the midst of a burst", async () => {
    radio.may(true);
    await open();
    patrol.begins(9, "Anna");
    patrol.voice(10);
    now += 200;
    radio.may(false);
    patrol.voice(50);
    patrol.ends();
    await are(["Anna"]);
    const [recording] = recordings.find();
    expect(recording!.burst).toMatchObject({ state: "whole", endedMs: START + 200 });
    radio.may(true);
    expect(recordings.state).toBe("off");
  });

  it("have what is too old erased, also while the recordings are locked", async () => {
    radio.may(true);
    await open();
    says(patrol, "Anna");
    now = START + 5000;
    says(patrol, "Bert");
    await are(["Anna", "Bert"]);
    now = START + DAY_S * 1000 + 1;
    await recordings.eraseOld();
    await are(["Bert"]);
    recordings = await living();
    now += 5000;
    recordings.attach(radio.asRadio);
    await vi.waitFor(() => expect(bursts()).toEqual([]));
  });
});

describe("an alert", () => {
  it("begins the recording by itself, and its end ends it", async () => {
    radio.may(true, true);
    await recordings.choosePassphrase(PASSPHRASE);
    radio.raise(ALERT, "sub_Anna");
    expect([recordings.state, recordings.forAlert]).toEqual(["on", true]);
    says(patrol, "Anna");
    await are(["Anna"]);
    radio.close(ALERT);
    await vi.waitFor(() => expect(recordings.state).toBe("off"));
  });

  it("ends no recording that the dispatcher began", async () => {
    radio.may(true, true);
    await open();
    radio.raise(ALERT, "sub_Anna");
    radio.close(ALERT);
    expect(recordings.state).toBe("on");
  });

  it("does not begin again what the dispatcher stopped; another alert does", async () => {
    radio.may(true, true);
    await recordings.choosePassphrase(PASSPHRASE);
    radio.raise(ALERT, "sub_Anna");
    await recordings.stop();
    radio.raise(ALERT, "sub_Anna");
    expect(recordings.state).toBe("off");
    radio.raise("alr_00000000000000f2", "sub_Bert");
    expect(recordings.state).toBe("on");
  });

  it("is said to be missed while the passphrase is missing, and recorded from then on", async () => {
    radio.may(true, true);
    expect(recordings.isMissingAlert).toBe(false);
    radio.raise(ALERT, "sub_Anna");
    expect(recordings.isMissingAlert).toBe(true);
    await recordings.choosePassphrase(PASSPHRASE);
    expect([recordings.isMissingAlert, recordings.state]).toEqual([false, "on"]);
  });

  it("begins nothing where the terms do not say so", async () => {
    radio.may(true, false);
    await recordings.choosePassphrase(PASSPHRASE);
    radio.raise(ALERT, "sub_Anna");
    expect([recordings.state, recordings.isMissingAlert]).toEqual(["off", false]);
  });
});

describe("the passphrase", () => {
  beforeEach(async () => {
    radio.may(true);
    await open();
    says(patrol, "Anna");
    await are(["Anna"]);
  });

  it("opens the recordings after a reload, and no other does", async () => {
    recordings = await living();
    expect(recordings.vault).toBe("locked");
    await expect(recordings.unlock("another passphrase")).rejects.toThrow(WrongPassphrase);
    expect([recordings.vault, found()]).toEqual(["locked", []]);
    await recordings.unlock(PASSPHRASE);
    expect([recordings.vault, found()]).toEqual(["open", ["Anna"]]);
  });

  it("can be changed, and what was recorded stays", async () => {
    await expect(recordings.changePassphrase("another passphrase", "a third passphrase")).rejects.toThrow(
      WrongPassphrase,
    );
    await recordings.changePassphrase(PASSPHRASE, "a third passphrase");
    recordings = await living();
    await recordings.unlock("a third passphrase");
    expect(found()).toEqual(["Anna"]);
  });

  it("file survives a crash while it is written; if both copies are broken that is said, and one can start over", async () => {
    files.kept.set("vault.json", new TextEncoder().encode('{"version":1,"sa'));
    recordings = await living();
    await recordings.unlock(PASSPHRASE);
    expect(found()).toEqual(["Anna"]);
    files.kept.set("vault.second.json", new Uint8Array(3));
    recordings = await living();
    expect(recordings.vault).toBe("damaged");
    expect(bursts()).toHaveLength(1);
    await recordings.startOver();
    expect([recordings.vault, files.kept.size]).toEqual(["none", 0]);
  });

  it("locks: nothing is found or recorded any more", async () => {
    await recordings.lock();
    expect([recordings.state, found()]).toEqual(["locked", []]);
    recordings.start();
    says(patrol, "Bert");
    expect(bursts()).toHaveLength(1);
  });
});

it("says that the storage is full, loses nothing, and goes on when there is room", async () => {
  radio.may(true);
  await open();
  says(patrol, "Anna", 100);
  await are(["Anna"]);
  const taken = [...files.kept.values()].reduce((sum, file) => sum + file.length, 0);
  files.room = taken + 2500;
  now += 1;
  says(patrol, "Bert", 400);
  await vi.waitFor(() => expect(recordings.state).toBe("full"));
  await are(["Anna", "Bert"]);
  expect(recordings.find().map(({ burst }) => burst!.state)).toEqual(["whole", "interrupted"]);
  now += 1;
  says(patrol, "Carl");
  expect(bursts()).toHaveLength(2);
  files.room = Infinity;
  recordings.start();
  expect(recordings.state).toBe("on");
  says(patrol, "Carl");
  await are(["Anna", "Bert", "Carl"]);
});

it("says that the browser keeps nothing for this page", async () => {
  files.read = () => Promise.reject(new Error("SecurityError"));
  recordings = await living();
  expect(recordings.vault).toBe("unusable");
});
