"""Watches the database for what an administrator takes away or changes, and does so to the living sessions at once.

Provisioning commands are other processes. A number in the database tells that a right or a name is another; then the
sessions and affiliations that live here are compared with what is written, and the names that open alerts tell. A name
may also be hidden because a period went by, so it is looked at once a minute too. Expired sessions end here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from pttserver.clock import Clock
from pttserver.errors import PttError
from pttserver.ids import DeviceId, GroupId, Personal, SubscriberId
from pttserver.observe.troubles import Troubles, Work
from pttserver.services.alert_desk import AlertDesk
from pttserver.services.attendance import Attendance
from pttserver.services.policy_book import PolicyBook
from pttserver.services.temporary_groups import TemporaryGroups
from pttserver.services.terms import TermsTeller
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import AffiliatedAs, Affiliation, Session
from pttserver.store.database import Database
from pttserver.store.records import Affiliation as BelievedAffiliation
from pttserver.store.records import Standing
from pttserver.store.standing import people, standing, standing_number

POLL_INTERVAL_S = 0.5
NAMES_INTERVAL_S = 60.0


class StandingWatch:
    """`run` goes on until cancelled.

    While the database cannot be read, what was allowed stays allowed, and whoever watches the server is told.
    """

    def __init__(
        self,
        database: Database,
        sessions: SessionRegistry,
        attendance: Attendance,
        policies: PolicyBook,
        terms: TermsTeller,
        temporary: TemporaryGroups,
        alerts: AlertDesk,
        clock: Clock,
        troubles: Troubles,
        *reviews: Callable[[], Awaitable[None]],
    ) -> None:
        """`reviews`: what else looks at rights, policies or fences; called after these changed."""
        self._temporary = temporary
        self._alerts = alerts
        self._clock = clock
        self._troubles = troubles
        self._looked_at = clock.now()
        self._reviews = reviews
        self._terms = terms
        self._policies = policies
        self._database = database
        self._sessions = sessions
        self._attendance = attendance
        self._seen: int | None = None
        self._look_again = False
        self._people: Mapping[SubscriberId, int] = {}

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as error:  # a bug costs one round, not every revocation from now on
                self._troubles.failed(Work.STANDING, error)
            else:
                self._troubles.went_well(Work.STANDING)
            await asyncio.sleep(POLL_INTERVAL_S)

    async def look(self) -> None:
        """One round; a change is looked for twice, since somebody may be on the way in.

        Who is revoked, or has other rights, needs no policy and no key to be known: that is done although these cannot
        be read, as the policy in force before says, and the next round tries again. Raises what failed.
        """
        self._attendance.end_unseen()
        await self._attendance.bury_dead_tokens()
        number = await standing_number(self._database)
        changed = number != self._seen
        if not changed and not self._look_again:
            if self._clock.now() - self._looked_at >= NAMES_INTERVAL_S:
                _raise(await self._look_at_people())
            return
        unread = await self._load_policies()
        self._attendance.forget_addresses()
        sessions = [(s.identity.device_id, s.identity.subscriber_id) for s in self._sessions]
        affiliations = [a for s in self._sessions for a in s.affiliations.values()]
        believed = [_believed(a) for a in affiliations if a.affiliated_as is AffiliatedAs.MEMBER]
        overseen = {a.group_id for a in affiliations if self._is_overseen(a)}
        self._apply(await standing(self._database, sessions, believed, overseen))
        unopened = await self._look_at_people()
        for review in self._reviews:
            await review()
        self._terms.review()
        _raise(unread or unopened)
        self._seen, self._look_again = number, changed

    async def _load_policies(self) -> PttError | None:
        """What hindered it."""
        try:
            await self._policies.load()
        except PttError as error:
            return error
        return None

    async def _look_at_people(self) -> PttError | None:
        """Why names of some are not known."""
        self._looked_at = self._clock.now()
        raisers = self._alerts.raisers()
        living: dict[SubscriberId, DeviceId | None] = dict.fromkeys(raisers)
        living |= {session.identity.subscriber_id: session.identity.device_id for session in self._sessions}
        tenants = {session.identity.tenant_id for session in self._sessions} | set(raisers.values())
        gates = {tenant_id: gate.policy for tenant_id, gate in self._policies.gates() if tenant_id in tenants}
        now = await people(self._database, living, self._people, gates, self._clock.utc_ms())
        self._people = now.seen
        for erased in raisers.keys() - now.seen.keys():
            self._alerts.rename(erased, Personal(""))
        for subscriber_id, person in now.found.items():
            name, session = person.name or Personal(""), self._sessions.of_subscriber(subscriber_id)
            self._alerts.rename(subscriber_id, name)
            if session is not None:
                self._attendance.rename(session, name, person.device_type or Personal(""))
                self._attendance.change_standing(session, person.rights)
                if not person.is_member:
                    self._put_out(session)
        return now.unopened

    def _put_out(self, session: Session) -> None:
        """Of the groups that it takes part in as a member."""
        for affiliation in list(session.affiliations.values()):
            if affiliation.affiliated_as is AffiliatedAs.MEMBER:
                self._attendance.remove(affiliation)

    def _apply(self, found: Standing) -> None:
        for session in self._sessions:
            self._end_if_over(session, found)
        for ended in found.ended:
            affiliation = self._affiliation(ended)
            if affiliation is not None:
                self._attendance.remove(affiliation)
        for changed in found.changed:
            affiliation = self._affiliation(changed)
            if affiliation is not None:
                self._attendance.change_rights(affiliation, changed.priority, changed.listen_only)

    def _end_if_over(self, session: Session, found: Standing) -> None:
        device_id = session.identity.device_id
        if device_id in found.wiped_devices:
            self._attendance.wipe(session)
        elif device_id in found.ended_devices:
            self._attendance.end(session, "revoked")
        elif device_id in found.stunned_devices:
            self._attendance.end(session, "disabled")
        for group_id in found.gone_groups & session.affiliations.keys():
            self._attendance.remove(session.affiliations[group_id])

    def _is_overseen(self, affiliation: Affiliation) -> bool:
        """A group of the organisation, not a temporary one, in which a dispatcher takes part who is no member."""
        overseer = affiliation.affiliated_as is AffiliatedAs.OVERSEER
        return overseer and self._temporary.get(affiliation.group_id) is None

    def _affiliation(self, of: BelievedAffiliation) -> Affiliation | None:
        """As a member: who oversees a group, or takes part in a temporary one, is no concern of the database's."""
        session: Session | None = self._sessions.of_subscriber(of.subscriber_id)
        found = session.affiliations.get(GroupId(of.group_id)) if session else None
        return found if found is not None and found.affiliated_as is AffiliatedAs.MEMBER else None


def _raise(error: PttError | None) -> None:
    if error is not None:
        raise error


def _believed(affiliation: Affiliation) -> BelievedAffiliation:
    return BelievedAffiliation(
        group_id=affiliation.group_id,
        subscriber_id=affiliation.session.identity.subscriber_id,
        priority=affiliation.priority,
        listen_only=affiliation.listen_only,
    )
