"""Whom holds and restrictions spare: while they last, nothing that they cover is erased, or emptied.

What is restricted (GDPR Art. 18) is kept as if a hold of all categories were on the person. A hold of one person spares
what others have a part in too, as far as it is about that person: the call, the alert, the message.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from pttserver.ids import TenantId
from pttserver.privacy.categories import Category
from pttserver.store.holds import Hold, holds_on, restricted_subjects


@dataclass(frozen=True, slots=True)
class Sparing:
    """What lasts in a tenant at one moment."""

    holds: Sequence[Hold]
    restricted: frozenset[str]

    @classmethod
    def at(cls, sql: Connection, tenant_id: TenantId, now_ms: int) -> "Sparing":
        return cls(holds_on(sql, tenant_id, None, now_ms), restricted_subjects(sql, tenant_id))

    def of_everybody(self, touched: Collection[Category]) -> bool:
        """Whether a hold on the whole tenant covers any of the categories."""
        return any(hold.subject_id is None for hold in self._covering(touched))

    def whom(self, touched: Collection[Category]) -> frozenset[str]:
        """The subjects who are spared one by one; of no category: nobody."""
        if not touched:
            return frozenset()
        return self.restricted | {hold.subject_id for hold in self._covering(touched) if hold.subject_id}

    def _covering(self, touched: Collection[Category]) -> list[Hold]:
        return [hold for hold in self.holds if hold.category is None or hold.category in touched]
