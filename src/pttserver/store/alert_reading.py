"""Alerts that are read: their rows opened with the keys of their tenant, without what must not be served any more."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select

from pttserver.ids import AlertId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.location_admission import place_no_finer
from pttserver.privacy.purposes import Purpose
from pttserver.store.alert_schema import alert_notes, alert_steps
from pttserver.store.columns import Reference
from pttserver.store.schema import subscribers
from pttserver.store.vault import SubjectVault, Vault

Names = Mapping[str, SubjectVault]
_STEP = alert_steps.c
_WITH_NOTES = (
    select(alert_steps, alert_notes.c.text)
    .outerjoin(alert_notes, (alert_notes.c.alert_id == _STEP.alert_id) & (alert_notes.c.number == _STEP.number))
    .order_by(_STEP.number)
)
_NAMED = select(subscribers.c.display_name, subscribers.c.created_ms)


@dataclass(frozen=True, slots=True)
class StoredStep:
    """A step that was read. `who` None: the server, or somebody who was erased since.

    `name`: of that person, where it is read to be shown.
    """

    number: int
    kind: str
    at_ms: int
    who: SubscriberId | None
    note: Personal | None
    name: Personal | None = None


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert that was read. `position`: decimal degrees."""

    alert_id: AlertId
    tenant_id: TenantId
    raiser_id: SubscriberId
    raiser_name: Personal | None
    drill: bool
    position: Personal | None
    raised_ms: int
    closed_ms: int | None
    steps: tuple[StoredStep, ...]


class AlertReading:
    """Opens rows with the keys of their tenant. `cutoffs`: what must not be served is left out; None: nothing is."""

    def __init__(self, sql: Connection, vault: Vault, cutoffs: Cutoffs | None = None) -> None:
        self._sql = sql
        self._vault = vault
        self._cutoffs = cutoffs
        self._tenants: dict[TenantId, Names] = {}
        self._shown: dict[str, Personal | None] = {}

    def alerts(self, query: Select[Any], limit: int | None = None) -> list[StoredAlert]:
        found = []
        for row in self._sql.execute(query).all():
            keys = self.keys(row.tenant_id, row.subject)
            if keys is None or self.is_hidden(row.raised_ms, keys.subject_id):
                continue
            found.append(self._alert(row, keys, self._steps(row, keys)))
            if len(found) == limit:
                break
        return found

    def is_hidden(self, recorded_ms: int, raiser_id: str, category: Category = Category.ALERT) -> bool:
        if self._cutoffs is None:
            return False
        return self._cutoffs.is_hidden(category, recorded_ms, raiser_id, purpose=Purpose.SAFETY)

    def _alert(self, row: Any, keys: SubjectVault, steps: Iterable[StoredStep]) -> StoredAlert:
        shown = not self.is_hidden(row.raised_ms, keys.subject_id, Category.LOCATION)
        return StoredAlert(
            alert_id=AlertId(row.id),
            tenant_id=TenantId(row.tenant_id),
            raiser_id=SubscriberId(keys.subject_id),
            raiser_name=self.name(keys),
            drill=row.drill,
            position=self._place(keys.shown_text(row.position)) if shown else None,
            raised_ms=row.raised_ms,
            closed_ms=row.closed_ms,
            steps=tuple(steps),
        )

    def _place(self, stored: Personal | None) -> Personal | None:
        """No finer than the policy of now lets it be."""
        if stored is None or self._cutoffs is None:
            return stored
        return Personal(place_no_finer(stored.reveal(), self._cutoffs.policy.location.precision_m))

    def _steps(self, row: Any, raiser: SubjectVault) -> Iterable[StoredStep]:
        for step in self._sql.execute(_WITH_NOTES.where(_STEP.alert_id == row.id)):
            who = self.keys(row.tenant_id, step.actor) if step.actor is not None else None
            named = SubscriberId(who.subject_id) if who else None
            name = self.name(who) if who and self._cutoffs is not None else None
            yield StoredStep(step.number, step.kind, step.at_ms, named, raiser.text(step.text), name)

    def name(self, keys: SubjectVault) -> Personal | None:
        """Display name of a subscriber; None: there is none that is to be shown."""
        who = keys.subject_id
        if who not in self._shown:
            row = self._sql.execute(_NAMED.where(subscribers.c.id == who)).first()
            shown = row is not None and not self._is_nameless(who, row.created_ms)
            self._shown[who] = keys.shown_text(row.display_name) if row is not None and shown else None
        return self._shown[who]

    def _is_nameless(self, who: str, created_ms: int) -> bool:
        """The name must not be shown any more, or the account is over, whether or not it was swept yet."""
        if self._cutoffs is None:
            return False
        gone_ms = self._cutoffs.gone(self._cutoffs.account, who)
        is_over = gone_ms is not None and created_ms <= gone_ms
        return is_over or self._cutoffs.is_hidden(Category.SUBSCRIBER_NAME, created_ms, who)

    def keys(self, tenant_id: TenantId, name: Reference | None) -> SubjectVault | None:
        """Whom the reference means. Debriefing (with cut-offs) follows no pseudonym, and shows nobody restricted."""
        if name is None:
            return None
        if tenant_id not in self._tenants:
            self._tenants[tenant_id] = self._names(tenant_id)
        return self._tenants[tenant_id].get(name.text)

    def _names(self, tenant_id: TenantId) -> Names:
        known = self._vault.of_tenant(self._sql, tenant_id)
        if self._cutoffs is None:
            return {name: keys for keys in known for name in keys.references()}
        return {keys.reference(): keys for keys in known if not keys.restricted}
