"""Data subjects in the database: who there is, and whose processing is restricted (GDPR Art. 18)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from pttserver.errors import InvalidValue, NotFound
from pttserver.ids import TenantId
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Check, Database
from pttserver.store.governance_schema import subjects
from pttserver.store.identifiers import PART, known_as
from pttserver.store.rights import locate_from
from pttserver.store.schema import subscribers

_SUBJECT = select(
    subjects.c.id, subjects.c.tenant_id, subjects.c.kind, subjects.c.restricted_ms, subjects.c.restriction
)

_PEOPLE = _SUBJECT.where(subjects.c.tenant_id == bindparam("tenant"), subjects.c.kind != "tenant").order_by(
    subjects.c.id
)


@dataclass(frozen=True, slots=True)
class Subject:
    """`kind`: subscriber, or other for somebody without an account. `restriction`: the reason, while it lasts."""

    subject_id: str
    tenant_id: TenantId
    kind: str
    restricted_ms: int | None
    restriction: str | None


class Subjects:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: TenantId, identifier_or_id: str) -> Subject | None:
        """A removed subscriber too, as long as something of it is held; whoever is there goes first.

        Raises InvalidValue if several are there who have the identifier, or of whom only its beginning is kept.
        """
        vault = self._database.vault

        def work(sql: Connection) -> Subject | None:
            known = known_as(sql, vault, tenant_id, identifier_or_id)
            named = subjects.c.id.in_(sorted(known | {identifier_or_id}))
            query = (
                _SUBJECT.outerjoin(subscribers, subscribers.c.id == subjects.c.id)
                .where(subjects.c.tenant_id == tenant_id, subjects.c.kind != "tenant", named)
                .order_by(subscribers.c.removed_ms.is_not(None), subscribers.c.created_ms.desc())
            )
            rows = sql.execute(query.add_columns(subscribers.c.removed_ms, PART.label("part"))).all()
            refuse_several(row.id for row in rows if row.removed_ms is None or row.part)
            return Subject(*rows[0][:-2]) if rows else None

        return await self._database.read(work)

    async def restrict(
        self, subject_id: str, restriction: str | None, note: AuditNote, first: Check | None = None
    ) -> None:
        """None lifts it. The trigger of `restricted_ms` tells the running server. `first`: see `Holds.add`.

        Raises NotFound.
        """
        since_ms = None if restriction is None else note.at_ms
        row = update(subjects).where(subjects.c.id == subject_id)

        def work(sql: Connection) -> None:
            if sql.execute(row.values(restricted_ms=since_ms, restriction=restriction)).rowcount == 0:
                raise NotFound("the subject was removed in the meantime")
            if restriction is None:
                locate_from(sql, subject_id, note.at_ms)

        await self._database.write(work, note=note, first=first)


def refuse_several(found: Iterable[str]) -> None:
    """Whom an identifier means must be clear. Raises InvalidValue that names the ids."""
    ids = sorted(found)
    if len(ids) > 1:
        raise InvalidValue(f"several have this identifier; give one of: {', '.join(ids)}")


def restricted(sql: Connection, subject_id: str) -> bool:
    """Whether what is held about the subject must be neither shown nor deleted."""
    query = select(subjects.c.id).where(subjects.c.id == subject_id, subjects.c.restricted_ms.is_not(None))
    return sql.execute(query).first() is not None


def subjects_of(sql: Connection, tenant_id: TenantId) -> list[Subject]:
    """All people of a tenant, the tenant itself left out."""
    return [Subject(*row) for row in sql.execute(_PEOPLE, {"tenant": tenant_id})]
