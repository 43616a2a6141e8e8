"""The procedures of the floor control server: what is done on an event (TS 24.380 §6.3.4, §6.3.5).

Each takes the floor, the time (monotonic seconds) and the sender's request (`NOBODY` for a timer), changes
the floor, and returns the effects in the order in which they must happen. First the answers to messages,
then the ends of a burst, then the repetitions; the steps that they share come last.
"""

from pttserver.floor.burst import Burst
from pttserver.floor.effects import (
    Announce,
    BurstEnd,
    BurstEnded,
    BurstStarted,
    CallEnded,
    CallStarted,
    Effect,
    Send,
)
from pttserver.floor.floor import NEVER, Floor
from pttserver.floor.queue import NOBODY, Request
from pttserver.floor.states import Event, State
from pttserver.wire.floor_control import DenyCause, RevokeCause

# Answers to messages


def grant_or_deny(floor: Floor, now: float, asker: Request) -> list[Effect]:
    """The floor is free. An emergency may call into an empty group: who joins later hears it."""
    if floor.participants[asker.ssrc].listen_only:
        return _deny(floor, asker, DenyCause.RECEIVE_ONLY)
    implicit = floor.participants[asker.ssrc].implicit_request
    if len(floor.participants) == 1 and not asker.priority.pre_emptive and not implicit:
        return _deny(floor, asker, DenyCause.ONLY_ONE_PARTICIPANT)
    call: list[Effect] = [CallStarted(asker.ssrc)] if floor.state is State.START_STOP else []
    return call + _grant(floor, now, asker, repeats=None)


def queue_or_deny(floor: Floor, now: float, asker: Request) -> list[Effect]:
    """Somebody has the floor. In the grace of a revoke, one who overrides waits even with queueing off."""
    if floor.participants[asker.ssrc].listen_only:
        return _deny(floor, asker, DenyCause.RECEIVE_ONLY)
    overriding = asker.priority.overrides(floor.present_burst.priority)
    turned_away = floor.queue.join(asker, overriding=overriding)
    cause = DenyCause.QUEUE_FULL if floor.queue.limit else DenyCause.ANOTHER_HAS_PERMISSION
    denied = _deny(floor, turned_away, cause) if turned_away else []
    return denied if turned_away == asker else denied + tell_position(floor, now, asker)


def pre_empt(floor: Floor, now: float, asker: Request) -> list[Effect]:
    """The asker is first in the queue during the grace; being told its position, it need not ask again."""
    floor.queue.join(asker, overriding=True)
    effects = _revoke(floor, now, RevokeCause.PREEMPTED)
    return effects + (tell_position(floor, now, asker) if floor.state is State.PENDING_REVOKE else [])


def grant_again(floor: Floor, now: float, talker: Request) -> list[Effect]:
    """The talker did not hear its grant, or asks for more: the same burst, the time that remains."""
    burst = floor.present_burst
    if talker.priority <= burst.priority:
        return [Send(talker.ssrc, floor.granted(now))]
    burst.priority = talker.priority
    floor.count_change()
    return [Send(talker.ssrc, floor.granted(now)), Announce(floor.announcement(), besides=talker.ssrc)]


def leave_queue(floor: Floor, now: float, sender: Request) -> list[Effect]:
    floor.queue.leave(sender.ssrc)
    return tell_state(floor, now, sender)


def tell_state(floor: Floor, now: float, sender: Request) -> list[Effect]:
    """For a late joiner, and for one whose client missed the state and goes on asking."""
    if floor.talker_ssrc != sender.ssrc:
        return [Send(sender.ssrc, floor.announcement())]
    if floor.state is State.PENDING_REVOKE:
        return [Send(sender.ssrc, floor.messages.revoke(floor.present_burst))]
    return [Send(sender.ssrc, floor.granted(now))]


def tell_position(floor: Floor, _now: float, asker: Request) -> list[Effect]:
    return [Send(asker.ssrc, floor.messages.position(floor.queue, asker))]


def tell_condition(floor: Floor, now: float, _nobody: Request) -> list[Effect]:
    """Emergency or imminent peril of the group began or ended: the state of the floor is told anew, and says so."""
    floor.count_change()
    talker = floor.talker_ssrc
    told: list[Effect] = [] if talker is None else tell_state(floor, now, NOBODY._replace(ssrc=talker))
    return [*told, Announce(floor.announcement(), besides=talker)]


def stop_repeating_grant(floor: Floor, now: float, _talker: Request) -> list[Effect]:
    floor.note_answer(now)
    return []


# Ends of a burst and of a call


def end_released(floor: Floor, now: float, talker: Request) -> list[Effect]:
    """Who lets go of the key waits no longer either (a request in the grace of a revoke is queued)."""
    floor.queue.leave(talker.ssrc)
    return _end_burst(floor, now, BurstEnd.RELEASED)


def end_silent(floor: Floor, now: float, _nobody: Request) -> list[Effect]:
    return _end_burst(floor, now, BurstEnd.END_OF_RTP)


def end_left(floor: Floor, now: float, _nobody: Request) -> list[Effect]:
    return _end_burst(floor, now, BurstEnd.LEFT)


def end_revoked(floor: Floor, now: float, _nobody: Request) -> list[Effect]:
    return _end_burst(floor, now, floor.present_burst.revoked_end)


