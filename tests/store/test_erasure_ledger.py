"""The ledger of erasures: every change of it is found, and an unfinished line was never promised."""

import resource

import pytest

from pttserver.errors import LedgerBroken, StoreUnavailable
from pttserver.ids import TenantId
from pttserver.store.erasure_ledger import ErasureLedger, Line, subject_digest

TENANT = TenantId("ten_1")


def line_of(number):
    return Line("subject", TENANT, subject_digest(TENANT, f"sub_{number}"), bytes([number]) * 12)


@pytest.fixture
def ledger(tmp_path):
    ledger = ErasureLedger(tmp_path / "erasures.ledger")
    for number in range(4):
        ledger.append(number, [line_of(number)])
    return ledger


def test_what_was_appended_is_read(ledger):
    entries = ledger.entries()
    assert [(entry.number, entry.at_ms, entry.trace) for entry in entries] == [
        (number + 1, number, bytes([number]) * 12) for number in range(4)
    ]
    assert ledger.file.stat().st_mode & 0o777 == 0o600


def test_several_lines_at_once_are_a_chain_like_single_ones(ledger):
    written = ledger.append(9, [line_of(number) for number in (4, 5, 6)])
    assert ledger.entries()[4:] == written
    assert [entry.number for entry in written] == [5, 6, 7]


def test_it_names_nobody(ledger):
    assert b"sub_" not in ledger.file.read_bytes()


def test_no_file_is_an_empty_ledger(tmp_path):
    assert ErasureLedger(tmp_path / "none").entries() == []


def test_every_changed_octet_is_found(ledger):
    content = ledger.file.read_bytes()
    for place in range(len(content) - 1):  # without the last line end the last line is not finished
        changed = bytearray(content)
        changed[place] ^= 1
        ledger.file.write_bytes(changed)
        with pytest.raises(LedgerBroken):
            ledger.entries()


@pytest.mark.parametrize("change", ["remove", "swap", "repeat"])
def test_lines_that_were_removed_moved_or_repeated_are_found(ledger, change):
    lines = ledger.file.read_bytes().splitlines(keepends=True)
    changed = {
        "remove": lines[:1] + lines[2:],
        "swap": [lines[0], lines[2], lines[1], lines[3]],
        "repeat": [lines[0], lines[0], *lines[1:]],
    }[change]
    ledger.file.write_bytes(b"".join(changed))
    with pytest.raises(LedgerBroken, match="line 2"):
        ledger.entries()


def test_an_unfinished_line_is_cut_off_by_the_next(ledger):
    with open(ledger.file, "ab") as file:
        file.write(b'{"at_ms": 4, "digest": "')
    assert len(ledger.entries()) == 4
    ledger.append(5, [Line("tenant", TENANT, subject_digest(TENANT, TENANT), bytes(12))])
    assert [entry.kind for entry in ledger.entries()] == ["subject"] * 4 + ["tenant"]


def test_a_ledger_that_others_may_read_is_refused(ledger):
    ledger.file.chmod(0o644)
    with pytest.raises(StoreUnavailable, match="chmod 600"):
        ledger.entries()


def test_of_lines_that_do_not_all_find_room_none_is_left(ledger):
    """What was said not to be erased would be, by whoever reads the ledger next."""
    known = ledger.entries()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = ledger.file.stat().st_size + 3 * len(known[0].line())
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(StoreUnavailable, match="nothing was erased"):
            ledger.append(9, [line_of(number) for number in range(4, 12)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert ledger.entries() == known
    assert ledger.file.read_bytes().endswith(known[-1].line())
    assert [entry.number for entry in ledger.append(9, [line_of(4)])] == [len(known) + 1]
