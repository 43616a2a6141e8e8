/** The keys that the devices of others were first seen with: trust on first use, and what differs later is told. */
import { isOwnKey } from "../protocol/message_sealing";
import type { Correspondent, DeviceKeys } from "../protocol/messages";
import { fromBase64, hex, type Octets } from "../protocol/octets";
import { KeyChanged } from "./errors";
import type { MessageMemory, Pin } from "./message_memory";

/** A person whose devices are known has another one, or one of them has another key now (`changed`). */
export interface DeviceSeen {
  readonly kind: "device_seen";
  readonly subscriber: string;
  readonly device: string;
  readonly changed: boolean;
}

export class Pins {
  readonly #memory: MessageMemory;
  readonly #tell: (event: DeviceSeen) => void;

  constructor(memory: MessageMemory, tell: (event: DeviceSeen) => void) {
    this.#memory = memory;
    this.#tell = tell;
  }

  of(device: string): Pin | undefined {
    return this.#memory.content.pins.get(device);
  }

  /** Trusts a device that is new. If other devices of the person are known, the user is told. */
  see(subscriber: string, device: string, signingKey: string | undefined): void {
    const { pins } = this.#memory.content;
    if (pins.has(device) || signingKey === undefined) return;
    if ([...pins.values()].some((pin) => pin.subscriber === subscriber)) {
      this.#tell({ kind: "device_seen", subscriber, device, changed: false });
    }
    pins.set(device, pinOf(subscriber, signingKey));
  }

  /** X25519 keys by device. Rejects with KeyChanged: a device has another key now, or did not sign this one. */
  async trustedKeys(people: readonly Correspondent[]): Promise<Map<string, Octets>> {
    const found = new Map<string, Octets>();
    for (const { subscriber, devices } of people) {
      for (const device of devices) {
        if (!(await this.#isTrusted(subscriber, device))) {
          this.#tell({ kind: "device_seen", subscriber, device: device.device, changed: true });
          throw new KeyChanged(subscriber, device.device);
        }
        this.see(subscriber, device.device, device.signing_key);
        found.set(device.device, fromBase64(device.key));
      }
    }
    return found;
  }

  async #isTrusted(subscriber: string, device: DeviceKeys): Promise<boolean> {
    const pin = this.of(device.device);
    const claimed = pinOf(subscriber, device.signing_key);
    const differs = pin !== undefined && (pin.subscriber !== subscriber || pin.signingKey !== claimed.signingKey);
    return !differs && (await isOwnKey(device));
  }

  /** Takes the keys as they are now. */
  trust(people: readonly Correspondent[]): Promise<void> {
    for (const { subscriber, devices } of people) {
      for (const { device, signing_key } of devices) {
        this.#memory.content.pins.set(device, pinOf(subscriber, signing_key));
      }
    }
    return this.#memory.save();
  }
}

function pinOf(subscriber: string, signingKey: string): Pin {
  return { subscriber, signingKey: hex(fromBase64(signingKey)) };
}
