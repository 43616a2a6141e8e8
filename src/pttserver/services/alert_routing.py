"""Whom an alert goes to, stage by stage, as the organisation's policy says."""

from collections.abc import Iterable

from pttserver.alerts.alert import AlertRules
from pttserver.alerts.audience import Audience
from pttserver.errors import StoreUnavailable
from pttserver.ids import GroupId, SubscriberId, TenantId
from pttserver.observe.log import get_logger
from pttserver.privacy.sections import AlertsSection, AlertTarget
from pttserver.roles import Role
from pttserver.services.policy_book import PolicyBook
from pttserver.services.talk import TalkService
from pttserver.sessions.registry import SessionRegistry
from pttserver.store.groups import Groups

_ROLES = {AlertTarget.DISPATCHERS: Role.DISPATCHER, AlertTarget.MANAGERS: Role.MANAGER}
_log = get_logger("alerts")


class AlertRouting:
    """Reads the `[alerts]` section of the policy as it is now."""

    def __init__(self, policies: PolicyBook, groups: Groups, talk: TalkService, sessions: SessionRegistry) -> None:
        self._policies = policies
        self._groups = groups
        self._talk = talk
        self._sessions = sessions

    def section(self, tenant_id: TenantId) -> AlertsSection:
        """That of the default policy for a tenant without one: an alert that is open goes on all the same."""
        policy = self._policies.in_force(tenant_id)
        return policy.alerts if policy else AlertsSection()

    def rules(self, tenant_id: TenantId) -> AlertRules:
        section = self.section(tenant_id)
        return AlertRules(
            acknowledge_within_s=section.acknowledge_within_s,
            escalate_to=tuple(target.value for target in section.escalate_to),
        )

    def targets(self, tenant_id: TenantId, stage: int) -> frozenset[AlertTarget]:
        """Of a stage: 0 is the route, n the n-th of `escalate_to`; none if the policy has fewer by now."""
        section = self.section(tenant_id)
        return frozenset(section.route if stage == 0 else section.escalate_to[stage - 1 : stage])

    @staticmethod
    def at_once(targets: Iterable[AlertTarget]) -> Audience:
        """What of the targets needs no look at the database."""
        targets = frozenset(targets)
        roles = frozenset(role for target, role in _ROLES.items() if target in targets)
        return Audience(roles=roles, everybody=AlertTarget.EVERYBODY in targets)

    async def members(self, tenant_id: TenantId, raiser: SubscriberId) -> Audience:
        """Members of the emergency groups; without any, of the groups that the raiser takes part in, or belongs to.

        If the database cannot be read, those who take part now.
        """
        present = self._affiliated(raiser)
        try:
            groups = await self._emergency_groups(tenant_id) or present or await self._groups_of(raiser)
            found = [await self._groups.member_ids(group_id) | self._taking_part(group_id) for group_id in groups]
        except StoreUnavailable as error:
            _log.error("alert_members_not_read", error=error.message)
            found = [self._taking_part(group_id) for group_id in present]
        return Audience(members=frozenset().union(*found))

    def _affiliated(self, raiser: SubscriberId) -> list[GroupId]:
        session = self._sessions.of_subscriber(raiser)
        if session is None:
            return []
        # A channel whose floor is somebody's without asking is no group: it is one half of a call, or a microphone.
        return [part.group_id for part in session.affiliations.values() if not part.implicit_request]

    def _taking_part(self, group_id: GroupId) -> frozenset[SubscriberId]:
        return frozenset(each.session.identity.subscriber_id for each in self._talk.affiliations(group_id))

    async def _groups_of(self, raiser: SubscriberId) -> list[GroupId]:
        return [membership.group_id for membership in await self._groups.memberships(raiser)]

    async def _emergency_groups(self, tenant_id: TenantId) -> list[GroupId]:
        named = self.section(tenant_id).groups
        found = [await self._groups.find(tenant_id, name) for name in named]
        missing = found.count(None)
        if missing:  # a name may tell of people; which it is, `policy status` says
            _log.error("alert_groups_missing", tenant=tenant_id, missing=missing)
        return [group.group_id for group in found if group is not None]
