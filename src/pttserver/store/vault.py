"""The vault: opens and seals personal values with the keys of their subjects, within the caller's transaction.

Keys are read where the values are, in the same transaction, and kept nowhere else: a subject whose key is gone can be
neither written nor read from the next transaction on, in every process.
"""

from collections.abc import Callable, Collection, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

from sqlalchemy import Connection, FromClause, bindparam, delete, insert, select, update

from pttserver.crypto.sealing import MasterKey, SubjectKey, TenantKey, Value
from pttserver.errors import MasterKeyMissing, NotFound, SealBroken
from pttserver.ids import Personal, TenantId
from pttserver.privacy.categories import Category, about
from pttserver.privacy.forms import FORM_BYTES, FORMED, PSEUDONYM, UNKNOWN, WHOLE, is_cut
from pttserver.privacy.released import Released
from pttserver.store.columns import Reference, Sealed
from pttserver.store.confidential import ConfidentialVault
from pttserver.store.governance_schema import subjects, tenant_keys

T = TypeVar("T")

KEY_COLUMNS = (
    subjects.c.id.label("key_subject"),
    subjects.c.tenant_id.label("key_tenant"),
    subjects.c.wrapped.label("key_wrapped"),
    subjects.c.restricted_ms.label("key_restricted_ms"),
    tenant_keys.c.master_id.label("key_master"),
    tenant_keys.c.wrapped.label("key_tenant_wrapped"),
)
"""Select these beside the sealed columns of a subject, joined by `with_keys`, and hand the row to `Vault.keys`."""

FOLLOWED, UNFOLLOWED = "ref_", "psr_"
"""How references begin: look-ups follow the one, and under a pseudonymising policy nothing follows the other."""
HISTORY = "history"
AUDIT = "audit"
_REMEMBERED_TENANTS = 1024
_NOBODY = "nobody"
_OF_SUBJECT = select(*KEY_COLUMNS).join(tenant_keys, tenant_keys.c.tenant_id == subjects.c.tenant_id)
_BY_ID = _OF_SUBJECT.where(subjects.c.id == bindparam("subject"))  # made once: it is in almost every transaction
_BY_IDS = _OF_SUBJECT.where(subjects.c.id.in_(bindparam("some", expanding=True)))
_OF_TENANT = _OF_SUBJECT.where(subjects.c.tenant_id == bindparam("tenant"))
_TENANT_KEY = select(tenant_keys).where(tenant_keys.c.tenant_id == bindparam("tenant"))


def with_keys(table: FromClause, subject_id: Any) -> FromClause:
    """`table` joined with the keys of the subject that `subject_id` (a column of it) names."""
    joined: FromClause = table.join(subjects, subjects.c.id == subject_id)
    return joined.join(tenant_keys, tenant_keys.c.tenant_id == subjects.c.tenant_id)


class SubjectVault:
    """What one subject's key opens and seals. Of a restricted subject (GDPR Art. 18) nothing new is recorded."""

    __slots__ = ("_key", "restricted", "subject_id")

    def __init__(self, subject_id: str, key: SubjectKey, restricted: bool = False) -> None:
        self.subject_id = subject_id
        self.restricted = restricted
        self._key = key

    def seal(self, released: Released | None) -> Sealed | None:
        """None stays None: the gate let nothing through."""
        if released is None or not self._takes(released):
            return None
        category, value, form = released.category, released.value, released.form
        kept = self._key.pseudonym(value, category.value) if form == PSEUDONYM else value
        return _sealed(self._key, category, kept, form)

    def refer(self, released: Released | None, area: str = HISTORY) -> Reference | None:
        """The subject's name in the records; under a pseudonymising policy one that no look-up follows."""
        if released is None or not self._takes(released):
            return None
        name = self._pseudonym(area) if released.form == PSEUDONYM else self.reference(area)
        return Reference(released.category, name)

    def reference(self, area: str = HISTORY) -> str:
        return self._key.reference(area)

    def _pseudonym(self, area: str) -> str:
        return self._key.reference(f"{area}/pseudonym").replace(FOLLOWED, UNFOLLOWED)

    def references(self, area: str = HISTORY) -> tuple[str, ...]:
        """All names that the subject may go by there: earlier policies may have pseudonymised it, or not."""
        unmarked = self._key.reference(f"{area}/pseudonym")  # as versions before wrote it
        return self.reference(area), self._pseudonym(area), unmarked

    def open(self, sealed: Sealed) -> Value:
        """Raises SealBroken."""
        form, octets = _parted(sealed)
        return self._key.open(octets, _context(sealed.category, form))

    def is_cut(self, sealed: Sealed) -> bool:
        """Whether only a part of the value is kept."""
        return is_cut(_parted(sealed)[0])

    def stands_for(self, sealed: Sealed, texts: Collection[str]) -> bool:
        """Whether no more than a pseudonym of one of the texts is kept, or than its beginning. Raises SealBroken."""
        kept = self.open(sealed)
        if not isinstance(kept, str):
            return False
        if self.is_cut(sealed):
            return any(text.startswith(kept) for text in texts)
        return kept in {self._key.pseudonym(text, sealed.category.value) for text in texts}

    def text(self, sealed: Sealed | None) -> Personal | None:
        """A text about a person. Raises SealBroken."""
        return None if sealed is None else Personal(_expect(self.open(sealed), str))

    def shown_text(self, sealed: Sealed | None) -> Personal | None:
        """The same, to be shown to others: None of a restricted subject. Raises SealBroken."""
        return None if self.restricted else self.text(sealed)

    def required_text(self, sealed: Sealed) -> str:
        """The same in clear. Raises SealBroken."""
        return _expect(self.open(sealed), str)

    def octets(self, sealed: Sealed | None) -> bytes | None:
        """Raises SealBroken."""
        return None if sealed is None else _expect(self.open(sealed), bytes)

    def _takes(self, released: Released) -> bool:
        if released.subject_id != self.subject_id:
            raise ValueError("released for another subject")
        if released.category is Category.AUDIT_LOG:  # what is done with restricted data must be answered for too
            return True
        return not (self.restricted and about(released.category).nature == "happening")


