/** All stories: name, component, props. */
import type { Component } from "svelte";
import Activate from "../account/Activate.svelte";
import ChooseFactor from "../account/ChooseFactor.svelte";
import LogIn from "../account/LogIn.svelte";
import SecondFactor from "../account/SecondFactor.svelte";
import Standing from "../account/Standing.svelte";
import Enrol from "../phone/Enrol.svelte";
import Pin from "../phone/Pin.svelte";
import { ALERTS, DRILL, HANDLED_HERE, PAST, RAISED } from "./alert_fixtures";
import { CALLS, floor, group, GROUPS, HOSTILE, MINUTE, nothing, people, SECOND, START, talker } from "./fixtures";
import Cards from "./stories/Cards.svelte";
import DeskStory from "./stories/DeskStory.svelte";
import ManageStory from "./stories/ManageStory.svelte";
import MapStory from "./stories/MapStory.svelte";
import Parts from "./stories/Parts.svelte";
import PhoneStory from "./stories/PhoneStory.svelte";
import RecordingsStory from "./stories/RecordingsStory.svelte";
import RoomStory from "./stories/RoomStory.svelte";

type Story = readonly [Component<any>, Record<string, unknown>];

const GRANTED = { state: "granted", since_ms: START - 8 * SECOND, until_ms: START + 52 * SECOND } as const;
const OWN = [{ ...GROUPS[0]!, floor: floor({ own: GRANTED }) }, ...GROUPS.slice(1)];
const WITH_HARM = Object.values(HOSTILE).map((name) => group(name, { floor: floor({ talker: talker(name) }) }));
const CROWD = people(600, [...Object.values(HOSTILE), "Amara Okafor", "Ben Schulte", "Çağla Demir", "Dmitri Volkov"]);
const TOTP = {
  secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
  uri: "otpauth://totp/Harbour%20Guard:Ina%20Berger?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Harbour%20Guard",
};
const RAISED_SOS = { raised_ms: START - 22 * SECOND, drill: false, with_position: true } as const;
const TRACK = { state: "sending", interval_s: 5 } as const;