def revoke_too_long(floor: Floor, now: float, _nobody: Request) -> list[Effect]:
    return _revoke(floor, now, RevokeCause.BURST_TOO_LONG)


def revoke_by_dispatcher(floor: Floor, now: float, _nobody: Request) -> list[Effect]:
    return _revoke(floor, now, RevokeCause.NO_PERMISSION_TO_SEND)


def end_call(floor: Floor, _now: float, _nobody: Request) -> list[Effect]:
    """Hang time is over, or the last participant left, in the midst of a burst perhaps. Nobody waits."""
    burst, floor.burst = floor.burst, None
    floor.enter(State.START_STOP, {})
    ended: list[Effect] = [BurstEnded(burst.talker_ssrc, burst.ssrc, BurstEnd.LEFT)] if burst else []
    return [*ended, CallEnded()]


# Repetitions


def repeat_grant(floor: Floor, now: float, _nobody: Request) -> list[Effect]:
    """T20: a grant out of the queue that nobody answers is withdrawn when C20 is used up."""
    burst = floor.present_burst
    if not burst.grants_left:
        return _end_burst(floor, now, BurstEnd.NOT_ANSWERED)
    burst.grants_left -= 1
    floor.deadlines[Event.T20] = now + floor.settings.t20_floor_granted_s
    return [Send(burst.talker_ssrc, floor.granted(now))]


def repeat_taken(floor: Floor, now: float, _nobody: Request) -> list[Effect]:
    floor.deadlines[Event.TAKEN_REPEAT] = now + floor.settings.taken_repeat_s
    return [Announce(floor.announcement(), besides=floor.talker_ssrc)]


def repeat_revoke(floor: Floor, now: float, _nobody: Request) -> list[Effect]:
    burst = floor.present_burst
    floor.deadlines[Event.T8] = now + floor.settings.t8_floor_revoke_s
    return [Send(burst.talker_ssrc, floor.messages.revoke(burst))]


def repeat_idle(floor: Floor, now: float, _nobody: Request) -> list[Effect]:
    """T7, at most C7 times."""
    floor.idles_left -= 1
    _start_t7(floor, now)
    return [Announce(floor.announcement())]


# Steps that procedures share


def _grant(floor: Floor, now: float, asker: Request, repeats: int | None) -> list[Effect]:
    """Enters 'G: Floor Taken'. `repeats` is C20 for a grant out of the queue, else None."""
    settings = floor.settings
    burst = Burst(asker.ssrc, floor.draw_ssrc(), asker.priority, now + settings.t2_stop_talking_s, repeats)
    floor.burst = burst
    floor.media_at = NEVER
    floor.count_change()
    first = (
        {Event.T20: now + settings.t20_floor_granted_s}
        if burst.unanswered
        else {Event.T1: now + settings.t1_end_of_rtp_s}
    )
    repeat_at = now + settings.taken_repeat_s
    floor.enter(State.FLOOR_TAKEN, first | {Event.T2: burst.stops_at, Event.TAKEN_REPEAT: repeat_at})
    return [
        BurstStarted(asker.ssrc, burst.ssrc),
        Send(asker.ssrc, floor.granted(now)),
        Announce(floor.announcement(), besides=asker.ssrc),
    ]


def _revoke(floor: Floor, now: float, cause: RevokeCause) -> list[Effect]:
    """Enters 'G: pending Floor Revoke'; with a grace of 0 (audio cut-in) passes through it at once."""
    burst, settings = floor.present_burst, floor.settings
    burst.revoke_cause = cause
    revoke: list[Effect] = [Send(burst.talker_ssrc, floor.messages.revoke(burst))]
    if settings.t3_grace_s == 0:
        return revoke + _end_burst(floor, now, burst.revoked_end)
    grace = {Event.T3: now + settings.t3_grace_s, Event.T8: now + settings.t8_floor_revoke_s}
    floor.enter(State.PENDING_REVOKE, grace | {Event.TAKEN_REPEAT: floor.deadlines.get(Event.TAKEN_REPEAT, now)})
    return revoke


def _end_burst(floor: Floor, now: float, reason: BurstEnd) -> list[Effect]:
    """The next in the queue talks, else the floor is idle."""
    burst, floor.burst = floor.present_burst, None
    ended = BurstEnded(burst.talker_ssrc, burst.ssrc, reason)
    following = floor.queue.pop()
    if following is None:
        return [ended, *_go_idle(floor, now)]
    return [ended, *_grant(floor, now, following, repeats=floor.settings.c20_floor_granted)]


def _go_idle(floor: Floor, now: float) -> list[Effect]:
    """Enters 'G: Floor Idle'."""
    floor.count_change()
    floor.idles_left = floor.settings.c7_floor_idle
    floor.enter(State.FLOOR_IDLE, {Event.T4: now + floor.settings.t4_inactivity_s})
    _start_t7(floor, now)
    return [Announce(floor.announcement())]


def _start_t7(floor: Floor, now: float) -> None:
    if floor.idles_left:
        floor.deadlines[Event.T7] = now + floor.settings.t7_floor_idle_s
    else:
        floor.deadlines.pop(Event.T7, None)


def _deny(floor: Floor, asker: Request, cause: DenyCause) -> list[Effect]:
    return [Send(asker.ssrc, floor.messages.deny(cause))]
