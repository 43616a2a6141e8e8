"""Identifiers as types. An identifier is opaque: it says nothing about the person or thing that it names."""

import secrets
from typing import NewType

TenantId = NewType("TenantId", str)
GroupId = NewType("GroupId", str)
SubscriberId = NewType("SubscriberId", str)
DeviceId = NewType("DeviceId", str)
SessionId = NewType("SessionId", str)
CallId = NewType("CallId", str)
AlertId = NewType("AlertId", str)
Ssrc = NewType("Ssrc", int)


def new_tenant_id() -> TenantId:
    return TenantId(_draw("ten"))


def new_group_id() -> GroupId:
    return GroupId(_draw("grp"))


def new_subscriber_id() -> SubscriberId:
    return SubscriberId(_draw("sub"))


def new_device_id() -> DeviceId:
    return DeviceId(_draw("dev"))


def new_session_id() -> SessionId:
    return SessionId(_draw("ses"))


def new_call_id() -> CallId:
    return CallId(_draw("cal"))


def new_message_id() -> str:
    return _draw("msg")


def new_fence_id() -> str:
    return _draw("fen")


def new_location_request_id() -> str:
    return _draw("loc")


def new_passkey_id() -> str:
    return _draw("key")


def _draw(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(8)}"


class SsrcSequence:
    """Draws SSRCs (RFC 3550 §8) that never repeat within a process, as AES-GCM under one key demands.

    A Weyl sequence: a random start and an odd stride visit all 2^32 values before the first comes again. SSRCs are
    not secret, so being predictable costs nothing.
    """

    _STRIDE = 0x9E3779B1  # odd, near 2^32 / golden ratio: neighbours in time are far apart in value

    def __init__(self, start: int | None = None) -> None:
        self._next = secrets.randbits(32) if start is None else start

    def draw(self) -> Ssrc:
        ssrc = self._next
        self._next = (ssrc + self._STRIDE) & 0xFFFFFFFF
        return Ssrc(ssrc) if ssrc else self.draw()


class Personal(str):
    """A text about a person (name, phone number, address). It prints as `[redacted]`; `reveal()` is explicit."""

    __slots__ = ()

    def __str__(self) -> str:
        return "[redacted]"

    def __repr__(self) -> str:
        return "[redacted]"

    def __format__(self, spec: str) -> str:
        return "[redacted]"

    def reveal(self) -> str:
        """The plain text, for the wire and the store only."""
        return "".join(self)
