/**
 * Recording at this console, as a living object: locked or open, recording or not, and what is recorded.
 *
 *     const recordings = new Recordings(new PrivateFiles());
 *     const stop = recordings.attach(radio);
 *
 * 1. Nothing is written before the passphrase opened the vault, and unless the organisation's terms allow it.
 * 2. If they say so, it begins by itself while an alert is open, and ends with the alert.
 * 3. It stops at once when it is allowed no more.
 * 4. What is older than they let it be is erased: at each log-in and change of the terms, and every hour.
 */

import type { RecordingTerms } from "../protocol/messages";
import type { Radio } from "../radio/radio";
import { decoded } from "./decoding";
import type { Files } from "./files";
import { eraseOldFiles, Library, type Recording, type Search } from "./library";
import { isBurstFile, Recorder, type RecorderState } from "./recorder";
import { tap, type BurstSink, type TappedRadio } from "./tap";
import { changePassphrase, makeVault, openVault, type SealedVault } from "./vault";
import { readVault, removeVault, VaultDamaged, writeVault } from "./vaultFile";

const HOUR_MS = 3_600_000;

/** `none`: no passphrase was chosen yet. `damaged`: its file is; `unusable`: the browser keeps nothing for this page. */
export type VaultState = "reading" | "none" | "locked" | "opening" | "open" | "damaged" | "unusable";

/** What the dispatcher sees of it. `forbidden`: the organisation does not let this console record. */
export type RecordingState = "forbidden" | "locked" | RecorderState;

/** The radio that is recorded. */
export type RecordedRadio = TappedRadio & Pick<Radio, "terms">;

export interface RecordingsOptions {
  /** UTC milliseconds. */
  readonly nowMs?: () => number;
  /** Of the key derivation; fewer in tests. */
  readonly iterations?: number;
}

export class Recordings {
  vault = $state<VaultState>("reading");
  /** While the vault opens: recordings read, and how many there are. */
  progress = $state({ done: 0, of: 0 });
  /** Octets that are taken, and those that the browser gives this page. */
  space = $state<{ used: number; of: number }>();
  /** It began by itself, for an alert. */
  forAlert = $state(false);
  alertIsOpen = $state(false);
  #recorderState = $state<RecorderState>("off");
  #terms = $state.raw<RecordingTerms>();
  #changes = $state(0);
  #sealed: SealedVault | null = null;
  #library: Library | undefined;
  #recorder: Recorder | undefined;
  #radio: RecordedRadio | undefined;
  readonly #begunFor = new Set<string>();
  readonly #files: Files;
  readonly #nowMs: () => number;
  readonly #iterations: number | undefined;

  constructor(files: Files, { nowMs = Date.now, iterations }: RecordingsOptions = {}) {
    this.#files = files;
    this.#nowMs = nowMs;
    this.#iterations = iterations;
    void this.#find();
  }