def _sealed(key: SubjectKey, category: Category, value: Value, form: bytes) -> Sealed:
    """A category of one form notes none."""
    if category not in FORMED:
        return Sealed(category, key.seal(value, category.value))
    return Sealed(category, form + key.seal(value, _context(category, form)))


def _parted(sealed: Sealed) -> tuple[bytes, bytes]:
    """Form, and what is encrypted."""
    if sealed.category not in FORMED:
        return UNKNOWN, sealed.octets
    return sealed.octets[:FORM_BYTES], sealed.octets[FORM_BYTES:]


def _context(category: Category, form: bytes) -> str:
    """A value opens with the form that it was sealed in only."""
    return category.value if form == UNKNOWN else f"{category.value}/{form.hex()}"


def _expect(value: Value, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise SealBroken
    return value


class Vault:
    """Works with the operator's master keys; `source` gives them, newest first, and is asked again for one unknown."""

    def __init__(self, source: Callable[[], Sequence[MasterKey]]) -> None:
        """Raises what `source` raises."""
        self._source = source
        self._tenants: dict[bytes, TenantKey] = {}
        self._nobody: SimpleNamespace | None
        self._load()

    def _load(self) -> None:
        masters = self._source()
        self.newest = masters[0]
        self._nobody = None  # its key is the newest's
        self._masters = {master.key_id: master for master in masters}

    @property
    def configured(self) -> set[str]:
        """Identifiers of the master keys that were there when it looked last."""
        return set(self._masters)

    # Keys --------------------------------------------------------------------------------------------------------

    def make_tenant(self, sql: Connection, tenant_id: TenantId, now_ms: int) -> None:
        """The tenant's key, and the subject that the tenant has for itself."""
        wrapped = self.newest.draw_tenant(tenant_id)
        sql.execute(insert(tenant_keys).values(tenant_id=tenant_id, master_id=self.newest.key_id, wrapped=wrapped))
        self.make_subject(sql, tenant_id, tenant_id, "tenant", now_ms)

    def make_subject(
        self, sql: Connection, tenant_id: TenantId, subject_id: str, kind: str, now_ms: int
    ) -> SubjectVault:
        """A subject with a fresh key. Raises NotFound if there is no such tenant."""
        tenant = self.tenant(sql, tenant_id)
        wrapped = tenant.draw_subject(subject_id)
        row = {"id": subject_id, "tenant_id": tenant_id, "wrapped": wrapped, "kind": kind, "created_ms": now_ms}
        sql.execute(insert(subjects), row)
        return SubjectVault(subject_id, tenant.subject(subject_id, wrapped))

    def destroy(self, sql: Connection, subject_id: str) -> bool:
        """The key, and by it all that is sealed; rows that are the subject's own go too. False: there was none."""
        return sql.execute(delete(subjects).where(subjects.c.id == subject_id)).rowcount > 0

    def check(self, sql: Connection) -> None:
        """Whether all of the database can be opened. Raises MasterKeyMissing."""
        for master_id in self.master_ids(sql):
            self._master(master_id)

    def master_ids(self, sql: Connection) -> set[str]:
        """Identifiers of the master keys that are needed."""
        return set(sql.scalars(select(tenant_keys.c.master_id).distinct()))

    def rewrap(self, sql: Connection) -> int:
        """Wraps every tenant's key with the newest master key; gives how many were not. No value is touched."""
        stale = select(tenant_keys).where(tenant_keys.c.master_id != self.newest.key_id)
        rows = sql.execute(stale).all()
        for row in rows:
            key = self._master(row.master_id).unwrap(row.tenant_id, row.wrapped)
            new = {"master_id": self.newest.key_id, "wrapped": self.newest.wrap(row.tenant_id, key)}
            sql.execute(update(tenant_keys).where(tenant_keys.c.tenant_id == row.tenant_id).values(new))
        return len(rows)

    # Looking up --------------------------------------------------------------------------------------------------

    def subject(self, sql: Connection, subject_id: str) -> SubjectVault | None:
        """None: there is no such subject, or it was erased."""
        row = sql.execute(_BY_ID, {"subject": subject_id}).first()
        return None if row is None else self.keys(row)

    def subject_of(self, sql: Connection, tenant_id: TenantId, subject_id: str) -> SubjectVault | None:
        """None: the tenant has no such subject, or it was erased."""
        row = sql.execute(_BY_ID, {"subject": subject_id}).first()
        return self.keys(row) if row is not None and row.key_tenant == tenant_id else None

    def existing(self, sql: Connection, subject_id: str) -> SubjectVault:
        """The same. Raises NotFound."""
        found = self.subject(sql, subject_id)
        if found is None:
            raise NotFound("the subject was removed in the meantime")
        return found

    def subjects(self, sql: Connection, subject_ids: Sequence[str]) -> dict[str, SubjectVault]:
        """Those of the subjects that exist."""
        found = sql.execute(_BY_IDS, {"some": subject_ids})
        return {row.key_subject: self.keys(row) for row in found}

    def of_tenant(self, sql: Connection, tenant_id: TenantId) -> list[SubjectVault]:
        """All subjects of a tenant."""
        return [self.keys(row) for row in sql.execute(_OF_TENANT, {"tenant": tenant_id})]

    def keys(self, row: Any) -> SubjectVault:
        """Of a row that was selected with KEY_COLUMNS. Raises SealBroken, MasterKeyMissing."""
        return SubjectVault(row.key_subject, self._key(row), restricted=row.key_restricted_ms is not None)

    def confidential(self, sql: Connection, tenant_id: TenantId) -> ConfidentialVault | None:
        """Of an organisation; None: there is no such organisation, or it was removed. Raises as `keys` does."""
        row = sql.execute(_BY_ID, {"subject": tenant_id}).first()
        return None if row is None or row.key_tenant != tenant_id else ConfidentialVault(self._key(row))

    def _key(self, row: Any) -> SubjectKey:
        tenant = self.open_tenant(row.key_tenant, row.key_master, row.key_tenant_wrapped)
        return tenant.subject(row.key_subject, row.key_wrapped)

    def nobody(self, **values: tuple[Category, Value]) -> Any:
        """A row of a subject that does not exist, with the sealed `values` that the first call names.

        To open it takes as long as to open somebody's: so time does not tell who exists.
        """
        if self._nobody is None:
            wrapped_tenant = self.newest.draw_tenant(_NOBODY)
            tenant = self.open_tenant(_NOBODY, self.newest.key_id, wrapped_tenant)
            wrapped = tenant.draw_subject(_NOBODY)
            key = tenant.subject(_NOBODY, wrapped)
            sealed = {name: _sealed(key, kind, value, WHOLE) for name, (kind, value) in values.items()}
            self._nobody = SimpleNamespace(
                key_subject=_NOBODY,
                key_tenant=_NOBODY,
                key_wrapped=wrapped,
                key_restricted_ms=None,
                key_master=self.newest.key_id,
                key_tenant_wrapped=wrapped_tenant,
                **sealed,
            )
        return self._nobody

    def tenant(self, sql: Connection, tenant_id: TenantId) -> TenantKey:
        """Raises NotFound if there is no such tenant, SealBroken, MasterKeyMissing."""
        row = sql.execute(_TENANT_KEY, {"tenant": tenant_id}).first()
        if row is None:
            raise NotFound("there is no such tenant")
        return self.open_tenant(row.tenant_id, row.master_id, row.wrapped)

    def identifier_index(self, sql: Connection, tenant_id: TenantId, identifier: str) -> bytes:
        """What an identifier is found by. Raises NotFound if there is no such tenant."""
        return self.tenant(sql, tenant_id).blind_index(identifier, Category.IDENTIFIER.value)

    def index_of(self, sql: Connection, tenant_id: TenantId, identifier: Released) -> bytes:
        """Of what may be kept of an identifier: of a part, if only a part is kept. Raises NotFound."""
        return self.identifier_index(sql, tenant_id, _expect(identifier.value, str))

    def open_tenant(self, tenant_id: str, master_id: str, wrapped: bytes) -> TenantKey:
        """Of a row of `tenant_keys`. Raises SealBroken, MasterKeyMissing."""
        known = self._tenants.get(wrapped)
        if known is None:
            master = self._master(master_id)
            if len(self._tenants) >= _REMEMBERED_TENANTS:
                self._tenants.clear()
            known = self._tenants[wrapped] = TenantKey(master.unwrap(tenant_id, wrapped))
        return known

    def _master(self, master_id: str) -> MasterKey:
        if master_id not in self._masters:
            self._load()  # it may have been rotated since
        if master_id not in self._masters:
            raise MasterKeyMissing(f"the database was sealed with master key {master_id}, which is not configured")
        return self._masters[master_id]
