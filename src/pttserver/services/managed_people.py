"""Subscribers as managers see them: who they are, what they may, whether they have an account for the browser."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from pttserver.config import Settings
from pttserver.ids import SubscriberId
from pttserver.roles import Rights
from pttserver.services.console_provision import page_origin
from pttserver.services.management import Manager
from pttserver.store.records import Subscriber


@dataclass(frozen=True, slots=True)
class ManagedSubscriber:
    """`account`: invited, active or locked; None: there is none for the browser."""

    subscriber: Subscriber
    rights: Rights
    account: str | None


async def managed_subscribers(manager: Manager) -> list[ManagedSubscriber]:
    """By identifier. Noted as a look at everybody; shows what the policy lets managers see."""
    office = manager.office()
    found = await office.views.subscribers(manager.tenant_id)
    rights, states = await office.roles.all(manager.tenant_id), await _accounts(manager)
    return [_managed(each, rights, states) for each in found if each.subscriber_id in rights]


async def managed_subscriber(manager: Manager, subscriber: str) -> ManagedSubscriber:
    """Noted as a look at this one. Raises NotFound."""
    office = manager.office()
    who, _ = await office.views.subscriber(manager.tenant_id, subscriber)
    return _managed(who, {who.subscriber_id: await office.roles.rights(who)}, await _accounts(manager))


async def _accounts(manager: Manager) -> dict[SubscriberId, str]:
    return {each.subscriber_id: each.state for each in await manager.office().console.accounts(manager.tenant_id)}


def _managed(
    who: Subscriber, rights: Mapping[SubscriberId, Rights], states: Mapping[SubscriberId, str]
) -> ManagedSubscriber:
    return ManagedSubscriber(who, rights[who.subscriber_id], states.get(who.subscriber_id))


def phone_link(settings: Settings, enrolment: str) -> str:
    """Opens the phone page with the enrolment text; what follows `#` is sent to no server. Raises ConfigError."""
    return f"{page_origin(settings)}/phone#enroll={quote(enrolment, safe='')}"
