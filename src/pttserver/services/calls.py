"""Calls from person to person, and broadcasts: rings, connects by a group that lives as long as the call, ends.

Who is called, who was first and how it ends, a pure machine says (calls/call.py); voice and floor are those of
temporary groups. A half-duplex call has one group for both parties. A full-duplex call has two, one for each party to
talk in: its floor is that party's without asking, and the other listens.

A person is in one such call at a time; a session that ends takes its subscriber out of it, a take-over too.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pttserver.calls.call import Call, CallEffect, CallEnd, Connect, Over, Ring, TellEnd
from pttserver.clock import Clock
from pttserver.config import CallSettings
from pttserver.errors import CallUnavailable, InvalidValue, NotFound, ServerBusy
from pttserver.ids import CallId, GroupId, SubscriberId, TenantId, new_call_id
from pttserver.roles import Role
from pttserver.services.desk import Handlers
from pttserver.services.telling import Telling
from pttserver.services.temporary_groups import (
    DEFAULT_PRIORITY,
    Dissolution,
    GroupKind,
    TemporaryGroup,
    TemporaryGroups,
)
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Affiliation, Session
from pttserver.store.subscribers import Subscribers
from pttserver.wire import signalling

HIGHEST_PRIORITY: Final = {Role.SUBSCRIBER: 127, Role.DISPATCHER: 254, Role.MANAGER: 255}
GROUP_NAME: Final = "Call"
_ENDS = {Dissolution.IDLE: CallEnd.IDLE, Dissolution.MAKER_GONE: CallEnd.GONE, Dissolution.EMPTY: CallEnd.GONE}


@dataclass(slots=True)
class LiveCall:
    """A call, and what carries it. `timer`: the end of ringing. `busy`: whom it keeps from other calls."""

    call: Call
    kind: signalling.CallKind
    tenant_id: TenantId
    duplex: bool
    priority: int
    timer: asyncio.TimerHandle | None = None
    groups: list[GroupId] = field(default_factory=list)
    busy: set[SubscriberId] = field(default_factory=set)


class Calls:
    """Serves `call.private`, `call.first_to_answer`, `call.answer`, `call.reject`, `call.end`."""

    def __init__(
        self,
        sessions: SessionRegistry,
        telling: Telling,
        temporary: TemporaryGroups,
        subscribers: Subscribers,
        clock: Clock,
        settings: CallSettings,
    ) -> None:
        self._sessions = sessions
        self._telling = telling
        self._temporary = temporary
        self._subscribers = subscribers
        self._clock = clock
        self._settings = settings
        self._calls: dict[CallId, LiveCall] = {}
        self._busy: dict[SubscriberId, CallId] = {}
        self._of_group: dict[GroupId, CallId] = {}
        self.end_other: Callable[[Session, str], bool] = lambda _session, _call: False
        """Ends a call of another kind by its number; False: there is none that the session may end."""
        temporary.on_dissolved.append(self._group_is_gone)

    def __len__(self) -> int:
        return len(self._calls)

    def handlers(self) -> Handlers:
        return {
            signalling.PrivateCall: self._private,
            signalling.FirstToAnswer: self._first_to_answer,
            signalling.AnswerCall: self._answer,
            signalling.RejectCall: self._reject,
            signalling.EndCall: self._end,
        }

    # Requests ----------------------------------------------------------------------------------------------------

    async def _private(self, session: Session, request: signalling.PrivateCall) -> signalling.Reply:
        return await self._ring(session, request, [SubscriberId(request.to)], "private")

    async def _first_to_answer(self, session: Session, request: signalling.FirstToAnswer) -> signalling.Reply:
        return await self._ring(session, request, [SubscriberId(who) for who in request.to], "first_to_answer")

    async def _ring(
        self,
        session: Session,
        request: signalling.PrivateCall | signalling.FirstToAnswer,
        called: Sequence[SubscriberId],
        kind: signalling.CallKind,
    ) -> signalling.Reply:
        """Raises NotFound (not of the organisation), CallUnavailable, InvalidValue, ServerBusy."""
        caller, tenant_id = session.identity.subscriber_id, session.identity.tenant_id
        take_allowance(session, self._clock)
        if caller in called:
            raise InvalidValue("You cannot call yourself.")
        if not await self._subscribers.all_present(tenant_id, called):
            raise NotFound
        self._require_free(session, called)
        free = [who for who in called if self._sessions.of_subscriber(who) and who not in self._busy]
        call = Call(new_call_id(), caller, free, self._clock.now() + self._settings.ring_timeout_s)
        priority = bounded_priority(session, request.priority)
        live = self._calls[call.call_id] = LiveCall(call, kind, tenant_id, request.duplex, priority)
        loop = asyncio.get_running_loop()
        live.timer = loop.call_later(self._settings.ring_timeout_s, self._time_is_up, live)
        self._perform(live, call.start())
        return signalling.CallStarted(re=request.id, call=call.call_id, ring_timeout_s=self._settings.ring_timeout_s)

    def _require_free(self, session: Session, called: Sequence[SubscriberId]) -> None:
        """The session lives yet, its subscriber is in no call, and somebody who is called can be rung."""
        if self._sessions.get(session.id) is not session:
            raise NotFound
        if session.identity.subscriber_id in self._busy:
            raise CallUnavailable("You are in a call already; end it first.", why="in_a_call")
        there = [who for who in called if self._sessions.of_subscriber(who)]
        if not there:
            raise CallUnavailable("Nobody who is called is logged in.", why="offline")
        if all(who in self._busy for who in there):
            raise CallUnavailable("Everybody who is called is in a call.", why="busy")

    async def _answer(self, session: Session, request: signalling.AnswerCall) -> signalling.Reply:
        """Raises NotFound: it is over, or somebody was faster."""
        live = self._live(session, request.call)
        effects = live.call.answer(session.identity.subscriber_id)
        if not effects:
            raise NotFound
        self._perform(live, effects)
        return signalling.Done(re=request.id)

    async def _reject(self, session: Session, request: signalling.RejectCall) -> signalling.Reply:
        live = self._live(session, request.call)
        self._perform(live, live.call.reject(session.identity.subscriber_id))
        return signalling.Done(re=request.id)

    async def _end(self, session: Session, request: signalling.EndCall) -> signalling.Reply:
        """Raises NotFound: it is over already, or others'."""
        if not self.end_other(session, request.call):
            live = self._live(session, request.call)
            self._perform(live, live.call.end(session.identity.subscriber_id))
        return signalling.Done(re=request.id)

    def _live(self, session: Session, call_id: str) -> LiveCall:
        """A call of others is as unknown as one that there is not."""
        live = self._calls.get(CallId(call_id))
        if live is None or session.identity.subscriber_id not in live.call.parties:
            raise NotFound
        return live

    # What happens ------------------------------------------------------------------------------------------------

    async def greet(self, session: Session) -> None:
        """Whose connection was lost for a while is told again what rings, or where the call takes place."""
        who = session.identity.subscriber_id
        live = self._calls.get(self._busy.get(who, CallId("")))
        if live is None:
            return
        if who in live.call.ringing:
            self._telling.tell(who, self._invitation(live))
        elif live.call.answered_by is not None:
            self._tell_connected(live, who)

    def _time_is_up(self, live: LiveCall) -> None:
        live.timer = None
        self._perform(live, live.call.expire(max(self._clock.now(), live.call.deadline)))

    def is_gone(self, who: SubscriberId) -> None:
        """The subscriber's session is over, or another one takes its place."""
        live = self._calls.get(self._busy.get(who, CallId("")))
        if live is not None:
            self._perform(live, live.call.end(who, CallEnd.GONE))

    def has_left(self, affiliation: Affiliation) -> None:
        """A participant left a group; if it is a call's, the call is over."""
        if affiliation.group_id in self._of_group:
            self.is_gone(affiliation.session.identity.subscriber_id)

    def _group_is_gone(self, group: TemporaryGroup, reason: Dissolution) -> None:
        live = self._calls.get(self._of_group.get(group.group_id, CallId("")))
        if live is None:
            return
        if _ENDS.get(reason) is CallEnd.IDLE:
            self._perform(live, live.call.fall_idle())
        else:
            self._perform(live, live.call.end(group.maker, CallEnd.GONE))

    # Effects -----------------------------------------------------------------------------------------------------

    def _perform(self, live: LiveCall, effects: Sequence[CallEffect]) -> None:
        for effect in effects:
            match effect:
                case Ring(whom=whom):
                    self._telling.tell(whom, self._invitation(live))
                case Connect(answered_by=who):
                    self._connect(live, who)
                case TellEnd(whom=whom, why=why):
                    self._telling.tell(whom, signalling.CallEnded(call=live.call.call_id, reason=why.value))
                case Over():
                    self._forget(live)
        self._note_busy(live)

    def _note_busy(self, live: LiveCall) -> None:
        parties = live.call.parties
        for who in live.busy - parties:
            del self._busy[who]
        self._busy.update(dict.fromkeys(parties, live.call.call_id))
        live.busy = parties

    def _invitation(self, live: LiveCall) -> signalling.CallInvited:
        return signalling.CallInvited(
            call=live.call.call_id,
            kind=live.kind,
            by=self._party(live.call.caller),
            duplex=live.duplex,
            priority=live.priority,
            ring_timeout_s=self._settings.ring_timeout_s,
        )

    def _party(self, who: SubscriberId) -> signalling.Party:
        session = self._sessions.of_subscriber(who)
        return signalling.Party(subscriber=who, name=session.identity.display_name.reveal() if session else "")

    def _connect(self, live: LiveCall, answered_by: SubscriberId) -> None:
        if live.timer is not None:
            live.timer.cancel()
            live.timer = None
        caller = live.call.caller
        outward = self._make_group(live, caller, answered_by)
        back = self._make_group(live, answered_by, caller) if live.duplex else outward
        live.groups = list(dict.fromkeys((outward, back)))
        self._of_group.update(dict.fromkeys(live.groups, live.call.call_id))
        for who in (caller, answered_by):
            self._tell_connected(live, who)

    def _make_group(self, live: LiveCall, talker: SubscriberId, other: SubscriberId) -> GroupId:
        kind = GroupKind(live.kind)
        only = talker if live.duplex else None
        priority = live.priority if talker == live.call.caller else DEFAULT_PRIORITY
        return self._temporary.make(
            live.tenant_id, talker, [other], GROUP_NAME, kind, priority=priority, talker=only, duplex=live.duplex
        )

    def _tell_connected(self, live: LiveCall, whom: SubscriberId) -> None:
        """The caller talks in the first group, and hears in the last; a half-duplex call has one."""
        call = live.call
        calls = whom == call.caller
        other = call.answered_by if calls else call.caller
        assert other is not None
        connected = signalling.CallConnected(
            call=call.call_id,
            kind=live.kind,
            duplex=live.duplex,
            party=self._party(other),
            talk=live.groups[0 if calls else -1],
            listen=live.groups[-1 if calls else 0],
        )
        self._telling.tell(whom, connected)

    def _forget(self, live: LiveCall) -> None:
        if live.timer is not None:
            live.timer.cancel()
        del self._calls[live.call.call_id]
        for group_id in live.groups:
            del self._of_group[group_id]
        for group_id in live.groups:
            self._temporary.dissolve(group_id)


def take_allowance(session: Session, clock: Clock) -> None:
    """So that nobody rings at others without end. Raises ServerBusy that says how long to wait."""
    now = clock.now()
    if not session.call_allowance.take(now):
        raise ServerBusy(
            "You call too often; wait a little.", retry_after_s=round(session.call_allowance.wait_s(now), 1)
        )


def bounded_priority(session: Session, asked: int | None) -> int:
    """The floor priority of somebody who calls: what is asked for, but at most what the role may."""
    return min(DEFAULT_PRIORITY if asked is None else asked, HIGHEST_PRIORITY[session.identity.rights.role])
