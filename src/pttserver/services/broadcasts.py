"""Broadcast calls: one talks, many listen, nobody is rung. The members of a group, or those who are named."""

from collections.abc import Sequence
from typing import Final

from pttserver.calls.call import CallEnd
from pttserver.clock import Clock
from pttserver.errors import InvalidValue, NotFound
from pttserver.ids import CallId, GroupId, SubscriberId, new_call_id
from pttserver.services.calls import GROUP_NAME, bounded_priority, take_allowance
from pttserver.services.desk import Handlers
from pttserver.services.memberships import Memberships
from pttserver.services.telling import Telling
from pttserver.services.temporary_groups import Dissolution, GroupKind, TemporaryGroup, TemporaryGroups
from pttserver.sessions.session import Session
from pttserver.store.subscribers import Subscribers
from pttserver.wire import signalling

_KIND: Final = GroupKind.BROADCAST
_ENDS = {Dissolution.IDLE: CallEnd.IDLE, Dissolution.DISSOLVED: CallEnd.ENDED}


class Broadcasts:
    """Serves `call.broadcast`; `call.end` of a broadcast comes from `Calls` by way of `end`."""

    def __init__(
        self,
        telling: Telling,
        temporary: TemporaryGroups,
        memberships: Memberships,
        subscribers: Subscribers,
        clock: Clock,
    ) -> None:
        self._telling = telling
        self._temporary = temporary
        self._memberships = memberships
        self._subscribers = subscribers
        self._clock = clock
        self._calls: dict[GroupId, CallId] = {}
        temporary.on_dissolved.append(self._group_is_gone)

    def handlers(self) -> Handlers:
        return {signalling.BroadcastCall: self._broadcast}

    async def _broadcast(self, session: Session, request: signalling.BroadcastCall) -> signalling.Reply:
        """Raises NotFound, InvalidValue, ServerBusy."""
        take_allowance(session, self._clock)
        who = session.identity
        listeners = [member for member in await self._listeners(session, request) if member != who.subscriber_id]
        if not listeners:
            raise InvalidValue("Nobody is there to listen.")
        call_id, priority = new_call_id(), bounded_priority(session, request.priority)
        group_id = self._temporary.make(
            who.tenant_id,
            who.subscriber_id,
            listeners,
            GROUP_NAME,
            _KIND,
            priority=priority,
            talker=who.subscriber_id,
        )
        self._calls[group_id] = call_id
        self._tell(session, call_id, group_id, listeners)
        return signalling.CallStarted(re=request.id, call=call_id)

    async def _listeners(self, session: Session, request: signalling.BroadcastCall) -> Sequence[SubscriberId]:
        if (request.group is None) == (request.to is None):
            raise InvalidValue("Name a group, or the persons: one of the two.")
        if request.group is not None:
            group_id = GroupId(request.group)
            if await self._memberships.place(session, group_id) is None:
                raise NotFound
            return [
                member.subscriber_id for member in await self._memberships.members(session.identity.tenant_id, group_id)
            ]
        named = [SubscriberId(who) for who in request.to or ()]
        if not await self._subscribers.all_present(session.identity.tenant_id, named):
            raise NotFound
        return named

    def _tell(self, session: Session, call_id: CallId, group_id: GroupId, listeners: Sequence[SubscriberId]) -> None:
        identity = session.identity
        by = signalling.Party(subscriber=identity.subscriber_id, name=identity.display_name.reveal())
        stands = signalling.CallConnected(call=call_id, kind=_KIND.value, duplex=False)
        self._telling.tell(identity.subscriber_id, stands.model_copy(update={"talk": group_id}))
        self._telling.tell_all(listeners, stands.model_copy(update={"party": by, "listen": group_id}))

    def end(self, session: Session, call_id: str) -> bool:
        """Its maker ends it. False: there is no such broadcast of the session's subscriber."""
        for group_id, known in self._calls.items():
            group = self._temporary.get(group_id)
            if known == call_id and group is not None and group.maker == session.identity.subscriber_id:
                return self._temporary.dissolve(group_id)
        return False

    def _group_is_gone(self, group: TemporaryGroup, reason: Dissolution) -> None:
        call_id = self._calls.pop(group.group_id, None)
        if call_id is None:
            return
        why = _ENDS.get(reason, CallEnd.GONE)
        self._telling.tell_all(group.members, signalling.CallEnded(call=call_id, reason=why.value))
