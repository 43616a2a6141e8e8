"""One table of all operations of a session: who may, and by which switches. Checks, tests and proto/roles.md read it.

1. what everybody may do needs no scope; what dispatchers and managers may do needs the scope that the policy grants
2. a switch of the policy or of the subscriber can be off: then nobody may
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from pttserver.privacy.policy import Policy
from pttserver.roles import Rights, Role, Scope

Refusal = Literal["role", "scope", "switch"]
EVERYBODY: Final = frozenset(Role)
DISPATCHERS: Final = frozenset({Role.DISPATCHER, Role.MANAGER})
MANAGERS: Final = frozenset({Role.MANAGER})


class Switch(StrEnum):
    """What the organisation can switch off."""

    ALERTS = "alerts"
    AMBIENT_LISTENING = "ambient_listening"
    LOCATION = "location"
    MESSAGES = "messages"


class _Position(NamedTuple):
    is_on: Callable[[Policy, Rights], bool]
    otherwise: str


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request does, for the check and for people."""

    scope: Scope
    roles: frozenset[Role] = EVERYBODY
    switch: Switch | None = None


def alerts_allowed(policy: Policy, rights: Rights) -> bool:
    """Whether the subscriber may raise alerts: by its own setting, else by the policy's."""
    own = policy.alerts.allowed_by_default if rights.alerts_allowed is None else rights.alerts_allowed
    return policy.alerts.enabled and own


def may_record(policy: Policy, rights: Rights) -> bool:
    """Whether the subscriber's console may record what it hears."""
    return policy.recording.at_consoles and rights.role in DISPATCHERS


SWITCHES: Final[Mapping[Switch, _Position]] = {
    Switch.ALERTS: _Position(alerts_allowed, "Your organisation has switched alerts off for you."),
    Switch.AMBIENT_LISTENING: _Position(
        lambda policy, _: policy.alerts.enabled and policy.alerts.ambient_listening,
        "Your organisation does not allow ambient listening.",
    ),
    Switch.LOCATION: _Position(lambda policy, _: policy.locates, "Your organisation has no locating."),
    Switch.MESSAGES: _Position(lambda policy, _: policy.messages.enabled, "Your organisation has no messages."),
}

