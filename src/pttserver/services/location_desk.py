"""Requests about location: the person's own switch, and what dispatchers ask. Each look is noted before its answer."""

import asyncio
from dataclasses import replace
from math import ceil

from pttserver.clock import Clock
from pttserver.errors import NotFound, PolicyForbids, ServerBusy
from pttserver.ids import GroupId, SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.privacy.location_admission import LocationState, no_finer
from pttserver.privacy.purposes import Purpose
from pttserver.services.attendance import Attendance
from pttserver.services.desk import Handlers, Refusals
from pttserver.services.fencing import Fencing
from pttserver.services.locating import OFF_MESSAGES, Locating
from pttserver.services.location_looks import LocationLooks
from pttserver.services.policy_book import PolicyBook
from pttserver.services.telling import Telling
from pttserver.services.terms import TermsTeller
from pttserver.services.watching import Watchers
from pttserver.sessions.session import Session
from pttserver.store.events import RetentionEvents
from pttserver.store.groups import Groups
from pttserver.store.positions import Positions
from pttserver.store.records import Subscriber
from pttserver.store.rights import SubscriberRights
from pttserver.store.subscribers import Subscribers
from pttserver.wire import signalling

NOT_CONNECTED = "The subscriber's device is not connected."


class LocationDesk:
    """Handles every request of location. All raise StoreUnavailable; PolicyMissing without a policy in force."""

    def __init__(
        self,
        *,
        locating: Locating,
        looks: LocationLooks,
        watchers: Watchers,
        fencing: Fencing,
        telling: Telling,
        terms: TermsTeller,
        attendance: Attendance,
        policies: PolicyBook,
        subscribers: Subscribers,
        groups: Groups,
        rights: SubscriberRights,
        positions: Positions,
        events: RetentionEvents,
        clock: Clock,
    ) -> None:
        self._locating = locating
        self._looks = looks
        self._watchers = watchers
        self._fencing = fencing
        self._telling = telling
        self._terms = terms
        self._attendance = attendance
        self._policies = policies
        self._subscribers = subscribers
        self._groups = groups
        self._rights = rights
        self._positions = positions
        self._events = events
        self._clock = clock

    def handlers(self) -> Handlers:
        return {
            signalling.LocationReport: self._locating.report,
            signalling.LocationSwitch: self._switch,
            signalling.LocationLooks: self._looks.looked,
            signalling.LocationRequest: self._request,
            signalling.LocationLast: self._last,
            signalling.LocationHistory: self._history,
            signalling.LocationWatch: self._watch,
            signalling.LocationUnwatch: self._unwatch,
            signalling.PutFence: self._fencing.put,
            signalling.RemoveFence: self._fencing.remove,
            signalling.ListFences: self._fencing.list,
        }

    def refusals(self) -> Refusals:
        """What is noted of a look that the table of operations refuses."""
        looks = (
            signalling.LocationRequest,
            signalling.LocationLast,
            signalling.LocationHistory,
            signalling.LocationWatch,
            signalling.LocationGroup,
        )
        return dict.fromkeys(looks, self._looks.refused)

    # The person's own --------------------------------------------------------------------------------------------

    async def _switch(self, session: Session, request: signalling.LocationSwitch) -> signalling.Done:
        """Off holds from the first step on, before it is written; on holds once it is."""
        who, policy = session.identity, self._policies.policy(session.identity.tenant_id)
        if not policy.location.subscriber_may_switch_off:
            raise PolicyForbids("Your organisation does not let you switch location off.")
        if not request.on:
            self._turn(session, on=False)
        note = self._looks.entry(session, "location.switch", who.subscriber_id, on=int(request.on))
        now_ms = self._clock.utc_ms()
        stored = await self._rights.want_location(who.subscriber_id, request.on, now_ms, note)
        if stored is None:
            raise NotFound
        self._turn(session, on=request.on, since_ms=stored.location_since_ms)
        self._terms.review()
        return signalling.Done(re=request.id)

    def _turn(self, session: Session, *, on: bool, since_ms: int | None = None) -> None:
        """`since_ms`: what was measured at or before it is not ours to know; None: as it was."""
        rights = session.identity.rights
        since_ms = rights.location_since_ms if since_ms is None else since_ms
        self._locating.switch(session.identity.tenant_id, session.identity.subscriber_id, on=on)
        self._attendance.change_standing(session, replace(rights, location_wanted=on, location_since_ms=since_ms))

    # Looking -----------------------------------------------------------------------------------------------------

    async def _subject(self, session: Session, subscriber: str) -> Subscriber:
        """Whom a dispatcher asks for, if location is on for that person. Raises Forbidden, NotFound, PolicyForbids."""
        tenant_id = session.identity.tenant_id
        subject = await self._subscribers.find(tenant_id, subscriber)
        await self._looks.require(session, subject.subscriber_id if subject else None)
        if subject is None or await self._has_left(subject):
            raise NotFound
        await self._require_on(subject)
        return subject

    async def _has_left(self, subject: Subscriber) -> bool:
        """Whose membership is over is not shown: that location was off may be erased by now, before the positions."""
        over_ms = (await self._cutoffs(subject)).gone(Category.MEMBERSHIP, subject.subscriber_id)
        return over_ms is not None and subject.created_ms <= over_ms

    async def _cutoffs(self, subject: Subscriber) -> Cutoffs:
        events = await self._events.of_tenant(subject.tenant_id)
        return Cutoffs(self._policies.policy(subject.tenant_id), self._clock.utc_ms(), events)

    async def _require_on(self, subject: Subscriber) -> None:
        """Raises PolicyForbids. Asked before anything is looked up, and again before it is shown."""
        who = subject.subscriber_id
        rights = await self._positions.rights({who})
        state = self._locating.state(subject.tenant_id, who, rights.get(who))
        if state is not LocationState.ON:
            raise PolicyForbids(OFF_MESSAGES[state])

    async def _look(self, session: Session, subject: Subscriber, what: str) -> None:
        """Raises NotFound if the person may not be shown any more."""
        if not await self._looks.note(session, what, [subject.subscriber_id]):
            raise NotFound

    async def _request(self, session: Session, request: signalling.LocationRequest) -> signalling.LocationRequested:
        """Raises NotFound if the device is not there; ServerBusy if it answered just now and nothing is known."""
        subject = await self._subject(session, request.subscriber)
        await self._look(session, subject, "request")
        if self._locating.wanted.spared_s(subject.subscriber_id):
            return await self._known_since(session, subject, request)
        reference = self._locating.wanted.ask(subject.subscriber_id, session.identity.subscriber_id)
        if not self._telling.tell(subject.subscriber_id, signalling.LocationWanted(request=reference)):
            self._locating.wanted.forget(subject.subscriber_id)
            raise NotFound(NOT_CONNECTED)
        return signalling.LocationRequested(re=request.id, request=reference)

    async def _known_since(
        self, session: Session, subject: Subscriber, request: signalling.LocationRequest
    ) -> signalling.LocationRequested:
        """Instead of asking a device that answered just now; what it told comes as if it had been asked."""
        who, wanted = subject.subscriber_id, self._locating.wanted
        await self._require_on(subject)
        if not self._telling.hears(who):
            raise NotFound(NOT_CONNECTED)
        reference, position = wanted.spare(), self._locating.last(subject.tenant_id, who)
        if position is None:
            raise ServerBusy("The device was asked a moment ago.", retry_after_s=max(1, ceil(wanted.spared_s(who))))
        name = subject.display_name.reveal() if subject.display_name else ""
        told = signalling.LocationPosition(subscriber=who, name=name, position=position, request=reference)
        # after the reply, which is posted without a wait once this returns
        asyncio.get_running_loop().call_soon(self._telling.tell_sessions, [session], told)
        return signalling.LocationRequested(re=request.id, request=reference)

    async def _last(self, session: Session, request: signalling.LocationLast) -> signalling.LocationLastKnown:
        subject = await self._subject(session, request.subscriber)
        await self._look(session, subject, "last")
        who, now_ms = subject.subscriber_id, self._clock.utc_ms()
        position = self._locating.last(subject.tenant_id, who) or await self._newest_stored(subject, now_ms)
        await self._require_on(subject)
        age_s = max(0, now_ms - position.at_ms) // 1000 if position else None
        return signalling.LocationLastKnown(re=request.id, subscriber=who, position=position, age_s=age_s)

    async def _newest_stored(self, subject: Subscriber, now_ms: int) -> signalling.Position | None:
        found = await self._track(subject, 0, now_ms, 1)
        return found[0] if found else None

    async def _history(self, session: Session, request: signalling.LocationHistory) -> signalling.LocationTrack:
        subject = await self._subject(session, request.subscriber)
        if not self._policies.policy(subject.tenant_id).keeps_for(Category.LOCATION, Purpose.OPERATIONS):
            raise PolicyForbids("Your organisation does not store positions.")
        await self._look(session, subject, "history")
        found = await self._track(subject, request.from_ms, request.until_ms, request.limit)
        await self._require_on(subject)
        return signalling.LocationTrack(re=request.id, subscriber=subject.subscriber_id, positions=found)

    async def _track(self, subject: Subscriber, from_ms: int, until_ms: int, limit: int) -> list[signalling.Position]:
        """What is over is not shown, swept or not; and nothing finer than the policy of now lets it be."""
        cutoffs = await self._cutoffs(subject)
        hidden_ms = cutoffs.hidden(Category.LOCATION, subject.subscriber_id, purpose=Purpose.OPERATIONS)
        found = await self._positions.track(subject.subscriber_id, from_ms, until_ms, hidden_ms, limit)
        return [no_finer(position, cutoffs.policy.location.precision_m) for position in found]

    async def who_is_in(self, session: Session, shape: signalling.Shape) -> list[SubscriberId]:
        """Whom a dispatcher finds in an area now, to call them: each is looked at. Raises Forbidden, InvalidValue."""
        await self._looks.require(session)
        found = self._locating.who_is_in(session.identity.tenant_id, shape)
        shown = await self._looks.note(session, "group", found)
        return [who for who in found if who in shown]

    async def _watch(self, session: Session, request: signalling.LocationWatch) -> signalling.Done:
        """Raises Forbidden, NotFound, InvalidValue."""
        await self._looks.require(session)
        tenant_id = session.identity.tenant_id
        if request.group is not None and await self._groups.find(tenant_id, request.group) is None:
            raise NotFound
        if request.fence is not None and request.fence not in self._fencing.of(tenant_id).by_id:
            raise NotFound
        self._watchers.add(session, GroupId(request.group) if request.group else None, request.fence)
        return signalling.Done(re=request.id)

    async def _unwatch(self, session: Session, request: signalling.LocationUnwatch) -> signalling.Done:
        self._watchers.remove(session)
        return signalling.Done(re=request.id)
