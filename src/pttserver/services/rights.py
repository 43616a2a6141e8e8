"""The rights of data subjects (GDPR Art. 15, 16, 18): find a person, put right, restrict.

The tenant is the controller: nothing is done without its policy in force, and everything is recorded with who asked
for it and why. Every method raises NotFound for what does not exist, PolicyMissing, and StoreUnavailable if the
database fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pttserver.clock import Clock
from pttserver.errors import InvalidValue, NotFound
from pttserver.ids import Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category, about
from pttserver.privacy.policy import Policy
from pttserver.privacy.restriction import Restriction
from pttserver.services import naming
from pttserver.services.instructions import Instruction
from pttserver.services.policy_book import PolicyBook
from pttserver.services.profile import change_of
from pttserver.services.staff_sight import Sees
from pttserver.services.visible import Visibility
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.erasures import Erasures
from pttserver.store.holdings import HeldValue, Holdings, KnownBy
from pttserver.store.profiles import Profiles
from pttserver.store.subjects import Subject, Subjects


@dataclass(frozen=True, slots=True)
class Hit:
    """Somebody who was found; `matched`: in which kinds of data. What is restricted is not shown."""

    subject_id: str
    kind: str
    matched: tuple[str, ...]
    identifier: Personal | None
    display_name: Personal | None
    restriction: str | None


class Rights:
    """What a data subject may ask of the tenant, and the tenant of the platform."""

    def __init__(self, database: Database, policies: PolicyBook, erasures: Erasures, clock: Clock) -> None:
        self._erasures = erasures
        self._policies = policies
        self._clock = clock
        self._subjects = Subjects(database)
        self._holdings = Holdings(database)
        self._profiles = Profiles(database)

    async def find(self, tenant_id: TenantId, text: str, by: Instruction, sees: Sees) -> list[Hit]:
        """People of whom a text holds `text`, whatever its letters' case; numbers without their punctuation.

        Where no more than a pseudonym or the beginning is kept, those of whom it is that of `text`, to the letter: of a
        beginning there may be several. So it is with what whoever looks may not see: who knows it finds the person, and
        nobody guesses it piece by piece. What is sealed is opened in memory; of whom is restricted, all that is held.

        Raises InvalidValue.
        """
        wanted = _Wanted(text)
        policy, now_ms = self._policies.policy(tenant_id), self._clock.utc_ms()
        note = self.note("subject.find", tenant_id, None, by)
        known = await self._holdings.known_by(tenant_id, wanted.exact, note)
        hits = [_hit(one, _held_or_shown(one, policy, now_ms), wanted, sees) for one in known]
        return [hit for hit in hits if hit is not None]

    async def subject(self, tenant_id: TenantId, identifier_or_id: str) -> Subject:
        """A removed subscriber too, as long as something of it is held. Raises InvalidValue."""
        self._policies.gate(tenant_id)
        found = await self._subjects.find(tenant_id, naming.identifier_or_id(identifier_or_id))
        if found is None:
            raise NotFound("the tenant holds nothing about such a person")
        return found

    async def rectify(self, tenant_id: TenantId, subject: str, values: Mapping[str, str], by: Instruction) -> None:
        """Identifier, display name, contact data, own fields; live sessions show a new name within a second.

        While processing is restricted too: it is the person who wants it. Raises InvalidValue, AlreadyExists, OnHold.
        """
        await self._change("subject.rectify", tenant_id, subject, values, by, rectifies=True)

    async def set_fields(self, tenant_id: TenantId, subject: str, values: Mapping[str, str], by: Instruction) -> None:
        """The same as an everyday change. Raises InvalidValue, AlreadyExists, OnHold (also while it is restricted)."""
        await self._change("subscriber.set", tenant_id, subject, values, by)

    async def fields(self, tenant_id: TenantId, subscriber_id: SubscriberId) -> dict[str, Personal]:
        """Contact data and own fields by name, without what must not be shown any more."""
        return await self._profiles.fields(subscriber_id, self._policies.policy(tenant_id), self._clock.utc_ms())

    async def _change(
        self,
        operation: str,
        tenant_id: TenantId,
        subject: str,
        values: Mapping[str, str],
        by: Instruction,
        *,
        rectifies: bool = False,
    ) -> None:
        who = await self.subject(tenant_id, subject)
        change = change_of(self._policies.gate(tenant_id), who.subject_id, values, self._clock.utc_ms())
        note = self.note(operation, tenant_id, who.subject_id, by, changed=", ".join(sorted(values)))
        await self._profiles.change(SubscriberId(who.subject_id), change, note, rectifies=rectifies)

    async def restrict(self, tenant_id: TenantId, subject: str, ground: Restriction, by: Instruction) -> Subject:
        """From now on nothing new is recorded, what is held is neither shown, changed nor deleted.

        The live service goes on. Put right it can be, and erased only if that is said (`Erasure.erase`); who is being
        erased is so first, and found no more.
        """
        await self._erasures.finish()
        who = await self.subject(tenant_id, subject)
        note = self.note("subject.restrict", tenant_id, who.subject_id, by, ground=ground.value)
        await self._subjects.restrict(who.subject_id, ground.value, note, self._erasures.refuse_unfinished)
        return who

    async def lift(self, tenant_id: TenantId, subject: str, by: Instruction) -> Subject:
        """The restriction ends. Raises InvalidValue if there is none."""
        who = await self.subject(tenant_id, subject)
        if who.restriction is None:
            raise InvalidValue("the processing of this person's data is not restricted")
        note = self.note("subject.lift_restriction", tenant_id, who.subject_id, by, ground=who.restriction)
        await self._subjects.restrict(who.subject_id, None, note)
        return who

    def note(
        self, operation: str, tenant_id: TenantId, subject_id: str | None, by: Instruction, **details: str | int
    ) -> AuditNote:
        """For the audit log. Raises PolicyMissing: without the tenant's policy nothing is done."""
        gate, now_ms = self._policies.gate(tenant_id), self._clock.utc_ms()
        return by.note(gate, operation, tenant_id, now_ms, subject_id, **details)


