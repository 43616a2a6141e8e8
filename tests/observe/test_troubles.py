"""Background work that fails is told once, and again when it is another failure; one round is not told outside."""

from typing import Any

import pytest

from pttserver.errors import PttError, StoreUnavailable
from pttserver.observe import troubles as module
from pttserver.observe.troubles import Troubles, Work


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []

    class Log:
        def error(self, event: str, *, work: str, error: str = "", exc_info: Any = None) -> None:
            lines.append(f"{work}: {error or repr(exc_info)}")

        def info(self, event: str, *, work: str) -> None:
            lines.append(f"{work}: well")

    monkeypatch.setattr(module, "_log", Log())
    return lines


def bug(text: str) -> Exception:
    try:
        raise RuntimeError(text)
    except RuntimeError as error:
        return error


def test_the_same_failure_is_logged_once_and_its_end(told: list[str]) -> None:
    troubles = Troubles()
    troubles.went_well(Work.STANDING)
    for error in (*[StoreUnavailable("locked")] * 3, *[PttError("another")] * 2):
        troubles.failed(Work.STANDING, error)
    troubles.went_well(Work.STANDING)
    troubles.went_well(Work.STANDING)
    assert told == ["standing: locked", "standing: another", "standing: well"]


def test_a_bug_that_says_something_else_each_time_is_the_same_bug(told: list[str]) -> None:
    troubles = Troubles()
    for number in range(3):
        troubles.failed(Work.STANDING, bug(f"at {number}"))
    assert told == ["standing: RuntimeError('at 0')"]


def test_one_round_is_forgiven_where_the_next_may_go_well(told: list[str]) -> None:
    troubles = Troubles()
    for _ in range(2):
        troubles.failed(Work.STANDING, StoreUnavailable("locked"))
        assert troubles.reasons() == []
    troubles.failed(Work.STANDING, bug("and another failure is one more round"))
    assert troubles.reasons() == [Work.STANDING.reason]
    troubles.failed(Work.MASTER_KEYS, PttError())
    assert troubles.reasons() == [Work.MASTER_KEYS.reason, Work.STANDING.reason]
    assert dict(troubles.items()) == {"master_keys": 1, "standing": 1}
    troubles.went_well(Work.STANDING)
    assert dict(troubles.items()) == {"master_keys": 1, "standing": 0}
