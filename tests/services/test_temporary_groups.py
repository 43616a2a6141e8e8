"""Temporary groups: who their members are, and when they are gone."""

from typing import Any

import pytest

from pttserver.config import CallSettings
from pttserver.services.temporary_groups import Dissolution, GroupKind, TemporaryGroups
from pttserver.wire import signalling
from pttserver.wire.floor_control import FloorIndicator

TENANT, ANNA, BERT, CORA = "ten_1", "sub_00000000000000a1", "sub_00000000000000a2", "sub_00000000000000a3"


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds


class Ears:
    """Stands where `Telling` stands, and remembers."""

    def __init__(self) -> None:
        self.told: list[tuple[str, signalling.Message]] = []

    def tell(self, who: str, event: signalling.Message) -> bool:
        self.told.append((who, event))
        return True

    def tell_all(self, whom: Any, event: signalling.Message) -> set[str]:
        return {who for who in whom if self.tell(who, event)}


class House:
    def __init__(self, **settings: Any) -> None:
        self.clock, self.ears = Clock(), Ears()
        self.groups = TemporaryGroups(self.ears, self.clock, CallSettings(**settings))
        self.gone: list[tuple[str, Dissolution]] = []
        self.groups.on_dissolved.append(lambda group, reason: self.gone.append((group.group_id, reason)))

    def regroup(self, *members: str, **facts: Any) -> str:
        return self.groups.make(TENANT, ANNA, members, "Search", GroupKind.REGROUP, **facts)


def test_the_maker_and_those_it_names_are_members_and_nobody_else() -> None:
    house = House()
    group_id = house.regroup(BERT, priority=180)
    group = house.groups.get(group_id)
    assert (group.membership(ANNA).priority, group.membership(BERT).priority) == (180, 100)
    assert group.membership(CORA) is None
    assert [m.group_id for m in house.groups.memberships(BERT)] == [group_id]
    assert house.groups.memberships(CORA) == []
    assert house.groups.of_tenant("ten_2") == []


def test_members_of_a_regroup_are_told_of_it_and_those_of_a_call_hear_of_the_call_instead() -> None:
    house = House()
    group_id = house.regroup(BERT)
    assert {who for who, event in house.ears.told if event.group.group == group_id} == {ANNA, BERT}
    house.ears.told.clear()
    house.groups.make(TENANT, ANNA, [BERT], "Call", GroupKind.PRIVATE)
    assert house.ears.told == []


def test_where_only_one_talks_all_others_listen() -> None:
    house = House()
    group = house.groups.get(house.regroup(BERT, CORA, talker=BERT))
    assert [group.membership(who).listen_only for who in (ANNA, BERT, CORA)] == [True, False, True]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (GroupKind.REGROUP, FloorIndicator.TEMPORARY_GROUP),
        (GroupKind.BROADCAST, FloorIndicator.TEMPORARY_GROUP | FloorIndicator.BROADCAST_GROUP),
    ],
)
def test_the_floor_tells_what_the_group_is(kind: GroupKind, told: FloorIndicator) -> None:
    house = House()
    assert house.groups.get(house.groups.make(TENANT, ANNA, [BERT], "n", kind)).condition == told


def test_what_is_dissolved_is_nobodys_any_more_and_its_members_hear_why_once() -> None:
    house = House()
    group_id = house.regroup(BERT)
    house.ears.told.clear()
    assert house.groups.dissolve(group_id)
    assert not house.groups.dissolve(group_id)
    assert house.gone == [(group_id, Dissolution.DISSOLVED)]
    removed = signalling.GroupRemoved(group=group_id, reason="dissolved")
    assert house.ears.told == [(BERT, removed), (ANNA, removed)]
    assert (house.groups.get(group_id), house.groups.memberships(BERT), len(house.groups)) == (None, [], 0)


def test_a_group_in_which_nobody_talks_is_gone_in_time_and_voice_keeps_it() -> None:
    house = House(temporary_group_idle_s=1000)
    quiet, used = house.regroup(BERT), house.regroup(CORA)
    house.clock.seconds += 999
    house.groups.stirs(used)
    house.groups.expire()
    assert house.gone == []
    house.clock.seconds += 1
    house.groups.expire()
    assert house.gone == [(quiet, Dissolution.IDLE)]
    house.clock.seconds += 999
    house.groups.expire()
    assert house.gone[1:] == [(used, Dissolution.IDLE)]


@pytest.mark.parametrize("setting", [True, False])
def test_groups_go_with_their_maker_if_the_operator_wants_it(setting: bool) -> None:
    house = House(dissolve_with_maker=setting)
    group_id = house.regroup(BERT)
    house.groups.is_gone(BERT)
    assert house.gone == []
    house.groups.is_gone(ANNA)
    assert house.gone == ([(group_id, Dissolution.MAKER_GONE)] if setting else [])


def test_a_member_is_admitted_and_expelled_without_a_word() -> None:
    house = House()
    group_id = house.groups.make(TENANT, ANNA, [BERT], "Ambient listening", GroupKind.AMBIENT, talker=ANNA, duplex=True)
    house.groups.admit(group_id, CORA)
    group = house.groups.get(group_id)
    assert group.membership(CORA).listen_only
    assert house.groups.memberships(CORA) == []  # it stands in no list of groups
    assert not group.membership(ANNA).listen_only
    house.groups.expel(group_id, CORA)
    assert group.membership(CORA) is None
    assert house.ears.told == []
