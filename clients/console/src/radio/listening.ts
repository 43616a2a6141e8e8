/** The burst of a group that is heard: from Floor Taken to its end it goes to the loudspeaker. */
import type { FloorTaken } from "../protocol/floor_effects";
import type { ReportBlock } from "../protocol/rtcp";
import type { RtpPacket } from "../protocol/rtp";
import { Reception } from "./reception";
import { talkerOf, type Talker } from "./talk_state";
import type { Voice } from "./voice";

export class Listening {
  talker: Talker | undefined;
  readonly #group: string;
  readonly #voice: Voice;
  readonly #changed: () => void;
  #reception: Reception | undefined;

  constructor(group: string, voice: Voice, changed: () => void) {
    this.#group = group;
    this.#voice = voice;
    this.#changed = changed;
  }

  /** `now`: monotonic seconds. */
  begins(now: number, taken: FloorTaken): void {
    this.ends();
    const { burstSsrc: ssrc, userId } = taken;
    if (ssrc === undefined) return;
    this.talker = talkerOf(taken, ssrc, now);
    this.#reception = new Reception(ssrc);
    const burst = { group: this.#group, ssrc };
    this.#voice.burstBegins(userId === undefined ? burst : { ...burst, talker: userId });
    this.#changed();
  }

  hear(now: number, packet: RtpPacket): void {
    this.#reception?.packet(now, packet);
    this.#voice.hear(packet.ssrc, packet.sequence, packet.timestamp, packet.payload);
  }

  /** What is buffered is played to the end. */
  ends(): void {
    if (this.talker === undefined) return;
    this.#voice.burstEnds(this.talker.burstSsrc);
    this.talker = this.#reception = undefined;
    this.#changed();
  }

  report(): ReportBlock | undefined {
    return this.#reception?.report();
  }
}
