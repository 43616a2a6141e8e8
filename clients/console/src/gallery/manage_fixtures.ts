/** Answers of the server to a manager, made up; nothing that is done changes them. */
import type { Manage, Person } from "../manage/rest";
import { HOSTILE, MINUTE, START } from "./fixtures";

const DAY = 24 * 60 * MINUTE;
const NAMES = ["Ina Berger", "Amara Okafor", "Ben Schulte", "Çağla Demir", HOSTILE.html, HOSTILE.arabic, HOSTILE.long];
const number = (kind: string, index: number) => `${kind}_${index.toString(16).padStart(16, "0")}`;
export const SELF = number("sub", 0);

const PEOPLE = NAMES.map((name, index): Person => ({
  subscriber: number("sub", index),
  identifier: index === 5 ? HOSTILE.bidi : `+49151123456${index}`,
  name,
  role: index === 0 ? "manager" : index === 1 ? "dispatcher" : "subscriber",
  ...(index < 2 ? { account: index === 0 ? "active" : "invited" } : {}),
  ...(index === 2 ? { alerts_allowed: false } : {}),
  location_allowed: index !== 3,
  location_wanted: index !== 4,
  restricted: index === 3,
  created_ms: START - 90 * DAY,
  ...(index === 6 ? {} : { last_login_ms: START - index * 7 * 60 * MINUTE }),
}));
const FINDINGS = [
  { severity: "note", category: "location", text: "Positions are kept for 30 days.", article: "Art. 5(1)(e)" },
  { severity: "warning", category: "message_content", text: "Dispatchers read messages.", article: "Art. 35" },
];
const device = (index: number) => ({
  device: number("dev", index),
  subscriber: number("sub", index),
  label: index === 2 ? HOSTILE.html : `Radio ${index}`,
  device_type: "rugged radio",
  created_ms: START - 60 * DAY,
  ...(index === 3 ? {} : { enrolled_ms: START - 59 * DAY }),
  ...(index === 1 ? { revoked_ms: START - DAY } : {}),
});
const CODE = {
  device: device(3),
  code: "7K3Q-0F9A-XWZ2-M4TB",
  enrolment: "ptt:",
  link: "https://ptt.example:8443/phone#enroll=pttserver%3A%2F%2Fenrol%3Fcode%3D7K3Q-0F9A-XWZ2-M4TB",
  expires_ms: START + DAY,
};
const TEXT = `[policy]\ntitle = "Harbour Guard"\nversion = "3"\ncontroller = "Harbour Guard GmbH"\n`;

export const MANAGED: Manage = {
  people: async () => PEOPLE,
  add: async () => ({ subscriber: PEOPLE[2]!, pin: "482915", left_out: [] }),
  rename: async () => undefined,
  newPin: async () => ({ pin: "482915" }),
  setRole: async () => undefined,
  setService: async () => undefined,
  invite: async () => ({ link: "https://ptt.example:8443/#activate=X", code: CODE.code, expires_ms: START + DAY }),
  remove: async () => ({ proven: true }),
  groups: async () =>
    ["Pier 4 watch", "Night shift", HOSTILE.html].map((name, index) => ({
      group: number("grp", index),
      name,
      created_ms: START,
    })),
  addGroup: async (name) => ({ group: number("grp", 9), name, created_ms: START }),
  removeGroup: async () => undefined,
  members: async () =>
    PEOPLE.slice(0, 6).map((one, index) => ({ ...one, priority: 100 + index, listen_only: index === 2 })),
  setMember: async () => undefined,
  removeMember: async () => undefined,
  devices: async () => [0, 1, 2, 3].map(device),
  addDevice: async () => CODE,
  newCode: async () => CODE,
  revoke: async () => undefined,
  policy: async () => ({
    title: "Harbour Guard",
    version: "3",
    digest: "a".repeat(64),
    text: TEXT,
    sentences: ["Display names are kept until 30 days after the account ends.", "Positions are kept for 30 days."],
    limitations: [{ code: "no_call_history", text: "Calls are not recorded.", acknowledged: true }],
    findings: FINDINGS,
    file: "in force",
    may_apply: true,
  }),
  versions: async () => [
    {
      number: 2,
      at_ms: START - DAY,
      digest: "a".repeat(64),
      by: SELF,
      reason: "Works council, 12 May",
      acknowledged: [],
    },
    { number: 1, at_ms: START - 90 * DAY, digest: "b".repeat(64), by: "operator", acknowledged: [] },
  ],
  sweeps: async () => ({
    halted: false,
    sweeps: [
      {
        started_ms: START - 9 * MINUTE,
        ended_ms: START - 9 * MINUTE,
        policy_digest: "a".repeat(64),
        erased: { location: 1204, call_record: 12 },
        outcome: "done",
      },
    ],
  }),
  checkPolicy: async () => ({
    valid: true,
    problems: [],
    beyond_bounds: [],
    findings: FINDINGS,
    limitations: [],
    sentences: [],
    changes: [{ category: "location", what: "kept", before: "30 days", after: "7 days", stricter: true }],
    due: [{ category: "location", where: "positions", rows: 1204 }],
  }),
  applyPolicy: async () => ({ digest: "c".repeat(64), written: true }),
  find: async () =>
    PEOPLE.slice(2, 5).map((one) => ({
      subject: one.subscriber,
      kind: "subscriber",
      matched: ["Display name"],
      identifier: one.identifier!,
      name: one.name!,
      ...(one.restricted ? { restriction: "objection" } : {}),
    })),
  exported: async () => new Blob(["{}"]),
  rectify: async () => undefined,
  restrict: async () => undefined,
  lift: async () => undefined,
  erase: async () => ({ certificate: {} }),
  prove: async () => ({ certificate: {} }),
  audit: async () => ({
    entries: Array.from({ length: 12 }, (_, index) => ({
      number: 120 - index,
      at_ms: START - index * 11 * MINUTE,
      operation: ["subscriber.role", "subject.export", "device.revoke", "audit.show"][index % 4]!,
      by: SELF,
      ...(index % 4 === 3 ? {} : { subject: number("sub", index % 6) }),
      details: index % 4 === 3 ? {} : { reason: index === 1 ? HOSTILE.long.slice(0, 500) : "request 17, on paper" },
    })),
    next: 108,
  }),
  verify: async () => ({ entries: 120, first: 1, last: 120, checkpoints: 4, problems: [] }),
  register: async () => ({
    controller: "Harbour Guard GmbH",
    contact: "privacy@harbour.example",
    data_protection_officer: "",
    policy: "Harbour Guard, version 3",
    activities: [
      {
        category: "subscriber_name",
        title: "Display name",
        purposes: ["service"],
        legal_basis: "contract, Art. 6(1)(b)",
        seen_by: ["dispatchers", "managers", "the person"],
        kept: "30 days after the account ends",
      },
    ],
    security: [],
  }),
};
