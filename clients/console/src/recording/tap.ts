/** What is heard and said in the groups of a radio, burst by burst, with the names that it has just now. */

import type { Radio } from "../radio/radio";
import type { Talkgroup, VoicePacket } from "../radio/talkgroup";
import type { About } from "./burstFile";

/** Takes bursts in. `about` is asked only if the burst is taken. */
export interface BurstSink {
  hear(packet: VoicePacket["packet"], about: () => About): void;
  end(ssrc: number): void;
}

export type TappedRadio = Pick<Radio, "talkgroups" | "listen" | "identity" | "name" | "alerts" | "calls">;

/** Listens to each group that the radio takes part in, also those to come. What it returns ends that. */
export function tap(radio: TappedRadio, sink: BurstSink, nowMs: () => number): () => void {
  const taps = new Map<Talkgroup, () => void>();
  const add = (talkgroup: Talkgroup | undefined) => {
    if (talkgroup === undefined || taps.has(talkgroup)) return;
    taps.set(
      talkgroup,
      tapGroup(radio, talkgroup, sink, nowMs, () => taps.delete(talkgroup)),
    );
  };
  for (const talkgroup of radio.talkgroups.values()) add(talkgroup);
  const stop = radio.listen((event) => {
    if (event.kind === "affiliated") add(radio.talkgroups.get(event.group));
  });
  return () => {
    stop();
    for (const end of [...taps.values()]) end();
  };
}

function tapGroup(
  radio: TappedRadio,
  talkgroup: Talkgroup,
  sink: BurstSink,
  nowMs: () => number,
  gone: () => void,
): () => void {
  const open = new Set<number>();
  const endAllBut = (present: readonly (number | undefined)[]) => {
    for (const ssrc of [...open].filter((ssrc) => !present.includes(ssrc))) {
      open.delete(ssrc);
      sink.end(ssrc);
    }
  };
  const stopVoice = talkgroup.listenVoice(({ packet, talker }) => {
    open.add(packet.ssrc);
    sink.hear(packet, () => about(radio, talkgroup, talker, nowMs()));
  });
  const stopEvents = talkgroup.listen((event) => {
    if (event.kind === "talker" || event.kind === "state") endAllBut([talkgroup.talkerSsrc, ownBurst(talkgroup)]);
    if (event.kind === "left") end();
  });
  const end = () => {
    stopVoice();
    stopEvents();
    endAllBut([]);
    gone();
  };
  return end;
}

function ownBurst({ state }: Talkgroup): number | undefined {
  return state.is === "granted" ? state.burstSsrc : undefined;
}

function about(radio: TappedRadio, talkgroup: Talkgroup, talker: VoicePacket["talker"], startedMs: number): About {
  const own = { subscriber: radio.identity.subscriber, name: radio.name };
  const { subscriber, name } = talker ?? own;
  const call = [...radio.calls.live.values()].find(
    ({ talkGroup, listenGroup }) => talkGroup === talkgroup || listenGroup === talkgroup,
  );
  const alert = alertOf(radio, talkgroup, subscriber);
  const kind = alert !== undefined ? "alert" : call === undefined ? "group" : call.kind;
  return {
    group: talkgroup.group,
    groupName: talkgroup.name || (call?.party?.name ?? ""),
    talker: subscriber ?? null,
    talkerName: name,
    kind: kind === "first_to_answer" ? "private" : kind,
    startedMs,
    ...(alert === undefined ? {} : { alert }),
  };
}

/** Of who talks; else, in a group that is in emergency, the newest of all. */
function alertOf({ alerts }: TappedRadio, { emergency }: Talkgroup, talker: string | undefined): string | undefined {
  const open = [...alerts.open.values()];
  const own = open.find(({ subscriber }) => subscriber === talker);
  return (own ?? (emergency ? open.findLast(({ drill }) => !drill) : undefined))?.alert;
}
