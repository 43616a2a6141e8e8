/** A radio whose groups, alerts and terms a test changes by hand. */
import { Listeners } from "../../src/radio/listeners";
import type { RadioEvent } from "../../src/radio/radio";
import type { Talkgroup, TalkgroupEvent, VoicePacket } from "../../src/radio/talkgroup";
import type { RecordedRadio } from "../../src/recording/recordings.svelte";

export const OWN_SSRC = 1;

export class FakeGroup {
  talker: VoicePacket["talker"];
  state: Talkgroup["state"] = { is: "idle" };
  emergency = false;
  readonly #events = new Listeners<TalkgroupEvent>();
  readonly #voice = new Listeners<VoicePacket>();
  #sequence = 0;

  constructor(
    readonly group: string,
    readonly name: string,
  ) {}

  get talkerSsrc(): number | undefined {
    return this.talker?.burstSsrc;
  }

  listen = (callback: (event: TalkgroupEvent) => void) => this.#events.listen(callback);
  listenVoice = (callback: (packet: VoicePacket) => void) => this.#voice.listen(callback);

  tell(kind: "talker" | "state" | "left"): void {
    this.#events.tell({ kind });
  }

  begins(burstSsrc: number, name: string, subscriber: string | undefined = `sub_${name}`): void {
    const flags = { emergency: false, imminentPeril: false, mayRequest: true };
    this.talker = { subscriber, name, burstSsrc, since: 0, ...flags };
    this.tell("talker");
  }

  ends(): void {
    this.talker = undefined;
    this.tell("talker");
  }

  /** Frames of the talker; of ourselves if nobody talks. */
  voice(frames: number): void {
    for (let count = 0; count < frames; count++) {
      const sequence = (this.#sequence += 1);
      const payload = Uint8Array.of(0xf8, sequence & 255, sequence >> 8);
      const ssrc = this.talkerSsrc ?? OWN_SSRC;
      const packet = { ssrc, sequence, timestamp: sequence * 960, payload, marker: false, payloadType: 96 };
      this.#voice.tell({ packet, talker: this.talker });
    }
  }
}

export class FakeRadio {
  readonly name = "Ina";
  readonly identity = { subscriber: "sub_me" };
  readonly talkgroups = new Map<string, FakeGroup>();
  readonly calls = { live: new Map() };
  terms: { recording: { allowed: boolean; on_alert: boolean; keep_s: number } } | undefined;
  readonly #events = new Listeners<RadioEvent>();
  readonly #alertEvents = new Listeners<{ kind: string }>();
  readonly alerts = {
    open: new Map<string, { alert: string; subscriber: string; drill: boolean }>(),
    listen: (callback: (event: { kind: string }) => void) => this.#alertEvents.listen(callback),
  };

  listen = (callback: (event: RadioEvent) => void) => this.#events.listen(callback);

  get asRadio(): RecordedRadio {
    return this as unknown as RecordedRadio;
  }

  may(allowed: boolean, on_alert = false, keep_s = 86_400): void {
    this.terms = { recording: { allowed, on_alert, keep_s } };
    this.#events.tell({ kind: "terms" });
  }

  joins(group: string, name: string): FakeGroup {
    const joined = new FakeGroup(group, name);
    this.talkgroups.set(group, joined);
    this.#events.tell({ kind: "affiliated", group });
    return joined;
  }

  raise(alert: string, subscriber: string): void {
    this.alerts.open.set(alert, { alert, subscriber, drill: false });
    this.#alertEvents.tell({ kind: "raised" });
  }

  close(alert: string): void {
    this.alerts.open.delete(alert);
    this.#alertEvents.tell({ kind: "step" });
  }
}
