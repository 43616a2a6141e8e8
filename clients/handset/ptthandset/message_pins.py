"""The keys that the devices of others were first seen with: trust on first use, and what differs later is told."""

from collections.abc import Callable, Sequence

from ptthandset.errors import KeyChanged
from ptthandset.message_events import DeviceSeen
from ptthandset.message_memory import MessageMemory, Pin
from ptthandset.message_sealing import is_own_key
from pttserver.wire import signalling


class Pins:
    """Kept in the memory of the device."""

    def __init__(self, memory: MessageMemory, tell: Callable[[DeviceSeen], None]) -> None:
        self._memory = memory
        self._tell = tell

    def of(self, device: str) -> Pin | None:
        return self._memory.content.pins.get(device)

    def see(self, subscriber: str, device: str, signing_key: bytes | None) -> None:
        """Trusts a device that is new. If other devices of the person are known, the user is told."""
        pins = self._memory.content.pins
        if device in pins or signing_key is None:
            return
        if any(pin.subscriber == subscriber for pin in pins.values()):
            self._tell(DeviceSeen(subscriber, device, changed=False))
        pins[device] = Pin(subscriber=subscriber, signing_key=signing_key.hex())

    def trusted_keys(self, people: Sequence[signalling.Correspondent]) -> dict[str, bytes]:
        """X25519 keys by device. Raises KeyChanged: a device has another key now, or did not sign this one."""
        found = {}
        for person in people:
            for device in person.devices:
                pin, claimed = self.of(device.device), _pin(person, device)
                if not is_own_key(device) or (pin is not None and pin != claimed):
                    self._tell(DeviceSeen(person.subscriber, device.device, changed=True))
                    raise KeyChanged(person.subscriber, device.device)
                self.see(person.subscriber, device.device, device.signing_key)
                found[device.device] = device.key
        return found

    def trust(self, people: Sequence[signalling.Correspondent]) -> None:
        """Takes the keys as they are now."""
        for person in people:
            for device in person.devices:
                self._memory.content.pins[device.device] = _pin(person, device)
        self._memory.save()


def _pin(person: signalling.Correspondent, device: signalling.DeviceKeys) -> Pin:
    return Pin(subscriber=person.subscriber, signing_key=device.signing_key.hex())
