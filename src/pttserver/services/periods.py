"""What starts the periods of a policy, and what stops them: events of an organisation, and holds.

Each act is written into the audit log with who had it done and why: what it ends is erased, and cannot tell any more.
Every method raises NotFound for what does not exist, PolicyMissing if the tenant has no policy in force, and
StoreUnavailable if the database fails.
"""

from dataclasses import dataclass

from pttserver.clock import Clock
from pttserver.errors import InvalidValue, NotFound
from pttserver.ids import Personal, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoff
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released
from pttserver.privacy.retention import Event, EventKind
from pttserver.services.instructions import Instruction
from pttserver.services.policy_book import PolicyBook
from pttserver.services.provision import Provisioning
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.erasures import Erasures
from pttserver.store.events import RecordedEvent, RetentionEvents
from pttserver.store.holds import Hold, Holds, new_hold_id


@dataclass(frozen=True, slots=True)
class Ending:
    """What an event would do to what is recorded up to it. `gone_ms` None: it ends nothing of the category.

    `irrevocable_ms`: from when on it cannot be taken back.
    """

    category: Category
    keep: str
    irrevocable_ms: int | None
    gone_ms: int | None


class Periods:
    """Use cases of an operator."""

    def __init__(
        self,
        database: Database,
        policies: PolicyBook,
        provisioning: Provisioning,
        erasures: Erasures,
        clock: Clock,
    ) -> None:
        self._erasures = erasures
        self._events = RetentionEvents(database)
        self._holds = Holds(database)
        self._policies = policies
        self._provisioning = provisioning
        self._clock = clock

    async def endings(self, tenant: str, kind: EventKind, at_ms: int | None = None) -> list[Ending]:
        """What the event ends when, by category, for what is kept at all."""
        owner = await self._provisioning.tenant(tenant)
        policy, start_ms = self._policies.policy(owner.tenant_id), self._moment(at_ms)
        found = []
        for category in Category:
            rule = policy.rule(category)
            clause = rule.lasts.clause(kind)
            if rule.over_at_once:
                continue
            if clause is not None:
                times = clause.irrevocable_ms(start_ms), clause.gone_ms(start_ms)
                found.append(Ending(category, str(clause), *times))
            else:
                found.append(Ending(category, "; ".join(rule.lasts.texts), None, None))
        return found

    async def record(self, tenant: str, kind: EventKind, instruction: Instruction, at_ms: int | None = None) -> Event:
        """Starts (or stops) the clocks of a tenant's policy; who had it done is recorded with it."""
        owner = await self._provisioning.tenant(tenant)
        event = Event(kind, self._moment(at_ms))
        said = self._released(owner.tenant_id, instruction)
        note = self._note(f"tenant.{kind.value}", owner.tenant_id, instruction, since_ms=event.at_ms)
        await self._events.record(owner.tenant_id, kind, event.at_ms, note.at_ms, *said, note)
        return event

    async def events(self, tenant: str) -> list[RecordedEvent]:
        """Of the tenant as a whole, oldest first; who and why, until it is over."""
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        return await self._events.recorded(owner, self._over(owner))

    async def hold(
        self,
        tenant: str,
        instruction: Instruction,
        *,
        subscriber: str | None = None,
        category: Category | None = None,
        until_ms: int | None = None,
    ) -> Hold:
        """What it covers is not deleted while it lasts: what is being erased is so first, and found no more.

        Raises InvalidValue for an end that is past.
        """
        now_ms = self._clock.utc_ms()
        if until_ms is not None and until_ms <= now_ms:
            raise InvalidValue("a hold ends in the future, or when it is ended")
        await self._erasures.finish()
        owner = await self._provisioning.tenant(tenant)
        subject = (await self._provisioning.subscriber(tenant, subscriber)).subscriber_id if subscriber else None
        hold = Hold(new_hold_id(), owner.tenant_id, subject, category, now_ms, until_ms)
        covers = category.value if category else "all"
        note = self._note("hold.add", owner.tenant_id, instruction, subject, hold=hold.hold_id, category=covers)
        said = self._released(owner.tenant_id, instruction, subject)
        await self._holds.add(hold, *said, note, self._erasures.refuse_unfinished)
        return hold

    async def holds(self, tenant: str) -> list[Hold]:
        """All, oldest first; who and why, until it is over. `Views.holds` shows them."""
        owner = (await self._provisioning.tenant(tenant)).tenant_id
        return await self._holds.of_tenant(owner, self._over(owner))

    async def end_hold(self, tenant: str, hold_id: str, instruction: Instruction) -> None:
        """What it kept goes at the next sweep, if it is over."""
        owner = await self._provisioning.tenant(tenant)
        hold = await self._holds.of_id(owner.tenant_id, hold_id)
        about = hold.subject_id if hold else None
        note = self._note("hold.end", owner.tenant_id, instruction, about, hold=hold_id)
        if not await self._holds.end(owner.tenant_id, hold_id, self._clock.utc_ms(), note):
            raise NotFound("no such hold lasts")

    def _over(self, tenant_id: TenantId) -> Cutoff:
        return self._policies.log_over(tenant_id, self._clock.utc_ms())

    def _note(
        self,
        operation: str,
        tenant_id: TenantId,
        instruction: Instruction,
        subject_id: str | None = None,
        **details: str | int,
    ) -> AuditNote:
        gate, now_ms = self._policies.gate(tenant_id), self._clock.utc_ms()
        return instruction.note(gate, operation, tenant_id, now_ms, subject_id, **details)

    def _moment(self, at_ms: int | None) -> int:
        now_ms = self._clock.utc_ms()
        if at_ms is not None and at_ms > now_ms:
            raise InvalidValue("what has not happened yet cannot be recorded: the time is in the future")
        return now_ms if at_ms is None else at_ms

    def _released(
        self, tenant_id: TenantId, instruction: Instruction, subject_id: str | None = None
    ) -> tuple[Released | None, Released | None]:
        """Who, which is the tenant's, and why, which is of whom it is about."""
        gate = self._policies.gate(tenant_id)

        def release(whose: str, text: Personal) -> Released | None:
            return gate.release(Category.AUDIT_LOG, Purpose.LEGAL_DUTY, whose, text)

        return release(tenant_id, instruction.actor), release(subject_id or tenant_id, instruction.reason)
