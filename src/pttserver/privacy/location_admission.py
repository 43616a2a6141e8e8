"""Admission of positions: the one place that decides whether a coordinate may go on, and how exact it is then.

1. off for all: the organisation processes no positions, or not for its operations
2. off for the subscriber: the organisation said so
3. switched off by the subscriber, where the organisation lets people do that; elsewhere the switch means nothing
4. off duty: outside of the duty hours, both now and when the position was taken
5. an emergency alert carries a position in spite of 1 to 4 if the organisation said so (`sos_exception`)
6. else it carries one only if safety is among the purposes that the organisation named for positions
7. what goes on is rounded, and then says nothing of height, speed and direction, which would tell what rounding hides

What was measured before location was switched on is not admitted either (services/locating.py): policies that say the
same of 1, 3 and 4 (`locating`) are one time of being on; a policy that says something else begins another.

What is not admitted dies where it came in: the caller lets go of it, and counts the state, never the value.
"""

import json
import math
from enum import StrEnum

from pttserver.privacy.categories import Category
from pttserver.privacy.policy import Policy
from pttserver.privacy.truncation import on_grid
from pttserver.roles import Rights
from pttserver.wire.signalling import LocationTerms, Position

_STORED = 1e-7  # degrees


class LocationState(StrEnum):
    """Whether positions of a subscriber are taken; else why not."""

    ON = "on"
    OFF_FOR_ALL = "off_for_all"
    OFF_FOR_SUBSCRIBER = "off_for_subscriber"
    SWITCHED_OFF = "switched_off"
    OFF_DUTY = "off_duty"


class Admission:
    """By one policy, for one subscriber."""

    __slots__ = ("_location", "_policy", "_rights")

    def __init__(self, policy: Policy, rights: Rights) -> None:
        self._policy = policy
        self._location = policy.location
        self._rights = rights

    def state(self, now_ms: int) -> LocationState:
        """As of a moment."""
        if not self._policy.locates:  # 1
            return LocationState.OFF_FOR_ALL
        if not self._rights.location_allowed:
            return LocationState.OFF_FOR_SUBSCRIBER
        if not self._rights.location_wanted and self._location.subscriber_may_switch_off:
            return LocationState.SWITCHED_OFF
        if not self._location.duty.cover(now_ms):
            return LocationState.OFF_DUTY
        return LocationState.ON

    def admit(self, position: Position, now_ms: int, *, alert: bool = False) -> Position | None:
        """What may go on of a position; None: nothing. `alert`: it comes with an emergency alert."""
        exempt = alert and self._location.sos_exception  # 5
        was_on_duty = self._location.duty.cover(position.at_ms)
        is_wanted = self._policy.locates_in_need or not alert  # 6
        if not exempt and not (is_wanted and was_on_duty and self.state(now_ms) is LocationState.ON):
            return None
        return rounded(position, self._location.precision_m)

    def terms(self, now_ms: int, on_since_ms: int) -> LocationTerms:
        """What the subscriber's device is told."""
        location = self._location
        return LocationTerms(
            state=self.state(now_ms).value,
            interval_s=location.interval_s,
            precision_m=location.precision_m,
            stored=self._policy.writes(Category.LOCATION),
            may_switch_off=location.subscriber_may_switch_off,
            sos=location.sos_exception,
            sos_interval_s=location.sos_interval_s,
            on_since_ms=on_since_ms,
        )


def locating(policy: Policy) -> str:
    """What of a policy decides when people are located, as a text that is equal for policies that decide the same."""
    location = policy.location
    decides = {
        "located": policy.locates,
        "may_switch_off": location.subscriber_may_switch_off,
        "duty_hours": location.duty_hours,
        "time_zone": location.time_zone,
    }
    return json.dumps(decides)


def rounded(position: Position, precision_m: int) -> Position:
    """To a grid of so many metres; its accuracy is as much worse as the rounding can have moved it. 0: as it is."""
    if not precision_m:
        return position
    latitude, longitude = on_grid(position.latitude, position.longitude, precision_m)
    moved_m = precision_m * math.sqrt(0.5)
    return Position(
        latitude=latitude,
        longitude=longitude,
        accuracy_m=min(100_000.0, position.accuracy_m + moved_m),
        at_ms=position.at_ms,
    )


def no_finer(position: Position, precision_m: int) -> Position:
    """A position that was admitted before, perhaps by another policy, no finer than one would be now; twice is as once.

    What lies on the grid already is as it is: it was rounded, and how uncertain that made it was added.
    """
    if not precision_m or (not _tells_motion(position) and _is_on_grid(position, precision_m)):
        return position
    return rounded(position, precision_m)


def place_no_finer(degrees: str, precision_m: int) -> str:
    """The same of a place as it is stored, `55.676,12.568`."""
    if not precision_m:
        return degrees
    latitude, longitude = map(float, degrees.split(","))
    return "{:.7f},{:.7f}".format(*on_grid(latitude, longitude, precision_m))


def _tells_motion(position: Position) -> bool:
    return not (position.altitude_m is position.speed_mps is position.heading_deg is None)


def _is_on_grid(position: Position, precision_m: int) -> bool:
    """As exact as it is stored: seven decimals."""
    latitude, longitude = on_grid(position.latitude, position.longitude, precision_m)
    return abs(latitude - position.latitude) < _STORED and abs(longitude - position.longitude) < _STORED