  async #find(): Promise<void> {
    try {
      this.#sealed = await readVault(this.#files);
      this.vault = this.#sealed === null ? "none" : "locked";
    } catch (error) {
      this.vault = error instanceof VaultDamaged ? "damaged" : "unusable";
    }
  }

  // The radio

  /** From now on the bursts of this radio are recorded as its terms say; what it returns ends that. */
  attach(radio: RecordedRadio): () => void {
    this.#radio = radio;
    const sink: BurstSink = {
      hear: ({ ssrc, sequence, timestamp, payload }, about) => {
        if (this.#recorder?.wants(ssrc)) this.#recorder.begin(ssrc, about());
        this.#recorder?.hear(ssrc, sequence, timestamp, payload);
      },
      end: (ssrc) => void this.#recorder?.end(ssrc, this.#nowMs()),
    };
    const stops = [
      tap(radio, sink, this.#nowMs),
      radio.listen(({ kind }) => (kind === "terms" || kind === "connected") && this.#takeTerms()),
      radio.alerts.listen(() => this.#followAlerts()),
    ];
    const erasing = setInterval(() => void this.eraseOld(), HOUR_MS);
    this.#takeTerms();
    return () => {
      for (const stop of stops) stop();
      clearInterval(erasing);
      void this.stop();
      this.#radio = undefined;
    };
  }

  #takeTerms(): void {
    const terms = this.#radio?.terms?.recording;
    if (terms === undefined) return; // not logged in yet
    this.#terms = terms;
    if (!terms.allowed) void this.stop();
    this.#followAlerts();
    void this.eraseOld();
  }

  /** Begins for an alert once; a dispatcher who stops it meanwhile is obeyed. */
  #followAlerts(): void {
    const open = [...(this.#radio?.alerts.open.keys() ?? [])];
    this.alertIsOpen = open.length > 0;
    if (open.length === 0 && this.forAlert) void this.stop();
    if (this.#recorder === undefined || !this.#terms?.allowed || !this.#terms.on_alert) return;
    const fresh = open.filter((alert) => !this.#begunFor.has(alert));
    for (const alert of fresh) this.#begunFor.add(alert);
    if (fresh.length === 0 || this.#recorderState === "on") return;
    this.forAlert = true;
    this.#recorder.start();
  }

  // Recording or not

  get state(): RecordingState {
    if (!this.#terms?.allowed) return "forbidden";
    return this.vault === "open" ? this.#recorderState : "locked";
  }

  /** An alert should be recorded, and is not for want of the passphrase. */
  get isMissingAlert(): boolean {
    return this.alertIsOpen && this.state === "locked" && this.#terms?.on_alert === true;
  }

  /** Seconds; undefined before the first log-in. */
  get keepS(): number | undefined {
    return this.#terms?.keep_s;
  }

  /** Also tries again after it was full. */
  start(): void {
    if (this.state === "forbidden" || this.state === "locked") return;
    this.forAlert = false;
    this.#recorder?.start();
  }

  /** What is being recorded is finished first. */
  async stop(): Promise<void> {
    this.forAlert = false;
    await this.#recorder?.stop(this.#nowMs());
  }

  // The vault

  /** For the first time. Throws RangeError (the passphrase is too short), StorageFull. */
  async choosePassphrase(passphrase: string): Promise<void> {
    const [sealed, key] = await makeVault(passphrase, this.#iterations);
    await writeVault(this.#files, sealed);
    this.#sealed = sealed;
    await this.#use(key);
  }

  /** Throws WrongPassphrase. */
  async unlock(passphrase: string): Promise<void> {
    this.vault = "opening";
    this.progress = { done: 0, of: 0 };
    try {
      await this.#use(await openVault(this.#sealed!, passphrase));
    } catch (error) {
      this.vault = "locked";
      throw error;
    }
  }

  async #use(key: CryptoKey): Promise<void> {
    const library = new Library(this.#files, key);
    const recorder = new Recorder(this.#files, key);
    library.onChange = () => (this.#changes += 1);
    recorder.onChange = () => (this.#recorderState = recorder.state);
    recorder.onRecorded = (name) => void library.add(name).then(() => this.#measure());
    if (this.keepS !== undefined) await eraseOldFiles(this.#files, this.#nowMs(), this.keepS);
    await library.open((done, of) => (this.progress = { done, of }));
    this.#library = library;
    this.#recorder = recorder;
    this.#recorderState = "off";
    this.vault = "open";
    this.#followAlerts();
    await globalThis.navigator?.storage?.persist?.(); // so that the browser does not make room by itself
    await this.#measure();
  }

  async lock(): Promise<void> {
    await this.stop();
    this.#library = this.#recorder = undefined;
    if (this.vault === "open") this.vault = "locked";
  }

  /** The recordings stay as they are. Throws WrongPassphrase, RangeError, StorageFull. */
  async changePassphrase(old: string, fresh: string): Promise<void> {
    const sealed = await changePassphrase(this.#sealed!, old, fresh);
    await writeVault(this.#files, sealed);
    this.#sealed = sealed;
  }

  /** The passphrase is lost: all recordings are erased, and a new one can be chosen. */
  async startOver(): Promise<void> {
    await this.lock();
    for (const name of (await this.#files.names()).filter(isBurstFile)) await this.#files.remove(name);
    await removeVault(this.#files);
    await this.#find();
  }

  async #measure(): Promise<void> {
    const { usage, quota } = (await globalThis.navigator?.storage?.estimate?.()) ?? {};
    if (usage !== undefined && quota !== undefined) this.space = { used: usage, of: quota };
  }

  // What is recorded

  /** Oldest first; empty while locked. */
  find(search: Search = {}): readonly Recording[] {
    return this.#changes >= 0 && this.vault === "open" ? this.#library!.find(search) : [];
  }

  /** Mono samples at 48 kHz. Throws Unreadable. */
  async sound(name: string): Promise<Float32Array> {
    return decoded(await this.#library!.voice(name));
  }

  async erase(name: string): Promise<void> {
    await this.#library?.erase(name);
    await this.#measure();
  }

  /** What is older than the organisation lets it be; the vault need not be open. */
  async eraseOld(): Promise<void> {
    if (this.keepS === undefined || this.vault === "unusable" || this.vault === "reading") return;
    if (this.#library !== undefined) await this.#library.eraseOld(this.#nowMs(), this.keepS);
    else await eraseOldFiles(this.#files, this.#nowMs(), this.keepS);
  }
}
