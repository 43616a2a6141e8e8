"""Shredding: a subject's key is destroyed with all that is the subject's own, and its traces in what others share.

What is sealed becomes unreadable with the key (store/vault.py). Rows that are about the subject alone go. Rows that are
others' too (a call, a talk burst) stay without it: no dead reference is left in them by which they could be joined.
Entries of the audit log keep theirs, since they are a chain: it leads nowhere once the key is gone.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Table, Text, bindparam, delete, select, type_coerce, update

from pttserver.crypto.sealing import NONCE_BYTES
from pttserver.errors import SealBroken
from pttserver.ids import TenantId
from pttserver.store.alert_schema import alert_notes, alert_points, alert_steps, alerts
from pttserver.store.governance_schema import subjects, tenant_keys
from pttserver.store.location_schema import positions
from pttserver.store.message_schema import attachments, deliveries, messages
from pttserver.store.schema import bursts, call_participants, calls, takeovers, tenants
from pttserver.store.vault import Vault

OWN: Final = (
    call_participants.c.subject,
    takeovers.c.subject,
    alert_notes.c.subject,
    alert_points.c.subject,
    alert_steps.c.subject,
    alerts.c.subject,
    messages.c.subject,
    deliveries.c.subject,
    attachments.c.subject,
    positions.c.subject,
)
"""Whose row it is: the row goes with the subject."""

SHARED: Final = {
    calls.c.initiator: ("initiator", "initiator_address"),
    bursts.c.subject: ("subject",),
    alert_steps.c.actor: ("actor",),
}
"""The row stays, without these columns."""
_AT_ONCE: Final = 500  # SQLite takes 32,766 values in a statement


def shred(sql: Connection, vault: Vault, subject_id: str) -> bool:
    """Within the caller's transaction; `prove` (store/erasures.py) tells when no file holds the key any more.

    False: there is no such subject, or it was shredded before.
    """
    names = names_of(sql, vault, subject_id)
    if names:
        _forget(sql, names)
    return vault.destroy(sql, subject_id)


def names_of(sql: Connection, vault: Vault, subject_id: str) -> Sequence[str]:
    """What names the subject in records."""
    try:
        keys = vault.subject(sql, subject_id)
    except SealBroken:  # nobody can read it, nor tell which records were its: destroying it is all that can be done
        return ()
    return () if keys is None else keys.references()


def shred_tenant(sql: Connection, tenant_id: TenantId) -> bool:
    """The tenant with its key, its subjects' keys, and all that belongs to it. False: there was none."""
    return sql.execute(delete(tenants).where(tenants.c.id == tenant_id)).rowcount > 0


def shred_strangers(sql: Connection, vault: Vault, tenant_id: TenantId) -> int:
    """What names somebody who has no key, as a database that was restored does; gives how many names those were.

    Nothing tells any more which names were whose, so all go that are nobody's who is there. Raises SealBroken.
    """
    known = {name for keys in vault.of_tenant(sql, tenant_id) for name in keys.references()}
    strangers = sorted(_named(sql, tenant_id) - known)
    for start in range(0, len(strangers), _AT_ONCE):
        _forget(sql, strangers[start : start + _AT_ONCE])
    return len(strangers)


def _named(sql: Connection, tenant_id: TenantId) -> set[str]:
    found = set[str]()
    for column in (*OWN, *SHARED):
        name = type_coerce(column, Text)
        query = select(name).distinct().where(column.table.c.tenant_id == tenant_id, column.is_not(None))
        found.update(sql.scalars(query))
    return found


def _forget(sql: Connection, names: Sequence[str]) -> None:
    for statement in _forgetting(OWN):
        sql.execute(statement, {"names": names})


@cache
def _forgetting(own: tuple[Column[Any], ...]) -> list[Any]:
    """The statements, made once."""
    names = bindparam("names", type_=Text, expanding=True)
    return [
        update(table).where(theirs).values(dict.fromkeys(blanked)) if blanked else delete(table).where(theirs)
        for table, theirs, blanked in gone_with(names, own)
    ]


def gone_with(names: Any, own: Sequence[Column[Any]]) -> Iterator[tuple[Table, ColumnElement[bool], tuple[str, ...]]]:
    """Which rows go with whom the names stand for, or lose which columns.

    First the deliveries of what the subject said, which nobody can read any more.
    """
    said = select(messages.c.id).where(messages.c.subject.in_(names))
    yield deliveries, deliveries.c.message_id.in_(said), ()
    for column in own:
        yield column.table, column.in_(names), ()
    for column, blanked in SHARED.items():
        yield column.table, column.in_(names), blanked


def subject_trace(sql: Connection, subject_id: str) -> bytes | None:
    """The first octets of the wrapped key as it lies in the files: random, and no secret. None: there is none."""
    return _trace(sql.scalar(select(subjects.c.wrapped).where(subjects.c.id == subject_id)))


def tenant_trace(sql: Connection, tenant_id: TenantId) -> bytes | None:
    """The same of a tenant's key."""
    return _trace(sql.scalar(select(tenant_keys.c.wrapped).where(tenant_keys.c.tenant_id == tenant_id)))


def _trace(wrapped: bytes | None) -> bytes | None:
    return None if wrapped is None else wrapped[:NONCE_BYTES]
