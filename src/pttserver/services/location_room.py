"""All that has to do with locating, made once over one database."""

from dataclasses import dataclass
from typing import Self

from pttserver.clock import Clock
from pttserver.config import LocationSettings
from pttserver.services.attendance import Attendance
from pttserver.services.fencing import Fencing
from pttserver.services.locating import Locating
from pttserver.services.location_desk import LocationDesk
from pttserver.services.location_looks import LocationLooks
from pttserver.services.policy_book import PolicyBook
from pttserver.services.position_log import PositionLog
from pttserver.services.telling import Telling
from pttserver.services.terms import TermsTeller
from pttserver.services.watching import Watchers
from pttserver.sessions.registry import SessionRegistry
from pttserver.store.database import Database
from pttserver.store.events import RetentionEvents
from pttserver.store.fences import FenceStore
from pttserver.store.groups import Groups
from pttserver.store.looks import Looks
from pttserver.store.positions import Positions
from pttserver.store.rights import SubscriberRights
from pttserver.store.subscribers import Subscribers


@dataclass(frozen=True, slots=True)
class LocationRoom:
    """`log`, `watchers` and `locating` each have a `run`."""

    log: PositionLog
    looks: LocationLooks
    fencing: Fencing
    watchers: Watchers
    locating: Locating
    desk: LocationDesk

    @classmethod
    def over(
        cls,
        database: Database,
        sessions: SessionRegistry,
        attendance: Attendance,
        telling: Telling,
        policies: PolicyBook,
        terms: TermsTeller,
        clock: Clock,
        settings: LocationSettings,
    ) -> Self:
        """Nothing runs yet."""
        positions = Positions(database)
        looks = LocationLooks(Looks(database), Subscribers(database), policies, clock)
        log = PositionLog(positions, policies, settings)
        fencing = Fencing(FenceStore(database), looks, clock)
        watchers = Watchers(sessions, telling, looks, clock)
        locating = Locating(
            sessions=sessions,
            telling=telling,
            policies=policies,
            positions=positions,
            log=log,
            fencing=fencing,
            watchers=watchers,
            clock=clock,
            settings=settings,
            on_duty_changed=terms.review,
        )
        desk = LocationDesk(
            locating=locating,
            looks=looks,
            watchers=watchers,
            fencing=fencing,
            telling=telling,
            terms=terms,
            attendance=attendance,
            policies=policies,
            subscribers=Subscribers(database),
            groups=Groups(database),
            rights=SubscriberRights(database),
            positions=positions,
            events=RetentionEvents(database),
            clock=clock,
        )
        return cls(log, looks, fencing, watchers, locating, desk)

    async def review(self) -> None:
        """Policies, rights or fences changed. Raises StoreUnavailable."""
        await self.fencing.load()
        await self.locating.review()
