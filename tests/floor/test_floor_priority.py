"""Effective priority: who goes first, who overrides whom."""

import pytest

from pttserver.floor.participant import Participant
from pttserver.floor.priority import EffectivePriority, Kind, effective_priority
from pttserver.wire.floor_control import FloorIndicator, FloorMessage, MessageType

EMERGENCY, PERIL = FloorIndicator.EMERGENCY, FloorIndicator.IMMINENT_PERIL


def asked(indicator: FloorIndicator | None = None, priority: int | None = None) -> FloorMessage:
    return FloorMessage(type=MessageType.FLOOR_REQUEST, ssrc=1, floor_priority=priority, indicator=indicator)


@pytest.mark.parametrize(("asked_for", "number"), [(None, 100), (50, 50), (100, 100), (255, 100), (0, 0)])
def test_nobody_gets_more_than_is_provisioned(asked_for: int | None, number: int) -> None:
    participant = Participant(ssrc=1, user_id="sub_a", priority=100)
    assert effective_priority(participant, asked(priority=asked_for)).number == number


@pytest.mark.parametrize(
    ("chair", "may_preempt", "indicator", "kind"),
    [
        (False, True, None, Kind.ORDINARY),
        (False, True, FloorIndicator.NORMAL, Kind.ORDINARY),
        (True, True, FloorIndicator.NORMAL, Kind.CHAIR),
        (False, True, PERIL, Kind.IMMINENT_PERIL),
        (True, True, EMERGENCY, Kind.EMERGENCY),
        (False, True, EMERGENCY | PERIL, Kind.EMERGENCY),
        (False, False, EMERGENCY, Kind.ORDINARY),
        (True, False, PERIL, Kind.CHAIR),
    ],
)
def test_the_kind_comes_from_indicator_and_role(
    chair: bool, may_preempt: bool, indicator: FloorIndicator | None, kind: Kind
) -> None:
    participant = Participant(ssrc=1, user_id="sub_a", chair=chair, may_preempt=may_preempt)
    assert effective_priority(participant, asked(indicator)).kind is kind


def test_kind_outweighs_number() -> None:
    assert EffectivePriority(Kind.CHAIR, 0) > EffectivePriority(Kind.ORDINARY, 255)
    assert EffectivePriority(Kind.CHAIR, 2) > EffectivePriority(Kind.CHAIR, 1)


@pytest.mark.parametrize("asker", Kind)
@pytest.mark.parametrize("talker", Kind)
def test_a_pre_emptive_kind_overrides_a_strictly_lower_one(asker: Kind, talker: Kind) -> None:
    overrides = EffectivePriority(asker, 255).overrides(EffectivePriority(talker, 0))
    assert overrides is (asker in (Kind.IMMINENT_PERIL, Kind.EMERGENCY) and asker > talker)


def test_the_indicator_tells_the_call_type() -> None:
    told = [EffectivePriority(kind, 0).indicator for kind in Kind]
    assert told == [FloorIndicator.NORMAL, FloorIndicator.NORMAL, PERIL, EMERGENCY]