export const STORIES: Record<string, Story> = {
  parts: [Parts, {}],
  cards: [Cards, {}],
  desk: [DeskStory, { groups: GROUPS, people: people(23) }],
  "desk-talking": [DeskStory, { groups: OWN, people: people(23), wishes: true }],
  "desk-calls": [DeskStory, { groups: GROUPS, people: people(23), calls: CALLS }],
  "desk-crowd": [DeskStory, { groups: WITH_HARM, people: CROWD }],
  "desk-empty": [DeskStory, { groups: [], people: [] }],
  "desk-faults": [
    DeskStory,
    { groups: GROUPS, people: people(23), link: "lost", fault: { code: "microphone.denied" }, ending: true },
  ],
  "desk-temporary": [DeskStory, { groups: GROUPS, people: people(60), dialog: "temporary" }],
  "desk-broadcast": [DeskStory, { groups: GROUPS, people: people(60), dialog: "broadcast" }],
  "desk-wipe": [DeskStory, { groups: GROUPS, people: people(23), dialog: "wipe" }],
  messages: [RoomStory, { room: "messages", chosen: "a" }],
  recordings: [RecordingsStory, { vault: "open" }],
  "recordings-alert": [RecordingsStory, { vault: "open", alert: true }],
  "recordings-first": [RecordingsStory, { vault: "none" }],
  "recordings-locked": [RecordingsStory, { vault: "locked", alert: true }],
  "recordings-forbidden": [RecordingsStory, { vault: "open", allowed: false }],
  alerts: [RoomStory, { room: "alerts", chosen: HANDLED_HERE }],
  "alerts-past": [RoomStory, { room: "alerts", chosen: PAST }],
  "alerts-none": [RoomStory, { room: "alerts" }],
  "alert-takeover": [RoomStory, { room: "alerts", takeover: ALERTS, soundBlocked: true }],
  "alert-takeover-one": [RoomStory, { room: "alerts", takeover: [RAISED] }],
  "alert-drill": [RoomStory, { room: "alerts", takeover: [DRILL] }],
  "manage-people": [ManageStory, { first: "people" }],
  "manage-groups": [ManageStory, { first: "groups" }],
  "manage-devices": [ManageStory, { first: "devices" }],
  "manage-policy": [ManageStory, { first: "policy" }],
  "manage-rights": [ManageStory, { first: "rights" }],
  "manage-audit": [ManageStory, { first: "audit" }],
  map: [MapStory, { count: 24 }],
  "map-person": [MapStory, { count: 24, trail: true, subject: people(2)[1]!.subscriber }],
  "map-off": [MapStory, { count: 24, subject: people(7)[6]!.subscriber }],
  "map-none": [MapStory, { count: 0, empty: true, fault: { code: "auth.forbidden" } }],
  "map-thousand": [MapStory, { count: 1000, moving: true }],
  login: [LogIn, { organisation: "Harbour Guard", onlogin: nothing }],
  "login-fault": [
    LogIn,
    { reason: "idle", fault: { code: "auth.throttled", details: { retry_after_s: 42 } }, onlogin: nothing },
  ],
  factor: [SecondFactor, { factors: ["passkey", "totp"], oncode: nothing, onpasskey: nothing, onback: nothing }],
  "factor-code": [
    SecondFactor,
    { factors: ["totp"], fault: { code: "auth.failed" }, oncode: nothing, onpasskey: nothing, onback: nothing },
  ],
  activate: [Activate, { code: "HG-4K7Q-PX2M", onactivate: nothing }],
  "choose-passkey": [ChooseFactor, { totp: TOTP, passkeys: true, oncode: nothing, onpasskey: nothing }],
  "choose-totp": [ChooseFactor, { totp: TOTP, passkeys: false, oncode: nothing, onpasskey: nothing }],
  standing: [Standing, { fault: { code: "page.superseded" }, act: { label: "take_over", act: nothing } }],
  "phone-enrol": [Enrol, { onscan: nothing, onenrol: nothing, fault: { code: "enrolment.failed" } }],
  "phone-invited": [Enrol, { invited: true, onenrol: nothing }],
  "phone-pin": [Pin, { organisation: "Harbour Guard", name: "Amara Okafor", onpin: nothing }],
  phone: [PhoneStory, {}],
  "phone-heard": [PhoneStory, { floor: floor({ talker: talker("Stefan Müller") }) }],
  "phone-granted": [PhoneStory, { floor: floor({ own: GRANTED }) }],
  "phone-queued": [
    PhoneStory,
    { floor: floor({ talker: talker("Stefan Müller"), own: { state: "queued", position: 2 } }) },
  ],
  "phone-denied": [PhoneStory, { floor: floor({ own: { state: "denied", cause: 3 } }) }],
  "phone-emergency": [
    PhoneStory,
    {
      floor: floor({ talker: talker("Stefan Müller"), condition: "emergency" }),
      sos: { state: "handling", by: "Ina Berger", ...RAISED_SOS },
    },
  ],
  "phone-tracked": [PhoneStory, { sos: { state: "handling", by: "Ina Berger", ...RAISED_SOS }, track: TRACK }],
  "phone-searching": [
    PhoneStory,
    { sos: { state: "raised", ...RAISED_SOS, with_position: false }, track: { ...TRACK, state: "searching" } },
  ],
  "phone-listened": [
    PhoneStory,
    {
      sos: { state: "handling", by: "Ina Berger", ...RAISED_SOS },
      track: TRACK,
      listened: { names: ["Ina Berger", HOSTILE.long], until_ms: START + 2 * MINUTE },
    },
  ],
  "phone-unheard": [
    PhoneStory,
    {
      room: "messages",
      listened: { names: ["Ina Berger"], until_ms: START + MINUTE, fault: { code: "microphone.denied" } },
    },
  ],
  "phone-location-tracked": [
    PhoneStory,
    { room: "location", location: { state: "switched_off", looks: [], track: TRACK } },
  ],
  "phone-sending": [PhoneStory, { sos: { state: "sending" }, link: "lost" }],
  "phone-call": [PhoneStory, { call: 0 }],
  "phone-fault": [PhoneStory, { fault: { code: "microphone.denied" }, unavailable: "The microphone is not allowed." }],
  "phone-hostile": [PhoneStory, { name: HOSTILE.long, floor: floor({ talker: talker(HOSTILE.bidi) }) }],
  "phone-messages": [PhoneStory, { room: "messages" }],
  "phone-thread": [PhoneStory, { room: "messages", chosen: "a" }],
  "phone-location": [PhoneStory, { room: "location" }],
  "phone-location-off": [PhoneStory, { room: "location", location: { state: "switched_off", looks: [], sos: false } }],
  "phone-settings": [PhoneStory, { room: "settings" }],
};
