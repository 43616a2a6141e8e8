"""The floor control server as a table: state x event -> procedure and the states that it may lead to."""

# Theory of operation
# ===================
#
# One machine per group, TS 24.380's 'general floor control operation' (§6.3.4). It has four states:
#
#   Start-stop                no call. The first grant starts one.
#   G: Floor Idle             a call, nobody talks. Runs T4 (hang time: at its end the call ends) and
#                             T7 (repeats Floor Idle).
#   G: Floor Taken            one participant, the talker, has a burst. Runs T2 (longest burst), and either
#                             T20 (the grant came out of the queue and is not answered yet) or T1 (voice
#                             must come).
#   G: pending Floor Revoke   the talker was told to stop and may still send for T3 (grace). Runs T3 and T8
#                             (repeats Floor Revoke).
#
# In the last two Floor Taken is repeated to all but the talker. So:
#
# - There is a burst in the last two states and in no other, and it has one talker: two holders cannot be
#   written down.
# - Requests wait in the last two states and in no other: whenever a burst ends, the next in the queue has
#   the floor in the same step (`_end_burst`), so an idle floor means an empty queue.
# - A talker leaves the floor by its own release, by silence (T1), by time (T2, then T3), by a more urgent
#   one or a dispatcher (T3), by leaving the group, or because it does not answer a grant (T20, C20). Each of
#   these is bounded by a timer that runs, so everyone who waits is answered.
#
# The standard keeps a second machine per participant (§6.3.5, the 'U:' states). Ours is derived: who is the
# talker of the burst, who is in the queue, and the state above tell it (`Floor.view_of`); there is nothing
# to keep in step.
#
# Events are messages seen with the floor in mind: "Floor Release of the talker" is another event than
# "Floor Release". What a message is, `arbiter.event_of` says; what is done about it, this table. An event
# that has no entry is discarded:
#
#   "If floor control messages or RTP media packets arrives in a state where there is no procedure specified
#   in the following clauses the floor control arbitration logic in the floor control server: 1. shall
#   discard the floor control message; [...] and 3. shall remain in the current state." (§6.3.4.1)
#
# A retransmission meets the same entry as its original and gets the same answer: a request of the talker
# Floor Granted, of one who waits its position, a release of one who does not talk the state of the floor.
#
# Where we differ from the standard, on purpose: RTP out of floor is dropped by its SSRC before the floor
# hears of it (no state 'U: not permitted but sends media'); T1 and T2 start with the grant, not with the
# first packet; a talker whose last listener leaves talks on (no Revoke cause 1: listeners come back).

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pttserver.floor import procedures as do
from pttserver.floor.effects import Effect
from pttserver.floor.floor import Floor
from pttserver.floor.queue import Request
from pttserver.floor.states import Event, State

Procedure = Callable[[Floor, float, Request], list[Effect]]


class Rule(NamedTuple):
    """What is done, and where that may lead; the arbiter holds the procedure to it."""

    procedure: Procedure
    leads_to: tuple[State, ...]


_START_STOP, _IDLE = State.START_STOP, State.FLOOR_IDLE
_TAKEN, _REVOKE = State.FLOOR_TAKEN, State.PENDING_REVOKE

