"""Looks at the data of people: each is in the audit log, and the person can read it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Text, select, type_coerce

from pttserver.ids import Personal, SubscriberId, TenantId
from pttserver.privacy.cutoffs import Cutoff
from pttserver.store.audit_actors import display_names, names_of, read
from pttserver.store.audit_chain import AuditNote, append
from pttserver.store.database import Database
from pttserver.store.events import events_of
from pttserver.store.governance_schema import audit_entries, subjects
from pttserver.store.vault import AUDIT, Vault

LOOKS_AT_DATA = frozenset(
    {
        "alert.list",
        "alert.show",
        "audit.export",
        "audit.show",
        "call.list",
        "console.list",
        "device.list",
        "device.show",
        "dispatch.overview",
        "group.show",
        "hold.list",
        "policy.history",
        "subject.export",
        "subject.find",
        "subscriber.list",
        "subscriber.show",
    }
)
"""Operations that show data of a person, or of everybody in the organisation, but for positions."""
OPERATION = "location.look."
"""What the operations of looks begin with; the rest says how: `last`, `history`, `watch`, ..."""


@dataclass(frozen=True, slots=True)
class NotedLook:
    """`what`: the operation, of a look at a position its end. `who`: who looked; None: somebody whose key is gone.

    `actor`: the same for the same person, whatever it is called. `at_everybody`: at the people of the organisation
    together, of whom the person is one.
    """

    at_ms: int
    what: str
    who: Personal | None
    actor: Personal | None
    at_everybody: bool = False


class Looks:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, notes: Sequence[AuditNote]) -> set[str]:
        """Writes them in one transaction; gives the subjects that may be looked at.

        Not those who were erased in the meantime, nor those whose processing is restricted (GDPR Art. 18).
        """
        vault = self._database.vault

        def work(sql: Connection) -> set[str]:
            for note in notes:
                append(sql, vault, note)
            known = vault.subjects(sql, sorted({note.subject_id for note in notes if note.subject_id}))
            return {subject_id for subject_id, keys in known.items() if not keys.restricted}

        return await self._database.write(work)

    async def at(
        self, tenant_id: TenantId, subscriber_id: SubscriberId, cutoff_ms: Cutoff, limit: int
    ) -> list[NotedLook]:
        """At one person, newest first; what is over by the tenant's events is left out."""
        vault, entry = self._database.vault, audit_entries.c

        def work(sql: Connection) -> list[NotedLook]:
            mine, tenants = vault.subject(sql, subscriber_id), vault.existing(sql, tenant_id)
            if mine is None:
                return []
            about_me = type_coerce(entry.subject, Text).in_(mine.references(AUDIT))
            query = select(entry.at_ms, entry.operation, entry.actor).where(
                entry.tenant_id == tenant_id, about_me, entry.operation.startswith(OPERATION, autoescape=True)
            )
            after_ms = cutoff_ms(events_of(sql, tenant_id))
            if after_ms is not None:
                query = query.where(entry.at_ms > after_ms)
            newest = sql.execute(query.order_by(entry.sequence.desc()).limit(limit)).all()
            actors = [tenants.text(row.actor) for row in newest]
            return [
                NotedLook(row.at_ms, row.operation.removeprefix(OPERATION), who, actor)
                for row, actor, who in zip(newest, actors, _called(sql, vault, tenant_id, actors), strict=True)
            ]

        return await self._database.read(work)

    async def at_data_of(self, tenant_id: TenantId, subject_id: str, cutoff_ms: Cutoff) -> list[NotedLook]:
        """At all data of a person since there are any, newest first, positions too; what is over is left out."""
        vault, entry = self._database.vault, audit_entries.c

        def work(sql: Connection) -> list[NotedLook]:
            mine, tenants = vault.subject(sql, subject_id), vault.existing(sql, tenant_id)
            if mine is None:
                return []
            about_me = type_coerce(entry.subject, Text).in_(mine.references(AUDIT))
            after_ms = cutoff_ms(events_of(sql, tenant_id))
            looked = entry.operation.in_(LOOKS_AT_DATA) | entry.operation.startswith(OPERATION, autoescape=True)
            query = select(entry.at_ms, entry.operation, entry.actor, entry.subject).where(
                entry.tenant_id == tenant_id,
                looked,
                about_me | entry.subject.is_(None),
                entry.at_ms >= select(subjects.c.created_ms).where(subjects.c.id == subject_id).scalar_subquery(),
                *([entry.at_ms > after_ms] if after_ms is not None else []),
            )
            rows = sql.execute(query.order_by(entry.sequence.desc())).all()
            actors = [tenants.text(row.actor) for row in rows]
            return [
                NotedLook(row.at_ms, row.operation, who, actor, at_everybody=row.subject is None)
                for row, actor, who in zip(rows, actors, _called(sql, vault, tenant_id, actors), strict=True)
            ]

        return await self._database.read(work)


def _called(
    sql: Connection, vault: Vault, tenant_id: TenantId, actors: Sequence[Personal | None]
) -> list[Personal | None]:
    """Each by its display name as it is now, or else by its number; None: somebody whose key is gone."""
    names = names_of(sql, vault, tenant_id) if actors else {}
    numbers = [read(actor, names) for actor in actors]
    shown = display_names(sql, vault, {number.reveal() for number in numbers if number})
    return [shown.get(number.reveal(), number) if number else None for number in numbers]
