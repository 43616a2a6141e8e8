"""The table: complete where it must be, and the diagram drawn from it."""

from pttserver.floor.states import Event, State
from pttserver.floor.table import TABLE, mermaid


def test_every_state_has_its_rules_and_every_event_is_known_somewhere() -> None:
    assert set(TABLE) == set(State)
    assert {event for rules in TABLE.values() for event in rules} == set(Event)


def test_every_rule_leads_somewhere() -> None:
    assert all(rule.leads_to for rules in TABLE.values() for rule in rules.values())


def test_every_state_with_a_burst_can_lose_its_talker_and_its_last_participant() -> None:
    for state in (State.FLOOR_TAKEN, State.PENDING_REVOKE):
        assert {Event.TALKER_LEFT, Event.TALKER_RELEASE, Event.LAST_LEFT} <= set(TABLE[state])


def test_the_diagram_has_every_state_and_every_transition() -> None:
    diagram = mermaid().splitlines()
    assert diagram[0] == "stateDiagram-v2"
    assert '    state "G: pending Floor Revoke" as PENDING_REVOKE' in diagram
    assert "    FLOOR_TAKEN --> FLOOR_IDLE : T1 end of RTP / end silent" in diagram
    transitions = sum(len(rule.leads_to) for rules in TABLE.values() for rule in rules.values())
    assert len(diagram) == 1 + len(State) + 1 + transitions
