"""Talking: carries floor control messages to a group's arbiter and its effects to the voice path, the timers, the log.

The arbiter is pure and decides; this service performs, in the order of the effects and without an await, so no packet
can slip between the end of one talk burst and the start of the next.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pttserver.alerts.emergency import EmergencyGroups
from pttserver.clock import Clock
from pttserver.config import FloorTimerSettings
from pttserver.floor.arbiter import Arbiter
from pttserver.floor.effects import Announce, BurstEnded, BurstStarted, CallEnded, CallStarted, Effect, Send
from pttserver.floor.participant import Participant
from pttserver.ids import GroupId, Ssrc, SsrcSequence, TenantId
from pttserver.media.batch_socket import BatchSocket
from pttserver.media.burst import TalkBurst
from pttserver.media.channel import GroupChannel
from pttserver.media.relay import Relay
from pttserver.privacy.categories import Category
from pttserver.privacy.sight import may_see
from pttserver.roles import Role
from pttserver.services.call_log import CallInProgress, CallLog
from pttserver.services.key_epochs import KeyEpochs
from pttserver.services.policy_book import PolicyBook
from pttserver.services.temporary_groups import TemporaryGroups
from pttserver.sessions.session import Affiliation, Identity, Session
from pttserver.wire import signalling
from pttserver.wire.floor_control import FloorIndicator, FloorMessage, MessageType

DUPLEX_BURST_S = 600.0  # then the client asks anew; a burst of 20 ms frames has sequence numbers for 20 minutes
DUPLEX_SILENCE_S = 30.0  # a microphone may be muted for a while


@dataclass(frozen=True, slots=True)
class FloorView:
    """A group's floor as dispatchers see it."""

    tenant_id: TenantId
    group_name: str
    affiliated: int
    talker: Identity | None
    waiting: int


class GroupCall:
    """What a group with participants has: arbiter, channel, the burst and the call that go on, one timer."""

    __slots__ = (
        "affiliations",
        "arbiter",
        "asked_at",
        "burst",
        "call",
        "channel",
        "group_id",
        "name",
        "tenant_id",
        "timer",
        "waiting",
    )

    def __init__(self, first: Affiliation, arbiter: Arbiter, channel: GroupChannel) -> None:
        self.group_id = first.group_id
        self.name = first.group_name
        self.tenant_id = first.session.identity.tenant_id
        self.arbiter = arbiter
        self.channel = channel
        self.affiliations: dict[int, Affiliation] = {}
        self.asked_at: dict[int, float] = {}
        self.burst: TalkBurst | None = None
        self.call: CallInProgress | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.waiting = 0


