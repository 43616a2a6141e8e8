"""Portability (GDPR Art. 20): a person's export is taken over into another organisation, or another server.

What the person gave comes along: identifier, display name, contact data, own fields, memberships of groups that have
the same name here. Histories stay with whose records they are; devices enrol anew. What the policy here does not keep
is left out, and told.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import ValidationError

from pttserver.clock import Clock
from pttserver.crypto.passwords import PinHasher, random_pin
from pttserver.errors import InvalidValue
from pttserver.ids import Personal, SubscriberId, new_subscriber_id
from pttserver.privacy.categories import Category
from pttserver.privacy.gate import Gate
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.released import Released
from pttserver.services import naming
from pttserver.services.instructions import Instruction
from pttserver.services.policy_book import PolicyBook
from pttserver.services.profile import CONTACT, DISPLAY_NAME, IDENTIFIER, release_field
from pttserver.services.rights import Rights
from pttserver.services.subject_document import ExportedProfile, SubjectExport
from pttserver.store.database import Database
from pttserver.store.groups import Groups
from pttserver.store.profiles import Place, Profiles
from pttserver.store.records import Group, NewSubscriber, Tenant

LONGEST_EXPORT = 64 * 2**20  # octets


@dataclass(frozen=True, slots=True)
class TakenOver:
    """The new subscriber with its PIN: shown now or never. `left_out`: names of what is not kept here."""

    subscriber_id: SubscriberId
    pin: str = field(repr=False)
    left_out: tuple[str, ...]


class SubjectImports:
    """Takes people over."""

    def __init__(
        self, database: Database, policies: PolicyBook, rights: Rights, hasher: PinHasher, clock: Clock
    ) -> None:
        self._profiles = Profiles(database)
        self._groups = Groups(database)
        self._policies = policies
        self._rights = rights
        self._hasher = hasher
        self._clock = clock

    async def take_over(self, tenant: Tenant, text: str, by: Instruction) -> TakenOver:
        """`text`: an export in JSON. All or nothing. Raises InvalidValue, AlreadyExists, PolicyMissing."""
        profile = parse_export(text).profile
        gate, who, pin = self._policies.gate(tenant.tenant_id), new_subscriber_id(), random_pin()
        groups = {group.name: group for group in await self._groups.of_tenant(tenant.tenant_id)}
        fields = dict(_fields(gate, who, profile))
        new = await self._subscriber(tenant, gate, who, profile, pin)
        note = self._rights.note("subject.import", tenant.tenant_id, who, by)
        kept = {name: value for name, value in fields.items() if value is not None}
        await self._profiles.add(new, kept, list(_places(profile, groups)), note)
        return TakenOver(who, pin, tuple(_left_out(profile, new, fields, groups)))

    async def _subscriber(
        self, tenant: Tenant, gate: Gate, who: SubscriberId, profile: ExportedProfile, pin: str
    ) -> NewSubscriber:
        if profile.identifier is None:
            raise InvalidValue("the export holds no identifier to take the person over by")
        known_as, kind = naming.identifier(profile.identifier)
        name = naming.personal_name(profile.display_name, "the display name")
        kept = gate.release(Category.IDENTIFIER, Purpose.SERVICE, who, known_as)
        pin_hash = await asyncio.to_thread(self._hasher.hash, pin)
        return NewSubscriber(
            subscriber_id=who,
            tenant_id=tenant.tenant_id,
            identifier=kept,
            identifier_kind=kind,
            display_name=gate.release(Category.SUBSCRIBER_NAME, Purpose.SERVICE, who, name) if name else None,
            pin_hash=gate.release(Category.CREDENTIAL, Purpose.SECURITY, who, pin_hash),
            created_ms=self._clock.utc_ms(),
        )


def parse_export(text: str) -> SubjectExport:
    """Raises InvalidValue that names what is wrong, and repeats none of it."""
    if len(text) > LONGEST_EXPORT:
        raise InvalidValue(f"an export is at most {LONGEST_EXPORT} octets long")
    try:
        return SubjectExport.model_validate_json(text)
    except ValidationError as error:
        wrong = [".".join(map(str, one["loc"])) or "the file" for one in error.errors(include_input=False)[:5]]
        raise InvalidValue(f"this is no export of a person's data; wrong: {', '.join(wrong)}") from None


def _fields(gate: Gate, who: SubscriberId, profile: ExportedProfile) -> Iterator[tuple[str, Released | None]]:
    unknown = set(profile.contact) - set(CONTACT)
    if unknown:
        raise InvalidValue(f"the contact data of an export are {', '.join(CONTACT)}")
    for name, text in (profile.extra | profile.contact).items():
        value = Personal(naming.remark(text, "a field of the export"))
        yield name, release_field(gate, who, name, value)


def _places(profile: ExportedProfile, groups: dict[str, Group]) -> Iterator[Place]:
    for place in profile.memberships:
        if place.group in groups:
            yield Place(groups[place.group].group_id, naming.priority(place.priority), place.listen_only)


def _left_out(
    profile: ExportedProfile, new: NewSubscriber, fields: dict[str, Released | None], groups: dict[str, Group]
) -> Iterator[str]:
    if new.identifier is None:
        yield IDENTIFIER
    if profile.display_name is not None and new.display_name is None:
        yield DISPLAY_NAME
    yield from (name for name, value in fields.items() if value is None)
    yield from (f"group {place.group}" for place in profile.memberships if place.group not in groups)
