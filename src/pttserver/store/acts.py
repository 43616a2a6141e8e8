"""What somebody does to the data of a person: recorded in the audit log, in the transaction that does it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from pttserver.ids import Personal, TenantId
from pttserver.privacy.gate import Gate
from pttserver.store.audit import append
from pttserver.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Act:
    """`operation`: such as `subject.export`. `details` are about the operation, never values of the subject."""

    operation: str
    tenant_id: TenantId
    subject_id: str | None
    actor: Personal
    reason: Personal
    at_ms: int
    gate: Gate
    details: Mapping[str, str | int] = field(default_factory=dict)

    def record(self, sql: Connection, vault: Vault) -> None:
        """Raises NotFound if the tenant is gone."""
        append(
            sql,
            vault,
            self.gate,
            operation=self.operation,
            tenant_id=self.tenant_id,
            actor=self.actor,
            at_ms=self.at_ms,
            subject_id=self.subject_id,
            details={"reason": self.reason.reveal(), **self.details},
        )