class _Wanted:
    """A text to look for; a number also without its punctuation."""

    def __init__(self, text: str) -> None:
        self.plain = naming.name_or_id(text)
        if not self.plain:
            raise InvalidValue("say what to look for")
        self.exact = {self.plain, naming.undialled(self.plain)}
        self._forms = {form.casefold() for form in self.exact}

    def is_it(self, value: HeldValue) -> bool:
        return isinstance(value.value, str) and value.value.casefold() in self._forms

    def is_in(self, value: HeldValue) -> bool:
        return isinstance(value.value, str) and any(form in value.value.casefold() for form in self._forms)


def _held_or_shown(known: KnownBy, policy: Policy, now_ms: int) -> Visibility:
    return Visibility(policy, known.events, now_ms, restricted=known.subject.restricted_ms is not None)


def _hit(known: KnownBy, visibility: Visibility, wanted: _Wanted, sees: Sees) -> Hit | None:
    subject, values = known.subject, visibility.values(known.values)
    found = [value for value in values if wanted.is_it(value) or (_is_seen(value, sees) and wanted.is_in(value))]
    found += visibility.values(known.likened)
    matched = {value.category: None for value in found if value.category}
    if not matched and wanted.plain != subject.subject_id:
        return None
    shown = {} if subject.restriction else {value.column: value.value for value in values}
    return Hit(
        subject_id=subject.subject_id,
        kind=subject.kind,
        matched=tuple(about(Category(category)).title for category in matched) or ("Number",),
        identifier=_personal(shown.get("identifier")),
        display_name=_personal(shown.get("display_name")),
        restriction=subject.restriction,
    )


def _is_seen(value: HeldValue, sees: Sees) -> bool:
    return value.category is None or sees(value.category, value.extra)


def _personal(value: object) -> Personal | None:
    return Personal(value) if isinstance(value, str) else None
