"""The register of requests of data subjects, kept in the organisation's audit log: received, due, how it ended and why.

A request is an entry about the person; what becomes of it are further entries, so it cannot be changed unseen, lasts as
long as the audit log does, and names nobody any more once the person's key is destroyed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pttserver.clock import Clock
from pttserver.errors import InvalidValue, NotFound, PolicyForbids
from pttserver.ids import TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.subject_requests import DISCLOSING, Outcome, RequestKind, deadline_ms
from pttserver.services.instructions import Instruction
from pttserver.services.policy_book import PolicyBook
from pttserver.services.rights import Rights
from pttserver.store.audit import AuditEntry, AuditLog

OPEN, EXTEND, CLOSE = "subject.request.open", "subject.request.extend", "subject.request.close"
OPERATIONS = frozenset({OPEN, EXTEND, CLOSE})


@dataclass(frozen=True, slots=True)
class SubjectRequest:
    """`number`: of its entry. `subject`: number of the person; None: its key was destroyed since.

    `identified`: how the person was, or empty. `outcome` None: it is open. `reason`: why it ended so, or was
    extended. How and why are gone with the person's key.
    """

    number: int
    subject: str | None
    kind: str
    received_ms: int
    due_ms: int
    extended: bool = False
    identified: str = ""
    outcome: str | None = None
    reason: str = ""
    closed_ms: int | None = None

    def is_overdue(self, now_ms: int) -> bool:
        """Not answered in time."""
        return (self.closed_ms or now_ms) > self.due_ms


class SubjectRequests:
    """Every method raises NotFound, PolicyMissing, StoreUnavailable."""

    def __init__(self, log: AuditLog, policies: PolicyBook, rights: Rights, clock: Clock) -> None:
        self._log = log
        self._policies = policies
        self._rights = rights
        self._clock = clock

    async def open(
        self,
        tenant_id: TenantId,
        subject: str,
        kind: RequestKind,
        received_ms: int | None,
        identified: str,
        by: Instruction,
    ) -> SubjectRequest:
        """Raises InvalidValue (received in the future), PolicyForbids (no audit log is kept)."""
        if not self._policies.gate(tenant_id).keeps(Category.AUDIT_LOG, Purpose.LEGAL_DUTY):
            raise PolicyForbids("the policy of the tenant keeps no audit log, so there is no register of requests")
        now_ms = self._clock.utc_ms()
        since_ms = now_ms if received_ms is None else received_ms
        if since_ms > now_ms:
            raise InvalidValue("a request cannot be received in the future")
        who = await self._rights.subject(tenant_id, subject)
        note = self._rights.note(OPEN, tenant_id, who.subject_id, by, kind=kind.value, received_ms=since_ms)
        await self._log.add(note.with_remarks(identified=identified))
        return max(await self.all(tenant_id), key=lambda one: one.number)

    async def extend(self, tenant_id: TenantId, number: int, by: Instruction) -> SubjectRequest:
        """By two months; the person must be told the reason. Raises InvalidValue if it was, or the month is over."""
        request = await self._open_one(tenant_id, number)
        if request.extended:
            raise InvalidValue("the request was extended already")
        if request.is_overdue(self._clock.utc_ms()):
            raise InvalidValue("the month in which the person must be told of an extension is over (Art. 12(3))")
        await self._log.add(self._rights.note(EXTEND, tenant_id, request.subject, by, request=number))
        return await self._one(tenant_id, number)

    async def close(
        self, tenant_id: TenantId, number: int, outcome: Outcome, identified: str, by: Instruction
    ) -> SubjectRequest:
        """Raises InvalidValue if something was to be disclosed to who was not identified.

        Of whom was erased in the meantime nothing is written but the outcome: no key is left that it could die with.
        """
        request = await self._open_one(tenant_id, number)
        if outcome in DISCLOSING and not (request.identified or identified):
            raise InvalidValue("say how the person was identified first (Art. 12(6)): --identified")
        note = self._rights.note(CLOSE, tenant_id, request.subject, by, request=number, outcome=outcome.value)
        await self._log.add(note.with_remarks(identified=identified) if request.subject else replace(note, remarks={}))
        return await self._one(tenant_id, number)

    async def all(self, tenant_id: TenantId) -> list[SubjectRequest]:
        """The one that is due first comes first, those that ended last."""
        over = self._policies.log_over(tenant_id, self._clock.utc_ms())
        entries = await self._log.entries(tenant_id, over, OPERATIONS)
        found = _requests(entries).values()
        return sorted(found, key=lambda one: (one.outcome is not None, one.due_ms, one.number))

    async def of_subject(self, tenant_id: TenantId, subject_id: str) -> list[SubjectRequest]:
        return [one for one in await self.all(tenant_id) if one.subject == subject_id]

    async def _one(self, tenant_id: TenantId, number: int) -> SubjectRequest:
        found = next((one for one in await self.all(tenant_id) if one.number == number), None)
        if found is None:
            raise NotFound("the tenant has no such request")
        return found

    async def _open_one(self, tenant_id: TenantId, number: int) -> SubjectRequest:
        request = await self._one(tenant_id, number)
        if request.outcome is not None:
            raise InvalidValue("the request is closed already")
        return request


def _requests(entries: Iterable[AuditEntry]) -> dict[int, SubjectRequest]:
    found: dict[int, SubjectRequest] = {}
    for entry in entries:
        said = entry.details
        request = found.get(int(said.get("request", 0)))
        if entry.operation == OPEN and said:
            received_ms = int(said["received_ms"])
            found[entry.sequence] = SubjectRequest(
                number=entry.sequence,
                subject=entry.subject,
                kind=str(said["kind"]),
                received_ms=received_ms,
                due_ms=deadline_ms(received_ms, extended=False),
                identified=_remark(entry, "identified"),
            )
        elif request is not None and entry.operation == EXTEND:
            due_ms = deadline_ms(request.received_ms, extended=True)
            found[request.number] = replace(request, extended=True, due_ms=due_ms, reason=_remark(entry, "reason"))
        elif request is not None:
            found[request.number] = replace(
                request,
                outcome=str(said["outcome"]),
                identified=_remark(entry, "identified") or request.identified,
                reason=_remark(entry, "reason"),
                closed_ms=entry.at_ms,
            )
    return found


def _remark(entry: AuditEntry, name: str) -> str:
    """Empty: the person's key was destroyed since, and with it what was written of the person."""
    return str(entry.details.get(name, ""))
