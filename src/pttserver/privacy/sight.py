"""Who may see what of another person: the one place that asks the policy's `visible_to`, and cuts messages by it.

1. one's own is always shown
2. a subscriber is no tier of the policy: colleagues see of each other what talking with each other takes, and no more
3. dispatchers and managers see what the rule of a category names them for, wherever it would be shown to them
4. without a policy in force nothing is shown

Numbers of subscribers, devices and groups are addresses that requests are made with; they are always told.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar, get_args

from pttserver.ids import SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.policy import Policy
from pttserver.privacy.purposes import Tier
from pttserver.roles import Role
from pttserver.wire import signalling
from pttserver.wire.signalling.parts import Part

TIERS: Final[Mapping[Role, Tier]] = {Role.DISPATCHER: Tier.DISPATCHER, Role.MANAGER: Tier.MANAGER}
ORGANISATION: Final = frozenset(TIERS.values())
AMONG_COLLEAGUES: Final = frozenset(
    {Category.SUBSCRIBER_NAME, Category.MEMBERSHIP, Category.PARTICIPANTS, Category.ALERT}
)
"""Who speaks, takes part, calls for help: the service itself. `roster.names_up_to` and `alerts.route` bound it."""

PartT = TypeVar("PartT", bound=Part)


def may_see(policy: Policy | None, role: Role, category: Category) -> bool:
    """Whether people of this role are shown such data of others."""
    if policy is None:
        return False
    tier = TIERS.get(role)
    return category in AMONG_COLLEAGUES if tier is None else tier in policy.rule(category).visible_to


def technician_sees(policy: Policy, tier: int, category: Category, extra: str = "") -> bool:
    """Within a support session. Tier 1 or 2."""
    named = Tier.TECHNICIAN in policy.rule(category, extra).visible_to
    return named and (tier > 1 or category in policy.support.first_tier)


def organisation_sees(
    policy: Policy, category: Category, extra: str = "", tiers: frozenset[Tier] = ORGANISATION
) -> bool:
    """Staff of the organisation. At the machine they stand in for its dispatchers and managers."""
    return bool(tiers & policy.rule(category, extra).visible_to)


class Shown(NamedTuple):
    """A member of a message that tells something of a person. `of`: the member beside it that says of whom."""

    category: Category
    otherwise: Any
    of: str | None = "subscriber"


_NAME = Shown(Category.SUBSCRIBER_NAME, "")
SHOWN: Final[Mapping[tuple[type[Part], str], Shown]] = {
    (signalling.Participant, "name"): _NAME,
    (signalling.MemberPresence, "name"): _NAME,
    (signalling.OnlineSubscriber, "name"): _NAME,
    (signalling.Party, "name"): _NAME,
    (signalling.AlertInfo, "name"): _NAME,
    (signalling.AlertStep, "name"): _NAME._replace(of="by"),
    (signalling.StoredMessage, "name"): _NAME._replace(of="sender"),
    (signalling.Correspondent, "name"): _NAME,
    (signalling.Contact, "name"): _NAME,
    (signalling.LocationPosition, "name"): _NAME,
    (signalling.FenceEvent, "name"): _NAME,
    (signalling.OnlineSubscriber, "device_type"): Shown(Category.DEVICE_TYPE, ""),
    (signalling.Roster, "participants"): Shown(Category.MEMBERSHIP, None, None),
    (signalling.GroupRoster, "participants"): Shown(Category.MEMBERSHIP, None, None),
    (signalling.GroupRoster, "joined"): Shown(Category.MEMBERSHIP, None, None),
    (signalling.GroupRoster, "left"): Shown(Category.MEMBERSHIP, None, None),
    (signalling.PresenceList, "listed"): Shown(Category.MEMBERSHIP, None, None),
    (signalling.GroupState, "talker"): Shown(Category.PARTICIPANTS, None, None),
    (signalling.AlertInfo, "position"): Shown(Category.LOCATION, None),
    (signalling.AlertDebriefing, "place"): Shown(Category.LOCATION, None, None),
    (signalling.AlertDebriefing, "track"): Shown(Category.LOCATION, [], None),
}
"""All that messages tell of other people, but for positions (services/location_looks.py) and whole alerts, of which
it is decided whether they are told at all (services/alert_desk.py)."""


def as_seen(message: PartT, policy: Policy | None, role: Role, viewer: SubscriberId) -> PartT:
    """The message without what the viewer may not see; the very same if there is nothing of it."""
    hidden = frozenset(each for each in categories_of(type(message)) if not may_see(policy, role, each))
    return _without(message, hidden, viewer) if hidden else message


@cache
def categories_of(kind: type[Part]) -> frozenset[Category]:
    """What a message of this kind can tell of people."""
    own = {shown.category for (owner, _), shown in SHOWN.items() if owner is kind}
    return frozenset(own).union(*(categories_of(part) for part in _parts(kind)))


def _parts(kind: type[Part]) -> Iterator[type[Part]]:
    for field in kind.model_fields.values():
        yield from _parts_in(field.annotation)


def _parts_in(annotation: Any) -> Iterator[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for inner in get_args(annotation):
        yield from _parts_in(inner)


def _without(part: PartT, hidden: frozenset[Category], viewer: SubscriberId) -> PartT:
    kind, changes = type(part), dict[str, Any]()
    for name in kind.model_fields:
        value = getattr(part, name)
        shown = SHOWN.get((kind, name))
        if shown is not None and shown.category in hidden and not _is_own(part, shown, viewer):
            seen = shown.otherwise
        else:
            seen = _each(value, hidden, viewer)
        if seen is not value and seen != value:
            changes[name] = seen
    return part.model_copy(update=changes) if changes else part


def _is_own(part: Part, shown: Shown, viewer: SubscriberId) -> bool:
    return shown.of is not None and getattr(part, shown.of) == viewer


def _each(value: Any, hidden: frozenset[Category], viewer: SubscriberId) -> Any:
    if isinstance(value, Part):
        return _without(value, hidden, viewer)
    if isinstance(value, list) and value and isinstance(value[0], Part):
        return [_without(each, hidden, viewer) for each in value]
    return value