OPERATIONS: Final[Mapping[str, Operation]] = {
    "logout": Operation(Scope.TALK),
    "groups.list": Operation(Scope.TALK),
    "affiliate": Operation(Scope.TALK),
    "deaffiliate": Operation(Scope.TALK),
    "presence.list": Operation(Scope.TALK),
    "media.path": Operation(Scope.TALK),
    "ping": Operation(Scope.TALK),
    "message.key": Operation(Scope.MESSAGE, switch=Switch.MESSAGES),
    "message.recipients": Operation(Scope.MESSAGE, switch=Switch.MESSAGES),
    "message.send": Operation(Scope.MESSAGE, switch=Switch.MESSAGES),
    "message.attach": Operation(Scope.MESSAGE, switch=Switch.MESSAGES),
    "message.fetch": Operation(Scope.MESSAGE, switch=Switch.MESSAGES),
    "message.received": Operation(Scope.MESSAGE, switch=Switch.MESSAGES),
    "message.history": Operation(Scope.MESSAGE, switch=Switch.MESSAGES),
    "message.attachment": Operation(Scope.MESSAGE, switch=Switch.MESSAGES),
    "message.delete": Operation(Scope.MESSAGE, switch=Switch.MESSAGES),
    "contact.list": Operation(Scope.MESSAGE),
    "contact.put": Operation(Scope.MESSAGE),
    "contact.remove": Operation(Scope.MESSAGE),
    # Whether a position is taken is decided in one place, with more to go by: privacy/location_admission.py.
    "location.report": Operation(Scope.LOCATE),
    "location.switch": Operation(Scope.LOCATE),
    "location.looks": Operation(Scope.LOCATE),
    "location.request": Operation(Scope.LOCATE, DISPATCHERS, Switch.LOCATION),
    "location.last": Operation(Scope.LOCATE, DISPATCHERS, Switch.LOCATION),
    "location.history": Operation(Scope.LOCATE, DISPATCHERS, Switch.LOCATION),
    "location.watch": Operation(Scope.LOCATE, DISPATCHERS, Switch.LOCATION),
    "location.unwatch": Operation(Scope.LOCATE, DISPATCHERS),
    "location.group": Operation(Scope.LOCATE, DISPATCHERS, Switch.LOCATION),
    "fence.put": Operation(Scope.LOCATE, DISPATCHERS, Switch.LOCATION),
    "fence.remove": Operation(Scope.LOCATE, DISPATCHERS),
    "fence.list": Operation(Scope.LOCATE, DISPATCHERS),
    "call.private": Operation(Scope.CALL),
    "call.first_to_answer": Operation(Scope.CALL),
    "call.broadcast": Operation(Scope.CALL, DISPATCHERS),
    "call.answer": Operation(Scope.CALL),
    "call.reject": Operation(Scope.CALL),
    "call.end": Operation(Scope.CALL),
    "call.alert": Operation(Scope.CALL),
    "call.alert.acknowledge": Operation(Scope.CALL),
    "group.peril": Operation(Scope.CALL, switch=Switch.ALERTS),
    "group.make": Operation(Scope.CALL, DISPATCHERS),
    "group.dissolve": Operation(Scope.CALL, DISPATCHERS),
    "dispatch.overview": Operation(Scope.OVERSEE, DISPATCHERS),
    "dispatch.watch": Operation(Scope.OVERSEE, DISPATCHERS),
    "floor.revoke": Operation(Scope.OVERSEE, DISPATCHERS),
    "device.logout": Operation(Scope.REMOTE_CONTROL, DISPATCHERS),
    "device.stun": Operation(Scope.REMOTE_CONTROL, DISPATCHERS),
    "device.enable": Operation(Scope.REMOTE_CONTROL, DISPATCHERS),
    "device.wipe": Operation(Scope.REMOTE_CONTROL, DISPATCHERS),
    "device.wiped": Operation(Scope.TALK),
    "subscriber.regroup": Operation(Scope.ADMINISTER, DISPATCHERS),
    "alert.raise": Operation(Scope.ALERT, switch=Switch.ALERTS),
    "alert.delivered": Operation(Scope.ALERT),
    "alert.cancel": Operation(Scope.ALERT),
    "alert.position": Operation(Scope.ALERT),
    "alert.list": Operation(Scope.ALERT),
    "alert.acknowledge": Operation(Scope.ALERT, DISPATCHERS),
    "alert.handle": Operation(Scope.ALERT, DISPATCHERS),
    "alert.note": Operation(Scope.ALERT, DISPATCHERS),
    "alert.resolve": Operation(Scope.ALERT, DISPATCHERS),
    "alert.past": Operation(Scope.ALERT, DISPATCHERS),
    "alert.debrief": Operation(Scope.ALERT, DISPATCHERS),
    "alert.listen": Operation(Scope.ALERT, DISPATCHERS, Switch.AMBIENT_LISTENING),
    "alert.listen.end": Operation(Scope.ALERT, DISPATCHERS),
}
"""By the type of the request."""


def refusal(policy: Policy | None, rights: Rights, operation: Operation) -> Refusal | None:
    """None: it may be done. Without a `policy` in force nothing may that needs its word."""
    if rights.role not in operation.roles:
        return "role"
    if Role.SUBSCRIBER not in operation.roles and (policy is None or operation.scope not in granted(policy, rights)):
        return "scope"
    if operation.switch is not None and (policy is None or not SWITCHES[operation.switch].is_on(policy, rights)):
        return "switch"
    return None


def granted(policy: Policy, rights: Rights) -> frozenset[Scope]:
    """What goes beyond everybody's own affairs and is granted to the role."""
    scopes = {Role.DISPATCHER: policy.roles.dispatcher, Role.MANAGER: policy.roles.manager}
    return frozenset(scopes.get(rights.role, ()))
