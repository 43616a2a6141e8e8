"""What may still be served: an expired value is not shown from the moment on, whether or not it was swept yet."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from pttserver.clock import Clock
from pttserver.ids import SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.policy import Policy
from pttserver.services.policy_book import PolicyBook
from pttserver.store.console_accounts import ConsoleAccount
from pttserver.store.database import Database
from pttserver.store.events import RetentionEvents
from pttserver.store.policies import LoggedInstruction, Policies
from pttserver.store.records import Device, LoginCandidate, Member, Membership, Subscriber

WhoLogsIn = TypeVar("WhoLogsIn", LoginCandidate, ConsoleAccount)


class Serving:
    """Every method raises PolicyMissing (no policy is in force), StoreUnavailable."""

    def __init__(self, database: Database, policies: PolicyBook, clock: Clock) -> None:
        self._events = RetentionEvents(database)
        self._versions = Policies(database)
        self._policies = policies
        self._clock = clock

    async def cutoffs(self, tenant_id: TenantId) -> Cutoffs:
        """Of now."""
        events = await self._events.of_tenant(tenant_id)
        return Cutoffs(self._policies.policy(tenant_id), self._clock.utc_ms(), events)

    async def subscribers(self, tenant_id: TenantId, found: Iterable[Subscriber]) -> list[Subscriber]:
        """Those whose account is not over, each without what must not be shown any more."""
        cutoffs = await self.cutoffs(tenant_id)
        return [_without_hidden(each, cutoffs) for each in found if not _is_over(each, cutoffs)]

    async def members(self, tenant_id: TenantId, found: Iterable[Member]) -> list[Member]:
        """The same of a group's members; of whom what is a membership is over, not."""
        cutoffs = await self.cutoffs(tenant_id)
        living = [one for one in found if not _is_over(one, cutoffs) and not _left(one, cutoffs)]
        return [replace(each, display_name=None) if _hides_name(each, cutoffs) else each for each in living]

    async def memberships(self, who: SubscriberId, found: Sequence[Membership]) -> list[Membership]:
        """Those of one subscriber: all that were found, or none if they are over."""
        if not found:
            return []
        tenant_id = found[0].tenant_id
        known_ms, events = await self._events.of_subject(tenant_id, who)
        over_ms = Cutoffs(self._policies.policy(tenant_id), self._clock.utc_ms(), events).gone(Category.MEMBERSHIP, who)
        return [] if known_ms is None or (over_ms is not None and known_ms <= over_ms) else list(found)

    async def devices(self, tenant_id: TenantId, found: Iterable[Device]) -> list[Device]:
        """Each without a label or a type that must not be shown any more."""
        cutoffs = await self.cutoffs(tenant_id)
        return [_device_without_hidden(each, cutoffs) for each in found]

    async def policies(self, tenant_id: TenantId) -> list[LoggedInstruction]:
        """All that were ever in force, newest first; text, who and why of one that was replaced until that is over."""
        over = self._policies.log_over(tenant_id, self._clock.utc_ms())
        return await self._versions.history(tenant_id, over)


def as_served(candidate: WhoLogsIn, policy: Policy, now_ms: int) -> WhoLogsIn | None:
    """Who logs in, without a name, or a type of the device, that is hidden.

    None: the account is over, whether or not it was swept yet.
    """
    cutoffs = Cutoffs(policy, now_ms, candidate.events)
    if _is_over(candidate, cutoffs):
        return None
    if _hides_name(candidate, cutoffs):
        candidate = replace(candidate, display_name=None)
    if isinstance(candidate, LoginCandidate) and _hides_type(candidate, cutoffs):
        candidate = replace(candidate, device_type=None)
    return candidate


def still_a_member(candidate: LoginCandidate, policy: Policy, now_ms: int) -> bool:
    """Whether the memberships of who logs in are not over yet."""
    return not _left(candidate, Cutoffs(policy, now_ms, candidate.events))


def _hides_type(candidate: LoginCandidate, cutoffs: Cutoffs) -> bool:
    return cutoffs.is_hidden(Category.DEVICE_TYPE, candidate.enrolled_ms, candidate.subscriber_id)


def _is_over(person: Subscriber | Member | LoginCandidate | ConsoleAccount, cutoffs: Cutoffs) -> bool:
    gone_ms = cutoffs.gone(cutoffs.account, person.subscriber_id)
    return gone_ms is not None and person.created_ms <= gone_ms


def _left(person: Member | LoginCandidate, cutoffs: Cutoffs) -> bool:
    """Memberships last from when the subscriber is known, all of them as long as each other."""
    over_ms = cutoffs.gone(Category.MEMBERSHIP, person.subscriber_id)
    return over_ms is not None and person.created_ms <= over_ms


def _hides_name(person: Subscriber | Member | LoginCandidate | ConsoleAccount, cutoffs: Cutoffs) -> bool:
    return cutoffs.is_hidden(Category.SUBSCRIBER_NAME, person.created_ms, person.subscriber_id)


def _device_without_hidden(device: Device, cutoffs: Cutoffs) -> Device:
    who, enrolled_ms = device.subscriber_id, device.enrolled_ms
    if cutoffs.is_hidden(Category.NICKNAME, device.created_ms, who):
        device = replace(device, label=None)
    if enrolled_ms is not None and cutoffs.is_hidden(Category.DEVICE_TYPE, enrolled_ms, who):
        device = replace(device, device_type=None)
    return device


def _without_hidden(subscriber: Subscriber, cutoffs: Cutoffs) -> Subscriber:
    who, login_ms = subscriber.subscriber_id, subscriber.last_login_ms
    if login_ms is not None and cutoffs.is_hidden(Category.LAST_LOGIN, login_ms, who):
        subscriber = replace(subscriber, last_login_ms=None)
    return replace(subscriber, display_name=None) if _hides_name(subscriber, cutoffs) else subscriber
