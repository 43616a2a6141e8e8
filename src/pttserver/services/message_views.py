"""Messages as the wire shows them, and as the store takes them."""

import json
from collections.abc import Sequence

from pydantic import TypeAdapter

from pttserver.ids import DeviceId
from pttserver.store.message_records import Correspondent, KeptMessage, MessageDevice, Outcome
from pttserver.wire import signalling

_KEYS: TypeAdapter[list[signalling.WrappedKey]] = TypeAdapter(list[signalling.WrappedKey])


def envelope_of(sealed: signalling.SealedMessage) -> bytes:
    """All that was signed, without the content."""
    return sealed.model_dump_json(exclude={"content"}, exclude_none=True).encode()


def keys_of(keys: Sequence[signalling.WrappedKey]) -> bytes:
    return _KEYS.dump_json(list(keys))


def stored_message(kept: KeptMessage, device_id: DeviceId) -> signalling.StoredMessage:
    """For one device."""
    sealed = None
    if kept.envelope is not None and kept.content is not None:
        sealed = signalling.SealedMessage.model_validate({**json.loads(kept.envelope), "content": kept.content})
    return signalling.StoredMessage(
        id=kept.message_id,
        sender=kept.sender_id,
        name=kept.name.reveal(),
        at_ms=kept.at_ms,
        signing_key=kept.signing_keys.get(DeviceId(sealed.device)) if sealed else None,
        sealed=sealed,
        key=key_for(device_id, _KEYS.validate_json(kept.keys) if kept.keys else []),
        states=None if kept.outcomes is None else [_state(one) for one in kept.outcomes],
    )


def key_for(device_id: DeviceId, keys: Sequence[signalling.WrappedKey]) -> bytes | None:
    """None: the sender did not know the device."""
    return next((key.octets for key in keys if key.device == device_id), None)


def _state(outcome: Outcome) -> signalling.RecipientState:
    return signalling.RecipientState.model_validate({"subscriber": outcome.recipient_id, "state": outcome.state})


def state_event(outcome: Outcome) -> signalling.MessageState:
    return signalling.MessageState.model_validate(
        {"message": outcome.message_id, "subscriber": outcome.recipient_id, "state": outcome.state}
    )


def correspondent(person: Correspondent) -> signalling.Correspondent:
    devices = [_device(each) for each in person.devices]
    return signalling.Correspondent(subscriber=person.subscriber_id, name=person.name.reveal(), devices=devices)


def _device(one: MessageDevice) -> signalling.DeviceKeys:
    return signalling.DeviceKeys(
        device=one.device_id, signing_key=one.signing_key, key=one.key, signature=one.signature
    )
