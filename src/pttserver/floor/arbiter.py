"""The arbiter of one group's floor: verbs around the table.

After every call carry out the returned effects, in order; then ask `next_deadline()` and call `expire()`
at that time.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pttserver.config import FloorTimerSettings
from pttserver.floor.effects import Effect, Send
from pttserver.floor.floor import Floor
from pttserver.floor.participant import Participant
from pttserver.floor.priority import EffectivePriority, Kind, effective_priority
from pttserver.floor.procedures import tell_state
from pttserver.floor.queue import NOBODY, Request
from pttserver.floor.states import Event, ParticipantState, State
from pttserver.floor.table import TABLE
from pttserver.wire.floor_control import ACK_REQUIRED, NO_CONDITION, FloorIndicator, FloorMessage, MessageType


class Arbiter:
    """Floor control server of one single-talker group (TS 24.380 §6.3).

    `now` is monotonic seconds and never goes back (but in `media_received`). `control_ssrc` is the SSRC of
    its messages; `draw_ssrc` gives each burst an SSRC that was never used before.
    """

    __slots__ = ("_floor",)

    def __init__(
        self,
        control_ssrc: int,
        timers: FloorTimerSettings,
        draw_ssrc: Callable[[], int],
        condition: FloorIndicator = NO_CONDITION,
    ) -> None:
        self._floor = Floor(control_ssrc, timers, draw_ssrc, condition)

    def join(self, now: float, participant: Participant) -> list[Effect]:
        """Adds the participant, or replaces what is known of it, and tells it the state of the floor.

        An implicit request is answered instead, as if it had been sent.
        """
        ssrc = participant.ssrc
        self._floor.participants[ssrc] = participant
        if participant.implicit_request:
            return self._ask(now, Request(ssrc, EffectivePriority(Kind.ORDINARY, participant.priority)))
        return tell_state(self._floor, now, NOBODY._replace(ssrc=ssrc))

    def _ask(self, now: float, request: Request) -> list[Effect]:
        talks = self._floor.talker_ssrc == request.ssrc
        return self._happens(now, Event.TALKER_REQUEST if talks else _request(self._floor, request), request)

    def leave(self, now: float, ssrc: int) -> list[Effect]:
        """Takes the participant away, with its burst or its place in the queue. Strangers cannot leave."""
        floor = self._floor
        if ssrc not in floor.participants:
            return []
        floor.queue.leave(ssrc)
        del floor.participants[ssrc]
        if not floor.participants:
            return self._happens(now, Event.LAST_LEFT)
        return self._happens(now, Event.TALKER_LEFT) if floor.talker_ssrc == ssrc else []

    def rename(self, ssrc: int, functional_alias: str) -> None:
        """The next Floor Taken of the participant carries it. Strangers have no name."""
        participant = self._floor.participants.get(ssrc)
        if participant is not None:
            participant.functional_alias = functional_alias

    def receive(self, now: float, ssrc: int, message: FloorMessage) -> list[Effect]:
        """Takes a message of participant `ssrc`, as the transport has authenticated it.

        `message.ssrc` is not believed. Messages of strangers, and those that only a server sends, are
        discarded.
        """
        sender = self._floor.participants.get(ssrc)
        if sender is None:
            return []
        request = Request(ssrc, effective_priority(sender, message, in_peril=self._floor.in_peril))
        event = event_of(self._floor, request, message)
        acks: list[Effect] = []
        if message.ack_required:
            acks.append(Send(ssrc, self._floor.messages.ack(message.type)))
        return acks + (self._happens(now, event, request) if event else [])

    def revoke(self, now: float) -> list[Effect]:
        """A dispatcher takes the floor back: the talker is told to stop, and may be heard for the grace (T3)."""
        return self._happens(now, Event.DISPATCHER_REVOKE)

    def change_condition(self, now: float, condition: FloorIndicator) -> list[Effect]:
        """What the group is and the state that it is in; told to all if it changed, and to whoever joins."""
        if condition == self._floor.messages.condition:
            return []
        self._floor.messages.condition = condition
        return self._happens(now, Event.CONDITION) if self._floor.participants else []

    def media_received(self, now: float) -> None:
        """RTP of the present burst came: T1 starts anew.

        On the voice path, hence one assignment; `now` may be a little older than that of the last call.
        """
        self._floor.media_at = now

    def next_deadline(self) -> float | None:
        """When `expire` is due (monotonic seconds); None: no timer runs. Voice moves it, later only."""
        self._floor.take_note_of_voice()
        return min(self._floor.deadlines.values(), default=None)

    def expire(self, now: float) -> list[Effect]:
        """Lets every timer expire that is due, the earliest first. Too early a call does nothing."""
        effects: list[Effect] = []
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            timer = min(self._floor.deadlines, key=self._floor.deadlines.__getitem__)
            effects += self._happens(now, timer)
        return effects

    @property
    def state(self) -> State:
        return self._floor.state

    @property
    def holder(self) -> Participant | None:
        """The talker; during the grace of a revoke still the old one."""
        ssrc = self._floor.talker_ssrc
        return None if ssrc is None else self._floor.participants[ssrc]

    @property
    def waiting(self) -> int:
        """How many wait for the floor."""
        return len(self._floor.queue)

    @property
    def burst_ssrc(self) -> int | None:
        return None if self._floor.burst is None else self._floor.burst.ssrc

    @property
    def participants(self) -> Mapping[int, Participant]:
        """A live, read-only view, by SSRC."""
        return MappingProxyType(self._floor.participants)

    def view_of(self, ssrc: int) -> ParticipantState:
        """The state of the floor towards one participant (TS 24.380 §6.3.5)."""
        return self._floor.view_of(ssrc)

    def _happens(self, now: float, event: Event, sender: Request = NOBODY) -> list[Effect]:
        floor = self._floor
        floor.take_note_of_voice()
        rule = TABLE[floor.state].get(event)
        if rule is None:  # "shall discard the floor control message" (§6.3.4.1)
            return []
        effects = rule.procedure(floor, now, sender)
        assert floor.state in rule.leads_to, f"{event} led to {floor.state}"
        return effects


def event_of(floor: Floor, sender: Request, message: FloorMessage) -> Event | None:
    """What the message means to the floor as it is; None: it means nothing (only a server sends it)."""
    talks = floor.talker_ssrc == sender.ssrc
    match message.type:
        case MessageType.FLOOR_REQUEST:
            return Event.TALKER_REQUEST if talks else _request(floor, sender)
        case MessageType.FLOOR_RELEASE:
            return _release(floor, talks, message.granted_ssrc)
        case MessageType.QUEUE_POSITION_REQUEST:
            return Event.QUEUE_POSITION_REQUEST
        case MessageType.FLOOR_ACK if talks:
            acknowledged = (message.message_type or 0) & ~ACK_REQUIRED
            return Event.TALKER_ACK if acknowledged == MessageType.FLOOR_GRANTED else None
    return None


def _request(floor: Floor, sender: Request) -> Event:
    """A talker who is told to stop already cannot be overridden: a request in the grace waits."""
    if floor.state is not State.FLOOR_TAKEN or floor.participants[sender.ssrc].listen_only:
        return Event.REQUEST
    overrides = sender.priority.overrides(floor.present_burst.priority)
    return Event.OVERRIDING_REQUEST if overrides else Event.REQUEST


def _release(floor: Floor, talks: bool, released_ssrc: int | None) -> Event:
    """A release that names a burst (field SSRC) counts for that burst of that talker only."""
    if released_ssrc is None:
        return Event.TALKER_RELEASE if talks else Event.RELEASE
    named = floor.burst is not None and floor.burst.ssrc == released_ssrc
    return Event.TALKER_RELEASE if talks and named else Event.STALE_RELEASE