TABLE: Mapping[State, Mapping[Event, Rule]] = {
    _START_STOP: {
        Event.REQUEST: Rule(do.grant_or_deny, (_TAKEN, _START_STOP)),
        Event.RELEASE: Rule(do.tell_state, (_START_STOP,)),
        Event.STALE_RELEASE: Rule(do.tell_state, (_START_STOP,)),
        Event.QUEUE_POSITION_REQUEST: Rule(do.tell_position, (_START_STOP,)),
        Event.CONDITION: Rule(do.tell_condition, (_START_STOP,)),
    },
    _IDLE: {
        Event.REQUEST: Rule(do.grant_or_deny, (_TAKEN, _IDLE)),
        Event.RELEASE: Rule(do.tell_state, (_IDLE,)),
        Event.STALE_RELEASE: Rule(do.tell_state, (_IDLE,)),
        Event.QUEUE_POSITION_REQUEST: Rule(do.tell_position, (_IDLE,)),
        Event.CONDITION: Rule(do.tell_condition, (_IDLE,)),
        Event.T7: Rule(do.repeat_idle, (_IDLE,)),
        Event.T4: Rule(do.end_call, (_START_STOP,)),
        Event.LAST_LEFT: Rule(do.end_call, (_START_STOP,)),
    },
    _TAKEN: {
        Event.REQUEST: Rule(do.queue_or_deny, (_TAKEN,)),
        Event.OVERRIDING_REQUEST: Rule(do.pre_empt, (_REVOKE, _TAKEN)),
        Event.TALKER_REQUEST: Rule(do.grant_again, (_TAKEN,)),
        Event.RELEASE: Rule(do.leave_queue, (_TAKEN,)),
        Event.STALE_RELEASE: Rule(do.tell_state, (_TAKEN,)),
        Event.TALKER_RELEASE: Rule(do.end_released, (_TAKEN, _IDLE)),
        Event.QUEUE_POSITION_REQUEST: Rule(do.tell_position, (_TAKEN,)),
        Event.TALKER_ACK: Rule(do.stop_repeating_grant, (_TAKEN,)),
        Event.TALKER_LEFT: Rule(do.end_left, (_TAKEN, _IDLE)),
        Event.DISPATCHER_REVOKE: Rule(do.revoke_by_dispatcher, (_REVOKE, _TAKEN, _IDLE)),
        Event.CONDITION: Rule(do.tell_condition, (_TAKEN,)),
        Event.T1: Rule(do.end_silent, (_TAKEN, _IDLE)),
        Event.T2: Rule(do.revoke_too_long, (_REVOKE, _TAKEN, _IDLE)),
        Event.T20: Rule(do.repeat_grant, (_TAKEN, _IDLE)),
        Event.TAKEN_REPEAT: Rule(do.repeat_taken, (_TAKEN,)),
        Event.LAST_LEFT: Rule(do.end_call, (_START_STOP,)),
    },
    _REVOKE: {
        Event.REQUEST: Rule(do.queue_or_deny, (_REVOKE,)),
        Event.TALKER_REQUEST: Rule(do.queue_or_deny, (_REVOKE,)),
        Event.RELEASE: Rule(do.leave_queue, (_REVOKE,)),
        Event.STALE_RELEASE: Rule(do.tell_state, (_REVOKE,)),
        Event.TALKER_RELEASE: Rule(do.end_released, (_TAKEN, _IDLE)),
        Event.QUEUE_POSITION_REQUEST: Rule(do.tell_position, (_REVOKE,)),
        Event.TALKER_LEFT: Rule(do.end_left, (_TAKEN, _IDLE)),
        Event.CONDITION: Rule(do.tell_condition, (_REVOKE,)),
        Event.T3: Rule(do.end_revoked, (_TAKEN, _IDLE)),
        Event.T8: Rule(do.repeat_revoke, (_REVOKE,)),
        Event.TAKEN_REPEAT: Rule(do.repeat_taken, (_REVOKE,)),
        Event.LAST_LEFT: Rule(do.end_call, (_START_STOP,)),
    },
}


def mermaid() -> str:
    """The table as a Mermaid state diagram; the label of an arrow is "event / procedure"."""
    names = [f'    state "{state.value}" as {state.name}' for state in State]
    arrows = [
        f"    {state.name} --> {target.name} : {event.value} / {rule.procedure.__name__.replace('_', ' ')}"
        for state, rules in TABLE.items()
        for event, rule in rules.items()
        for target in rule.leads_to
    ]
    return "\n".join(["stateDiagram-v2", *names, f"    [*] --> {State.START_STOP.name}", *arrows, ""])
