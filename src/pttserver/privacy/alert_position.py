"""What of a position an alert carries. Unless the policy lets it, the position ends where it came in.

1. the organisation excepts alerts from location being off (`sos_exception`), or
2. location is on for all, for this person by organisation and own wish, and the person is on duty
3. what goes on is rounded like every position, and then tells nothing of what rounding hides
"""

from pttserver.privacy.categories import Category
from pttserver.privacy.policy import Policy
from pttserver.privacy.truncation import on_grid
from pttserver.roles import Rights
from pttserver.wire.signalling import Position


def position_for_alert(policy: Policy, rights: Rights, position: Position, now_ms: int) -> Position | None:
    """None: nothing of it."""
    if not policy.location.sos_exception and not _is_on(policy, rights, now_ms):
        return None
    grid_m = policy.location.precision_m
    if not grid_m:
        return position
    latitude, longitude = on_grid(position.latitude, position.longitude, grid_m)
    accuracy_m = min(100_000.0, position.accuracy_m + grid_m)
    return Position(latitude=latitude, longitude=longitude, accuracy_m=accuracy_m, at_ms=position.at_ms)


def _is_on(policy: Policy, rights: Rights, now_ms: int) -> bool:
    location = policy.location
    wanted = rights.location_wanted or not location.subscriber_may_switch_off
    collected = policy.rule(Category.LOCATION).collect
    return collected and rights.location_allowed and wanted and location.duty.cover(now_ms)
