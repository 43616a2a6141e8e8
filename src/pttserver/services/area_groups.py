"""Calls to an area: everybody whose last position lies in it now is put together in a group for a while."""

from pttserver.errors import InvalidValue
from pttserver.services.desk import Handlers
from pttserver.services.location_desk import LocationDesk
from pttserver.services.regrouping import Regrouping
from pttserver.services.temporary_groups import GroupKind
from pttserver.sessions.session import Session
from pttserver.wire import signalling


class AreaGroups:
    """Serves `location.group`."""

    def __init__(self, location: LocationDesk, regrouping: Regrouping) -> None:
        self._location = location
        self._regrouping = regrouping

    def handlers(self) -> Handlers:
        return {signalling.LocationGroup: self._make}

    async def _make(self, session: Session, request: signalling.LocationGroup) -> signalling.Reply:
        """Raises Forbidden, InvalidValue: the shape cannot be, or nobody is known to be there."""
        found = await self._location.who_is_in(session, request.shape)
        others = [who for who in found if who != session.identity.subscriber_id]
        if not others:
            raise InvalidValue("Nobody else is known to be in this area now.")
        if len(others) > signalling.MOST_MEMBERS:
            raise InvalidValue(f"{len(others)} are in this area; a group has at most {signalling.MOST_MEMBERS}.")
        group_id = await self._regrouping.make(session, request.name, others, request.reason, GroupKind.AREA)
        return signalling.GroupMade(re=request.id, group=group_id)
