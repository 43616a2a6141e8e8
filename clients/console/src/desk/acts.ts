/** What the dispatcher does at the desk, carried out by the radio; what is refused is told. */
import { messagingOf } from "../messaging/messaging.svelte";
import { ago, coordinates, metres } from "../texts/format";
import { say } from "../texts/say";
import type { Asked } from "./DeskDialogs.svelte";
import type { Duty } from "./duty.svelte";
import type { CallActions, GroupActions, PersonActions, Room } from "./view";

type Ask = (what: Asked) => void;

export function groupActs({ groups, calling, radio, telling }: Duty, ask: Ask): GroupActions {
  const attempt = (work: () => Promise<unknown>) => void telling.attempt(work);
  return {
    select: (group) => attempt(() => groups.select(group)),
    monitor: (group, on) => attempt(() => groups.monitor(group, on)),
    sound: (group, sound) => attempt(async () => groups.sound(group, sound)),
    press: (group) => groups.press(group),
    release: (group) => groups.release(group),
    peril: (group, on) => attempt(() => radio.calls.setPeril(group, on)),
    revoke: (group) => ask({ what: "revoke", group }),
    dissolve: (group) => ask({ what: "dissolve", group }),
    broadcast: (group) => attempt(() => calling.broadcast({ group }, groups.name(group))),
  };
}

export function personActs(duty: Duty, ask: Ask, go: (room: Room) => void): PersonActions {
  const { people, calling, telling } = duty;
  const attempt = (work: () => Promise<unknown>) => void telling.attempt(work);
  return {
    call: (subscriber, duplex) => attempt(() => calling.call(subscriber, people.name(subscriber), { duplex })),
    callAlert: (subscriber) => attempt(() => askToCallBack(duty, subscriber)),
    message: (subscriber) => {
      messagingOf(duty.radio).begin([{ subscriber, name: people.name(subscriber) }]);
      go("messages");
    },
    locate: (subscriber) => attempt(() => locate(duty, subscriber, go)),
    remote: (subscriber, act) => ask({ what: "remote", subscriber, act }),
  };
}

export function callActs({ calling, telling }: Duty): CallActions {
  const attempt = (work: () => Promise<unknown>) => void telling.attempt(work);
  return {
    answer: (call) => attempt(() => calling.answer(call)),
    reject: (call) => attempt(() => calling.reject(call)),
    end: (call) => attempt(() => calling.end(call)),
    press: (call) => calling.press(call),
    release: (call) => calling.release(call),
    mute: (call, muted) => calling.mute(call, muted),
  };
}

async function askToCallBack({ radio, people, telling }: Duty, subscriber: string): Promise<void> {
  const delivered = await radio.calls.alert(subscriber);
  telling.say(say(delivered ? "call_alert.sent" : "call_alert.waits", { name: people.name(subscriber) }));
}

async function locate({ radio, people, telling }: Duty, subscriber: string, go: (room: Room) => void): Promise<void> {
  const name = people.name(subscriber);
  const position = await radio.location.request(subscriber);
  if (position === undefined) return telling.say(say("desk.not_located", { name }));
  const { latitude, longitude, accuracy_m, at_ms } = position;
  const told = {
    name,
    place: coordinates(latitude, longitude),
    radius: metres(accuracy_m),
    age: ago(Date.now() - at_ms),
  };
  telling.say(say("desk.located", told), { label: say("desk.show_on_map"), act: () => go("map") });
}
