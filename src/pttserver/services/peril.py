"""Imminent peril: a state of a group, set by who may talk in it, or by a dispatcher; told to all, and at joining."""

from pttserver.errors import Forbidden, NotFound
from pttserver.ids import GroupId, SubscriberId
from pttserver.roles import Role
from pttserver.services.desk import Handlers
from pttserver.services.talk import TalkService
from pttserver.services.telling import Telling
from pttserver.services.temporary_groups import TemporaryGroups
from pttserver.sessions.session import Session
from pttserver.wire import signalling


class Peril:
    """Serves `group.peril`."""

    def __init__(self, talk: TalkService, telling: Telling, temporary: TemporaryGroups) -> None:
        self._talk = talk
        self._telling = telling
        self._set_by: dict[GroupId, SubscriberId] = {}
        temporary.on_dissolved.append(lambda group, _reason: self._set_by.pop(group.group_id, None))

    def handlers(self) -> Handlers:
        return {signalling.SetPeril: self._set}

    async def _set(self, session: Session, request: signalling.SetPeril) -> signalling.Reply:
        """Raises NotFound (does not take part), Forbidden (may only listen; or ends what another one set)."""
        group_id, who = GroupId(request.group), session.identity.subscriber_id
        affiliation = session.affiliations.get(group_id)
        if affiliation is None:
            raise NotFound
        dispatches = session.identity.rights.role is not Role.SUBSCRIBER
        if affiliation.listen_only and not dispatches:
            raise Forbidden("You may only listen in this group.")
        if not request.on and not dispatches and self._set_by.get(group_id, who) != who:
            raise Forbidden("Who told of the peril ends it, or a dispatcher.")
        if self._talk.set_peril(group_id, request.on):
            self._note(group_id, who if request.on else None)
        return signalling.Done(re=request.id)

    def _note(self, group_id: GroupId, set_by: SubscriberId | None) -> None:
        if set_by is None:
            self._set_by.pop(group_id, None)
        else:
            self._set_by[group_id] = set_by
        present = [affiliation.session.identity.subscriber_id for affiliation in self._talk.affiliations(group_id)]
        event = signalling.GroupCondition(group=group_id, imminent_peril=set_by is not None)
        self._telling.tell_all(present, event)
