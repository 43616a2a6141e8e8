"""The server's messages: what the conversations do not show."""

from pttserver.floor.burst import Burst
from pttserver.floor.messages import ServerMessages
from pttserver.floor.participant import Participant
from pttserver.floor.priority import EffectivePriority, Kind
from pttserver.floor.queue import FloorQueue, Request
from pttserver.wire.floor_control import QueueInfo

ORDINARY = EffectivePriority(Kind.ORDINARY, 7)


def test_the_duration_is_never_zero_nor_rounded_up_by_float_dust() -> None:
    burst = Burst(1, 2, ORDINARY, stops_at=1e6 + 30.0)
    assert burst.remaining_s(1e6) == 30
    assert burst.remaining_s(1e6 + 29.9) == 1
    assert burst.remaining_s(1e6 + 31.0) == 1


def test_a_place_that_does_not_fit_into_an_octet_is_told_as_unknown() -> None:
    queue = FloorQueue(253)
    for ssrc in range(1, 301):
        queue.join(Request(ssrc, EffectivePriority(Kind.EMERGENCY, 7)), overriding=True)
    messages = ServerMessages(9, queueing=True)
    assert messages.position(queue, Request(253, ORDINARY)).queue_info == QueueInfo(253, 7)
    assert messages.position(queue, Request(300, ORDINARY)).queue_info == QueueInfo(254, 7)


def test_an_empty_name_is_left_out() -> None:
    taken = ServerMessages(9, queueing=True).taken(Burst(1, 2, ORDINARY, 0.0), Participant(1, "sub_a"), 3)
    assert taken.functional_alias is None
    assert taken.granted_party == "sub_a"
