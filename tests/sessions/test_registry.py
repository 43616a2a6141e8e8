"""The registry: one session for each subscriber, found by every name it has, gone with all of them."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pttserver.ids import DeviceId, GroupId, Personal, SsrcSequence, SubscriberId, TenantId
from pttserver.roles import Rights
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Identity, Session

people = st.integers(0, 4)
groups = st.integers(0, 2).map(lambda number: GroupId(f"grp_{number}"))


def identity(number: int) -> Identity:
    return Identity(
        tenant_id=TenantId("ten_1"), subscriber_id=SubscriberId(f"sub_{number}"), device_id=DeviceId(f"dev_{number}"),
        device_type=Personal(""), display_name=Personal("x"), rights=Rights(),
    )  # fmt: skip


class Registry(RuleBasedStateMachine):
    """T-032: whatever happens in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = SessionRegistry(SsrcSequence(1))
        self.living: dict[int, Session] = {}
        self.ssrcs: list[int] = []

    @rule(who=people)
    def log_in(self, who: int) -> None:
        if who in self.living:
            self.log_out(who)
        self.living[who] = self.registry.open(identity(who), 0)
        self.ssrcs.append(self.living[who].ssrc)

    @rule(who=people)
    def log_out(self, who: int) -> None:
        session = self.living.pop(who, None)
        if session is None:
            return
        for affiliation in list(session.affiliations.values()):
            self.registry.deaffiliate(affiliation)
        self.registry.close(session)
        self.registry.close(session)

    @rule(who=people, group=groups)
    def affiliate(self, who: int, group: GroupId) -> None:
        session = self.living.get(who)
        if session is not None and group not in session.affiliations:
            self.ssrcs.append(self.registry.affiliate(session, group, "name", 1, False).ssrc)

    @rule(who=people, group=groups)
    def deaffiliate(self, who: int, group: GroupId) -> None:
        session = self.living.get(who)
        if session is not None and group in session.affiliations:
            self.registry.deaffiliate(session.affiliations[group])

    @invariant()
    def finds_exactly_the_living(self) -> None:
        assert set(self.registry) == set(self.living.values())
        for who, session in self.living.items():
            assert self.registry.of_subscriber(SubscriberId(f"sub_{who}")) is session
            assert self.registry.get(session.id) is session
        expected = {s.ssrc: (s, None) for s in self.living.values()}
        expected |= {a.ssrc: (s, a) for s in self.living.values() for a in s.affiliations.values()}
        assert self.registry.rtcp_senders == expected

    @invariant()
    def no_ssrc_comes_twice(self) -> None:
        assert len(set(self.ssrcs)) == len(self.ssrcs)


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def test_a_subscriber_cannot_have_two_sessions() -> None:
    registry = SessionRegistry(SsrcSequence())
    registry.open(identity(1), 0)
    with pytest.raises(AssertionError):
        registry.open(identity(1), 0)


def test_sessions_that_were_not_seen_are_found_by_time() -> None:
    registry = SessionRegistry(SsrcSequence())
    old, new = registry.open(identity(1), 10), registry.open(identity(2), 20)
    assert registry.unseen_since(15) == [old]
    old.last_seen = 30
    assert registry.unseen_since(25) == [new]
    registry.close(new)
    assert registry.unseen_since(26) == []
    late = registry.open(identity(3), 40)
    assert registry.unseen_since(30) == []
    assert registry.unseen_since(31) == [old]
    old.last_seen = 50
    assert registry.unseen_since(45) == [late]
    registry.close(old)
    registry.close(late)
    assert registry.unseen_since(100) == []
    assert registry.unseen_since(200) == []


def test_ssrcs_never_repeat_and_are_never_zero() -> None:
    """T-008: a stride that visits all values; 0 means nobody."""
    sequence = SsrcSequence(0)
    drawn = [sequence.draw() for _ in range(100_000)]
    assert len(set(drawn)) == len(drawn)
    assert 0 not in drawn
