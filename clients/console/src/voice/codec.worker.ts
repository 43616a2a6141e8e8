/** The codec worker: everything between the audio thread's samples and the packets that the page has or wants. */
import { BurstDecoder } from "./decoding";
import { Mixer } from "./mixer";
import type { FromMicrophone, FromWorker, Played, Sound, ToWorker } from "./threads";
import { Utterances } from "./utterances";

type SoundCard = Extract<ToWorker, { kind: "soundCard" }>;

let mixer: Mixer | undefined;
let utterances: Utterances | undefined;

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "soundCard") {
    mixer = listenTo(data);
    utterances = talkThrough(data);
    tell({ kind: "ready" });
  } else if (data.kind === "finish") void utterances?.close(data.utterance);
  else if (mixer !== undefined) obey(mixer, data);
};

function obey(mixer: Mixer, message: Exclude<ToWorker, { kind: "soundCard" | "finish" }>): void {
  switch (message.kind) {
    case "audible":
      return mixer.setAudible(message.audible);
    case "begin":
      return mixer.begin(message.burst);
    case "hear":
      return mixer.hear(nowS(), message.ssrc, message.packet);
    case "end":
      return mixer.end(nowS(), message.ssrc);
    case "channel":
      return mixer.setChannel(message.group, message.channel);
    case "account": {
      const { unheard, underruns } = mixer;
      const account = { bursts: mixer.statistics(), unheard, underruns };
      return tell({ kind: "account", question: message.question, account });
    }
  }
}

function listenTo({ loudspeaker, rateHz, deviceS }: SoundCard): Mixer {
  const send = (sound: Sound, transferred: Transferable[]): void => loudspeaker.postMessage(sound, transferred);
  const card = {
    play: (left: Float32Array<ArrayBuffer>, right: Float32Array<ArrayBuffer>): void =>
      send({ kind: "play", left, right }, [left.buffer, right.buffer]),
    rest: (): void => send({ kind: "rest" }, []),
  };
  const mixer: Mixer = new Mixer(rateHz, deviceS, card, () => new BurstDecoder(() => mixer.fill(nowS())));
  loudspeaker.onmessage = ({ data }: MessageEvent<Played>) => mixer.tick(nowS(), data.frames, data.underruns);
  return mixer;
}

function talkThrough({ microphone, rateHz, pageOrigin }: SoundCard): Utterances {
  const pageNow = (): number => performance.timeOrigin + performance.now() - pageOrigin;
  const utterances = new Utterances(rateHz, {
    began: (utterance, firstSampleAt) => tell({ kind: "began", utterance, firstSampleAt }),
    frame: (utterance, opus, capturedAt) => tell({ kind: "frame", utterance, opus, capturedAt }, [opus.buffer]),
    finished: (utterance) => tell({ kind: "finished", utterance }),
    failed: (utterance) => tell({ kind: "failed", utterance }),
  });
  microphone.onmessage = ({ data }: MessageEvent<FromMicrophone>) => {
    if (data.kind === "sound") utterances.sound(pageNow(), data.utterance, data.samples);
    else void utterances.close(data.utterance);
  };
  return utterances;
}

function nowS(): number {
  return performance.now() / 1000;
}

function tell(message: FromWorker, transferred: Transferable[] = []): void {
  self.postMessage(message, { transfer: transferred });
}
