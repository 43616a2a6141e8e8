"""When somebody is located besides the interval of the policy, in words: a dispatcher asks, an alert is open."""

from collections.abc import Iterator

from pttserver.privacy.categories import Category
from pttserver.privacy.operations import OPERATIONS, refusal
from pttserver.privacy.policy import Policy
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.sight import may_see
from pttserver.roles import Rights, Role
from pttserver.wire.signalling import ANSWERS_APART_S

_STAFF = {Role.DISPATCHER: "dispatchers", Role.MANAGER: "managers"}


def askers(policy: Policy) -> list[str]:
    """Who may have a device asked where it is."""
    operation = OPERATIONS["location.request"]
    return [
        staff
        for role, staff in _STAFF.items()
        if refusal(policy, Rights(role), operation) is None and may_see(policy, role, Category.LOCATION)
    ]


def tracks_are_written(policy: Policy) -> bool:
    """Whether the positions that an open alert takes are written, as its track."""
    return policy.keeps_for(Category.LOCATION, Purpose.SAFETY)


def explained(policy: Policy) -> Iterator[str]:
    """Sentences for the organisation."""
    if policy.locates and (names := askers(policy)):
        yield (
            f"Besides, {' and '.join(names)} may have a device asked where it is: it answers at once, whatever that"
            f" interval is, but at most once every {ANSWERS_APART_S} s. Such a position is treated as any other."
        )
    if policy.locates_alerts:
        track = ", written as the track of the alert" if tracks_are_written(policy) else ""
        yield (
            "As long as an alert is open, it takes positions of who raised it besides, at most every"
            f" {policy.location.sos_interval_s} s{track}."
        )


def noticed(policy: Policy) -> Iterator[str]:
    """The same for the person whom it is about."""
    if policy.locates and (names := askers(policy)):
        kept = " and written down" if policy.writes(Category.LOCATION) else ""
        yield (
            f"Besides, {' and '.join(names)} may have your device asked where you are: it answers at once, however long"
            f" that interval is, but at most once every {ANSWERS_APART_S} seconds. Such an answer is shown{kept} like"
            " any other position."
        )
    if policy.locates_alerts:
        track = ", and written down as its track" if tracks_are_written(policy) else ""
        yield (
            "As long as an alert that you raised is open, your location goes with it besides, at most every"
            f" {policy.location.sos_interval_s} seconds{track}."
        )