class TalkService:
    """Floor control and talk bursts of all groups. Groups without participants cost nothing."""

    def __init__(
        self,
        *,
        relay: Relay,
        socket: BatchSocket,
        timers: FloorTimerSettings,
        ssrcs: SsrcSequence,
        clock: Clock,
        epochs: KeyEpochs,
        call_log: CallLog,
        temporary: TemporaryGroups,
        on_grant_delay: Callable[[float], None],
        emergencies: EmergencyGroups,
        policies: PolicyBook,
    ) -> None:
        self._relay = relay
        self._socket = socket
        self._timers = timers
        self._duplex_timers = timers.model_copy(
            update={"t1_end_of_rtp_s": DUPLEX_SILENCE_S, "t2_stop_talking_s": DUPLEX_BURST_S}
        )
        self._ssrcs = ssrcs
        self._clock = clock
        self._epochs = epochs
        self._call_log = call_log
        self._temporary = temporary
        self._on_grant_delay = on_grant_delay
        self.on_changed: list[Callable[[TenantId, GroupId], None]] = []
        """Called when somebody came, left, began or ceased to talk or to wait."""
        self._in_peril: set[GroupId] = set()
        self._emergencies = emergencies
        self._policies = policies
        self._groups: dict[GroupId, GroupCall] = {}
        self.floor_grants = 0
        self.floor_denials = 0
        relay.control.on_floor_message = self.receive
        temporary.on_dissolved.append(lambda group, _reason: self._in_peril.discard(group.group_id))

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def bursts_in_progress(self) -> int:
        return sum(group.burst is not None for group in self._groups.values())

    def affiliations(self, group_id: GroupId) -> list[Affiliation]:
        """Who takes part in the group now, in the order of arrival."""
        group = self._groups.get(group_id)
        return list(group.affiliations.values()) if group else []

    def channel(self, group_id: GroupId) -> GroupChannel:
        """The channel of a group with participants."""
        return self._groups[group_id].channel

    def floor_of(self, group_id: GroupId) -> FloorView | None:
        """None: nobody takes part in the group."""
        group = self._groups.get(group_id)
        if group is None:
            return None
        talker = group.burst.session.identity if group.burst is not None else None
        return FloorView(group.tenant_id, group.name, len(group.affiliations), talker, group.arbiter.waiting)

    # Joining and leaving -----------------------------------------------------------------------------------------

    def enter(self, affiliation: Affiliation) -> None:
        """The participant listens from now on, in the middle of a burst too. `greet` must follow."""
        group = self._groups.get(affiliation.group_id) or self._open(affiliation)
        self._epochs.admit(group.channel)
        group.affiliations[affiliation.ssrc] = affiliation
        group.channel.add(affiliation.session)
        if group.call is not None:
            group.call.participants.add(affiliation.session.identity.subscriber_id)
        self._tell_of_change(group)

    def greet(self, affiliation: Affiliation) -> None:
        """The participant may ask for the floor from now on, and is told its state."""
        group = self._groups[affiliation.group_id]
        identity = affiliation.session.identity
        participant = Participant(
            ssrc=affiliation.ssrc,
            user_id=identity.subscriber_id,
            functional_alias=identity.display_name.reveal(),
            priority=affiliation.priority,
            listen_only=affiliation.listen_only,
            implicit_request=affiliation.implicit_request,
            may_preempt=self._emergencies.may_claim(identity.subscriber_id),
        )
        if self._emergencies.join(identity.subscriber_id, affiliation.group_id):
            self.show_emergency(affiliation.group_id)
        now = self._clock.now()
        self._perform(group, group.arbiter.join(now, participant), now)

    def rename(self, affiliation: Affiliation) -> None:
        """From now on Floor Taken carries the participant's present display name."""
        name = affiliation.session.identity.display_name.reveal()
        self._groups[affiliation.group_id].arbiter.rename(affiliation.ssrc, name)

    def change_rights(self, affiliation: Affiliation) -> None:
        """Priority or listen-only changed; who may only listen loses the floor and its place in the queue."""
        group = self._groups[affiliation.group_id]
        if affiliation.listen_only:
            now = self._clock.now()
            self._perform(group, group.arbiter.leave(now, affiliation.ssrc), now)
        self.greet(affiliation)

    def is_in_emergency(self, group_id: GroupId) -> bool:
        return group_id in self._emergencies

    def show_emergency(self, group_id: GroupId) -> None:
        """The group's emergency began or ended: its participants are told, by floor control and by an event."""
        group = self._groups.get(group_id)
        if group is None:
            return
        self._tell_condition(group)
        text = signalling.GroupEmergency(group=group_id, on=self.is_in_emergency(group_id)).to_json()
        for affiliation in group.affiliations.values():
            if affiliation.session.link is not None:
                affiliation.session.link.post(text)

    def leave(self, affiliation: Affiliation) -> None:
        """From now on not a packet more goes to or comes from the participant; the group gets a new key epoch."""
        group = self._groups[affiliation.group_id]
        del group.affiliations[affiliation.ssrc]
        group.asked_at.pop(affiliation.ssrc, None)
        group.channel.remove(affiliation.session)
        self._epochs.expire(group.channel)
        now = self._clock.now()
        self._perform(group, group.arbiter.leave(now, affiliation.ssrc), now)
        if not group.affiliations:
            self._close(group)
        self._tell_of_change(group)

    def _open(self, first: Affiliation) -> GroupCall:
        group_id, control_ssrc = first.group_id, self._ssrcs.draw()
        channel = GroupChannel(group_id, control_ssrc, self._socket, self._epochs.renew)
        temporary = self._temporary.get(group_id)
        timers = self._duplex_timers if temporary is not None and temporary.duplex else self._timers
        arbiter = Arbiter(control_ssrc, timers, self._ssrcs.draw, self._condition(group_id))
        group = self._groups[group_id] = GroupCall(first, arbiter, channel)
        self._relay.channels[group_id] = channel
        return group

    def _close(self, group: GroupCall) -> None:
        if group.timer is not None:
            group.timer.cancel()
        self._epochs.forget(group.channel)
        del self._groups[group.group_id]
        del self._relay.channels[group.group_id]

    def _tell_of_change(self, group: GroupCall) -> None:
        self._temporary.stirs(group.group_id)
        for changed in self.on_changed:
            changed(group.tenant_id, group.group_id)

    # What the organisation or a dispatcher decides ---------------------------------------------------------------

    def _condition(self, group_id: GroupId) -> FloorIndicator:
        temporary = self._temporary.get(group_id)
        condition = temporary.condition if temporary is not None else FloorIndicator(0)
        if group_id in self._in_peril:
            condition |= FloorIndicator.IMMINENT_PERIL
        if self.is_in_emergency(group_id):
            condition |= FloorIndicator.EMERGENCY
        return condition

    def _tell_condition(self, group: GroupCall) -> None:
        """By floor control, if it is another than before."""
        now = self._clock.now()
        self._perform(group, group.arbiter.change_condition(now, self._condition(group.group_id)), now)

    def is_in_peril(self, group_id: GroupId) -> bool:
        return group_id in self._in_peril

    def set_peril(self, group_id: GroupId, on: bool) -> bool:
        """Imminent peril lasts until it is ended, also while nobody takes part. False: it was so already."""
        if on == (group_id in self._in_peril):
            return False
        if on:
            self._in_peril.add(group_id)
        else:
            self._in_peril.discard(group_id)
        group = self._groups.get(group_id)
        if group is not None:
            self._tell_condition(group)
            self._tell_of_change(group)
        return True

    def revoke(self, group_id: GroupId) -> bool:
        """A dispatcher takes the floor back; the talker may be heard for the grace (T3). False: nobody talks."""
        group = self._groups.get(group_id)
        if group is None or group.burst is None:
            return False
        now = self._clock.now()
        self._tell_of_media(group)
        self._perform(group, group.arbiter.revoke(now), now)
        return True

    # Messages and time -------------------------------------------------------------------------------------------

    def receive(self, affiliation: Affiliation, message: FloorMessage, now: float) -> None:
        """A floor control message of a participant."""
        group = self._groups[affiliation.group_id]
        talks = group.burst is not None and group.burst.session is affiliation.session
        if message.type is MessageType.FLOOR_REQUEST and not talks:
            group.asked_at.setdefault(affiliation.ssrc, now)
        elif message.type is MessageType.FLOOR_RELEASE:
            group.asked_at.pop(affiliation.ssrc, None)
        self._tell_of_media(group)
        self._perform(group, group.arbiter.receive(now, affiliation.ssrc, message), now)

    def _on_timer(self, group: GroupCall) -> None:
        group.timer = None
        now = self._clock.now()
        self._tell_of_media(group)
        self._perform(group, group.arbiter.expire(now), now)

    def _tell_of_media(self, group: GroupCall) -> None:
        """The voice path only notes when the last packet came; the arbiter hears of it before it decides anything."""
        if group.burst is not None and group.burst.packets:
            group.arbiter.media_received(group.burst.last_packet_at)

    def _arm(self, group: GroupCall, now: float) -> None:
        if group.timer is not None:
            group.timer.cancel()
            group.timer = None
        deadline = group.arbiter.next_deadline()
        if deadline is not None:
            group.timer = asyncio.get_running_loop().call_later(max(0.0, deadline - now), self._on_timer, group)

    # Effects -----------------------------------------------------------------------------------------------------

    def _perform(self, group: GroupCall, effects: Sequence[Effect], now: float) -> None:
        before = group.burst
        try:
            for effect in effects:
                self._carry_out(group, effect, now)
        finally:  # a bug in an effect must not stop the timers that free the floor
            self._arm(group, now)
        if group.burst is not before or group.waiting != group.arbiter.waiting:
            group.waiting = group.arbiter.waiting
            self._tell_of_change(group)

    def _carry_out(self, group: GroupCall, effect: Effect, now: float) -> None:
        match effect:
            case Send(to_ssrc=ssrc, message=message):
                self._send(group, ssrc, message)
            case Announce(message=message, besides=besides):
                shown = self._as_seen(group, message, group.affiliations.values())
                group.channel.announce(shown.encode(), self._session(group, besides))
            case BurstStarted(participant_ssrc=ssrc, burst_ssrc=burst_ssrc):
                session = group.affiliations[ssrc].session
                group.burst = self._relay.start_burst(Ssrc(burst_ssrc), session, group.channel, now)
                self.floor_grants += 1
                self._on_grant_delay(now - group.asked_at.pop(ssrc, now))
            case BurstEnded(reason=reason):
                self._end_burst(group, reason.value, now)
            case CallStarted(initiator_ssrc=ssrc):
                group.call = self._call_log.start_call(
                    group.group_id, group.affiliations[ssrc], self.affiliations(group.group_id)
                )
            case CallEnded():
                self._end_call(group)

    def _send(self, group: GroupCall, ssrc: int, message: FloorMessage) -> None:
        affiliation = group.affiliations.get(ssrc)
        if affiliation is None:
            return
        if message.type is MessageType.FLOOR_DENY:
            group.asked_at.pop(ssrc, None)
            self.floor_denials += 1
        self._relay.control.send(affiliation.session, self._as_seen(group, message, [affiliation]).encode())

    def _as_seen(self, group: GroupCall, message: FloorMessage, by: Iterable[Affiliation]) -> FloorMessage:
        """Without the talker's name if somebody to whom it goes may not see names: all get the same packet."""
        policy = self._policies.in_force(group.tenant_id)
        if message.functional_alias is None or all(may_see(policy, role, Category.SUBSCRIBER_NAME) for role in Role):
            return message
        shown = all(self._policies.shows(each.session.identity, Category.SUBSCRIBER_NAME) for each in by)
        return message if shown else replace(message, functional_alias=None)

    def _session(self, group: GroupCall, ssrc: int | None) -> Session | None:
        affiliation = group.affiliations.get(ssrc) if ssrc is not None else None
        return affiliation.session if affiliation else None

    def _end_burst(self, group: GroupCall, reason: str, now: float) -> None:
        burst = group.burst
        if burst is None:
            return
        group.burst = None
        self._relay.end_burst(burst)
        if group.call is not None:
            self._call_log.burst_ended(
                group.call, burst.session.identity, burst.packets, now - burst.started_at, reason
            )

    def _end_call(self, group: GroupCall) -> None:
        if group.call is not None:
            self._call_log.end_call(group.call)
            group.call = None
