"""The audit log in pages: each is made of so many entries, however long the log is, and together they are all of it."""

import pytest

from pttserver.ids import Personal
from pttserver.store import audit_pages
from pttserver.store.audit import AuditLog
from pttserver.store.audit_chain import AuditNote
from pttserver.store.audit_pages import AuditFilter, AuditPages
from store.organisation import ANNA, BERT, GATE, TENANT

ALL = AuditFilter()


@pytest.fixture
async def log(acme, database, monkeypatch):
    """Ten entries, of which a page looks at four: even ones about Anna by Dora, odd ones about Bert by Mona."""
    monkeypatch.setattr(audit_pages, "LOOKED_AT_ONCE", 4)
    for number in range(1, 11):
        who, by = (ANNA, "Dora") if number % 2 == 0 else (BERT, "Mona")
        operation = "call.list" if number == 1 else "subscriber.show"
        await AuditLog(database).add(AuditNote(GATE, operation, TENANT, Personal(by), 100 * number, subject_id=who))
    return AuditPages(database)


async def all_of(log, wanted=ALL, limit=3, after_ms=None):
    pages, before = [], None
    while True:
        page = await log.page(TENANT, lambda _: after_ms, wanted, before, limit)
        pages.append([entry.sequence for entry in page.entries])
        before = page.further
        if before is None:
            return pages


async def test_all_pages_together_are_the_log_newest_first(log):
    assert await all_of(log) == [[10, 9, 8], [7, 6, 5], [4, 3, 2], [1]]
    assert await all_of(log, limit=50) == [[10, 9, 8, 7], [6, 5, 4, 3], [2, 1]]


@pytest.mark.parametrize(
    ("wanted", "pages"),
    [
        (AuditFilter(operation="call."), [[], [], [1]]),
        (AuditFilter(subject=ANNA), [[10, 8], [6, 4], [2]]),
        (AuditFilter(by="Mona"), [[9, 7], [5, 3], [1]]),
        (AuditFilter(from_ms=500, until_ms=800), [[8, 7], [6, 5], []]),
        (AuditFilter(subject="sub_ffffffffffffffff"), [[], [], []]),
    ],
    ids=["operation", "subject", "by", "time", "nobody"],
)
async def test_a_page_looks_at_so_many_whatever_is_wanted(log, wanted, pages):
    assert await all_of(log, wanted, limit=50) == pages


async def test_what_is_over_is_left_out(log):
    assert await all_of(log, limit=50, after_ms=800) == [[10, 9], [], []]


async def test_an_empty_log_has_one_empty_page(acme, database):
    page = await AuditPages(database).page(TENANT, lambda _: None, AuditFilter(), None, 10)
    assert (page.entries, page.further) == ((), None)
