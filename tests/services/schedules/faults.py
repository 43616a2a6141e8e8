"""Faults that schedules must find: each is a small one, at another place of the way of a value."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.location_admission import Admission, LocationState
from pttserver.privacy.retention import EventKind, Retention
from pttserver.roles import Rights
from pttserver.services import location_desk
from pttserver.services.locating import Locating
from pttserver.services.policy_book import PolicyBook
from pttserver.services.position_log import PositionLog
from pttserver.store import expiry, planner, positions, shredding
from pttserver.store.location_schema import positions as position_table
from pttserver.store.planner import Planner
from pttserver.store.schema import call_participants
from pttserver.store.sparing import Sparing

Fault = Callable[[pytest.MonkeyPatch], None]


def _moved(by_ms: int) -> Callable[..., int | None]:
    exact = Retention.gone_cutoff

    def gone_cutoff(self: Retention, now_ms: int, events: Any) -> int | None:
        cutoff_ms = exact(self, now_ms, events)
        return None if cutoff_ms is None else cutoff_ms + by_ms

    return gone_cutoff


def a_cutoff_that_is_a_millisecond_early(patch: pytest.MonkeyPatch) -> None:
    """So what is to go at this moment stays."""
    patch.setattr(Retention, "gone_cutoff", _moved(-1))


def a_cutoff_that_is_a_millisecond_late(patch: pytest.MonkeyPatch) -> None:
    """So what may stay for a millisecond more goes."""
    patch.setattr(Retention, "gone_cutoff", _moved(1))


def an_erasure_that_misses_positions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shredding, "OWN", tuple(each for each in shredding.OWN if each.table is not position_table))


def an_erasure_that_misses_participations(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shredding, "OWN", tuple(each for each in shredding.OWN if each.table is not call_participants))


def a_hold_that_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sparing, "_covering", lambda self, touched: [])


def a_hold_that_is_overlooked_in_the_calls_of_others(patch: pytest.MonkeyPatch) -> None:
    """A call goes that somebody took part in who is held and did not begin it."""
    exact = planner.old
    patch.setattr(planner, "old", lambda table, column, whom, *, shared: exact(table, column, whom))


def a_restriction_that_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    exact = Sparing.at
    patch.setattr(Sparing, "at", lambda *of: replace(exact(*of), restricted=frozenset()))


def a_sweep_that_skips_positions(patch: pytest.MonkeyPatch) -> None:
    exact = Planner.steps

    def steps(self: Planner) -> Any:
        return (step for step in exact(self) if step.table is not position_table)

    patch.setattr(Planner, "steps", steps)


def an_old_plan_that_is_carried_out(patch: pytest.MonkeyPatch) -> None:
    """Policies are read once and for all."""
    known: dict[str, str] = {}
    exact = expiry.text_in_force
    patch.setattr(expiry, "text_in_force", lambda sql, vault, who: known.setdefault(who, exact(sql, vault, who) or ""))


def what_is_hidden_is_served(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Cutoffs, "hidden", Cutoffs.gone)


def what_is_over_is_served_until_it_is_swept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Cutoffs, "hidden", lambda self, category, subject_id=None, extra="", purpose=None: None)


def a_gate_that_is_open(patch: pytest.MonkeyPatch) -> None:
    """Reports are taken whatever anybody said."""
    patch.setattr(Admission, "state", lambda self, now_ms: LocationState.ON)


def a_gate_that_asks_no_person(patch: pytest.MonkeyPatch) -> None:
    """A report is taken although the person switched location off."""
    exact = Admission.state

    def state(self: Admission, now_ms: int) -> LocationState:
        found = exact(self, now_ms)
        return LocationState.ON if found is LocationState.SWITCHED_OFF else found

    patch.setattr(Admission, "state", state)


def a_gate_that_asks_no_organisation(patch: pytest.MonkeyPatch) -> None:
    exact = Admission.state

    def state(self: Admission, now_ms: int) -> LocationState:
        found = exact(self, now_ms)
        return LocationState.ON if found is LocationState.OFF_FOR_SUBSCRIBER else found

    patch.setattr(Admission, "state", state)


def a_gate_that_is_open_off_duty(patch: pytest.MonkeyPatch) -> None:
    exact = Admission.state

    def state(self: Admission, now_ms: int) -> LocationState:
        found = exact(self, now_ms)
        return LocationState.ON if found is LocationState.OFF_DUTY else found

    patch.setattr(Admission, "state", state)


def what_waits_is_not_let_go(patch: pytest.MonkeyPatch) -> None:
    """Location went off between the report and its writing."""
    patch.setattr(PositionLog, "forget", lambda self, who: None)


def the_last_position_is_not_let_go(patch: pytest.MonkeyPatch) -> None:
    async def review(self: Locating) -> None:
        pass

    patch.setattr(Locating, "review", review)


def what_was_measured_while_it_was_off_is_taken(patch: pytest.MonkeyPatch) -> None:
    """Only what memory says counts."""
    patch.setattr(PolicyBook, "located_since_ms", lambda self, tenant_id, rights: 0)


def a_coarser_grid_that_leaves_what_is_stored_exact(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(location_desk, "no_finer", lambda position, precision_m: position)


def rights_are_not_looked_at_in_the_writing_transaction(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(positions, "rights_now", lambda sql, people: {who: Rights() for who in people})


def a_policy_is_not_looked_at_in_the_writing_transaction(patch: pytest.MonkeyPatch) -> None:
    exact = positions.Positions.write

    async def write(self: positions.Positions, taken: Sequence[positions.NewPosition]) -> list[int]:
        numbers = {each.tenant_id: each.policy_number for each in taken}
        patch.setattr(positions, "policy_numbers", lambda sql, tenants: numbers)
        return await exact(self, taken)

    patch.setattr(positions.Positions, "write", write)


SEARCHED: tuple[Fault, ...] = (
    a_cutoff_that_is_a_millisecond_early,
    a_cutoff_that_is_a_millisecond_late,
    an_erasure_that_misses_positions,
    an_erasure_that_misses_participations,
    a_hold_that_is_overlooked,
    an_old_plan_that_is_carried_out,
    what_is_over_is_served_until_it_is_swept,
    a_gate_that_is_open,
)
"""Found in the schedules that are drawn."""

_REPORT = ("report", "anna", 0)
SHOWN: dict[Fault, list[tuple[Any, ...]]] = {
    a_restriction_that_is_overlooked: [
        ("policy", 1, True),
        ("call", "anna"),
        ("restrict", "anna", True, True),
        ("until_over", 0),
    ],
    a_hold_that_is_overlooked_in_the_calls_of_others: [
        ("policy", 2, True),
        ("call", "anna"),
        ("hold", "bert", Category.CALL_RECORD),
        ("pass", 30 * 1440),
    ],
    a_sweep_that_skips_positions: [
        ("policy", 10, True),
        _REPORT,
        ("flush",),
        ("until_over", 0),
    ],
    a_gate_that_asks_no_organisation: [
        ("policy", 10, True),
        ("allow", "anna", False, True),
        _REPORT,
    ],
    a_gate_that_asks_no_person: [
        ("policy", 11, True),
        ("switch", "anna", False),
        _REPORT,
    ],
    a_gate_that_is_open_off_duty: [
        ("policy", 13, True),
        ("pass", 1440),
        _REPORT,
    ],
    what_is_hidden_is_served: [
        ("policy", 11, True),
        _REPORT,
        ("flush",),
        ("event", EventKind.DELETION_REQUESTED, "anna"),
        ("look",),
    ],
    what_waits_is_not_let_go: [
        ("policy", 11, True),
        _REPORT,
        ("switch", "anna", False),
        ("switch", "anna", True),
        ("flush",),
    ],
    the_last_position_is_not_let_go: [
        ("policy", 14, True),
        _REPORT,
        ("allow", "anna", False, True),
        ("allow", "anna", True, True),
        ("look",),
    ],
    rights_are_not_looked_at_in_the_writing_transaction: [
        ("policy", 10, True),
        _REPORT,
        ("allow", "anna", False, False),
        ("flush",),
    ],
    what_was_measured_while_it_was_off_is_taken: [
        ("policy", 10, True),
        ("allow", "anna", False, True),
        ("pass", 60),
        ("allow", "anna", True, True),
        ("report", "anna", 30),
    ],
    a_coarser_grid_that_leaves_what_is_stored_exact: [
        ("policy", 11, True),
        _REPORT,
        ("flush",),
        ("policy", 12, True),
        ("look",),
    ],
    a_policy_is_not_looked_at_in_the_writing_transaction: [
        ("policy", 10, True),
        _REPORT,
        ("policy", 14, False),
        ("flush",),
    ],
}
"""Each with a schedule that finds it: another check catches most of what it lets through, or it takes more actions."""
