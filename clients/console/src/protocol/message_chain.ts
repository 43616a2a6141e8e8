/**
 * The order of messages: each device numbers what it says in a conversation, and names the message before by its hash.
 * So what is left out, repeated or exchanged on the way shows, although every single message is genuine.
 */
import { equal, fromHex, hex, type Octets } from "./octets";

const REMEMBERED_GAPS = 1000;
export const NO_DIGEST = "00".repeat(32);

/**
 * What a receiver can say of a message. Only `genuine` needs no remark.
 *
 * `gap`: genuine, but messages before it are missing. `late`: it came after a later one. `duplicate`: it has come
 * before. `broken`: it does not follow from the message before, one of the two is not what was said. `altered`: its
 * keys or its attachment were exchanged. `forged`: changed on the way, or not by this device. `key_changed`: signed with
 * another key than the device is known by. `unreadable`: not sealed for this device. `gone`: the server does not hold
 * its content any more.
 */
export type Verdict =
  "genuine" | "gap" | "late" | "duplicate" | "broken" | "altered" | "forged" | "key_changed" | "unreadable" | "gone";

/** The text is by the device that it names. */
export const SHOWN_AS_SAID: ReadonlySet<Verdict> = new Set(["genuine", "gap", "late", "duplicate", "broken"]);

/** What was received of one device in one conversation. `digest`: of the newest, hexadecimal. */
export interface Chain {
  readonly newest: number;
  readonly digest: string;
  readonly missing: readonly number[];
}

export const NEW_CHAIN: Chain = { newest: 0, digest: NO_DIGEST, missing: [] };

/** Takes the next message up. */
export function judge(chain: Chain, sequence: number, previous: Octets, digest: Octets): [Chain, Verdict] {
  if (sequence <= chain.newest) {
    if (!chain.missing.includes(sequence)) return [chain, "duplicate"];
    return [{ ...chain, missing: chain.missing.filter((number) => number !== sequence) }, "late"];
  }
  const first = Math.max(chain.newest + 1, sequence - REMEMBERED_GAPS);
  const gap = Array.from({ length: sequence - first }, (_, index) => first + index);
  const missing = [...chain.missing, ...gap].slice(-REMEMBERED_GAPS);
  const next = { newest: sequence, digest: hex(digest), missing };
  if (sequence !== chain.newest + 1) return [next, "gap"];
  return [next, equal(previous, fromHex(chain.digest)) ? "genuine" : "broken"];
}
