"""Locating: positions come in here, and only what was admitted goes on.

The path of a report (one step, without an await):
 1. is location on for the subscriber (privacy/location_admission.py)? If not: refused, counted, let go of
 2. each position: can it be true, and is it due (places/plausibility.py)? If not: dropped, counted under a name
 3. was it taken on duty? Then it is rounded, as the policy says; from here on nobody sees anything more exact
 4. the last position of the device is this one; fences tell who came and went
 5. watchers and who asked are told; where the policy has positions stored, it waits to be written

When location goes off for somebody (policy, organisation, the person, end of duty), the last position, what waits and
what watchers were told are taken back in one step: `review` looks for that as policies and rights change.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from pttserver.clock import Clock
from pttserver.config import LocationSettings
from pttserver.errors import PolicyForbids, StoreUnavailable
from pttserver.ids import SubscriberId, TenantId
from pttserver.observe.log import get_logger
from pttserver.places.areas import area
from pttserver.places.plausibility import Demands, Flaw, flaw
from pttserver.places.whereabouts import Whereabouts
from pttserver.privacy.location_admission import Admission, LocationState, no_finer
from pttserver.roles import Rights
from pttserver.services.fencing import Fencing
from pttserver.services.policy_book import PolicyBook
from pttserver.services.position_log import PositionLog
from pttserver.services.telling import Telling
from pttserver.services.wanted_positions import WantedPositions
from pttserver.services.watching import Sighting, Watchers
from pttserver.sessions.registry import SessionRegistry
from pttserver.sessions.session import Session
from pttserver.store.positions import Positions
from pttserver.wire import signalling

TICK_S = 1.0
_log = get_logger("locating")
OFF_MESSAGES: Mapping[LocationState, str] = {
    LocationState.OFF_FOR_ALL: "Your organisation has no locating.",
    LocationState.OFF_FOR_SUBSCRIBER: "Your organisation does not locate this subscriber.",
    LocationState.SWITCHED_OFF: "The subscriber has switched location off.",
    LocationState.OFF_DUTY: "Nobody is located outside of the duty hours.",
}


class Locating:
    """Takes reports, knows where everybody is, forgets in time."""

    def __init__(
        self,
        *,
        sessions: SessionRegistry,
        telling: Telling,
        policies: PolicyBook,
        positions: Positions,
        log: PositionLog,
        fencing: Fencing,
        watchers: Watchers,
        clock: Clock,
        settings: LocationSettings,
        on_duty_changed: Callable[[], None],
    ) -> None:
        """`on_duty_changed`: called when the duty hours of an organisation begin or end."""
        self._sessions = sessions
        self._telling = telling
        self._policies = policies
        self._positions = positions
        self._log = log
        self._fencing = fencing
        self._watchers = watchers
        self._clock = clock
        self._lifetime_ms = round(1000 * settings.last_known_s)
        self._on_duty_changed = on_duty_changed
        self._on_duty: set[TenantId] = set()
        self._switched_off: set[SubscriberId] = set()
        self._whereabouts: dict[TenantId, Whereabouts] = {}
        self._precision_m: dict[TenantId, int] = {}
        self.wanted = WantedPositions(clock, settings.wanted_s)
        self.taken = 0
        self.crossings = 0
        self.also_known: Callable[[], Iterable[tuple[TenantId, SubscriberId]]] = tuple
        self.on_let_go: Callable[[TenantId, SubscriberId], None] | None = None
        self.drops: dict[str, int] = dict.fromkeys([*map(str, list(LocationState)[1:]), *map(str, Flaw)], 0)

    # What comes in -----------------------------------------------------------------------------------------------

    async def report(self, session: Session, request: signalling.LocationReport) -> signalling.LocationTaken:
        """Raises PolicyForbids while location is off for the subscriber."""
        admission, now_ms = self.admission(session), self._clock.utc_ms()
        state = admission.state(now_ms)
        if state is not LocationState.ON:  # 1
            self.drops[state] += len(request.positions)
            raise PolicyForbids(OFF_MESSAGES[state])
        dropped, seen = Counter[str](), list[Sighting]()
        asked = self.wanted.is_open(session.identity.subscriber_id, request.request)
        answered = False
        interval_s = self._policies.policy(session.identity.tenant_id).location.interval_s
        for number, position in enumerate(request.positions, 1):
            last = number == len(request.positions)
            demands = Demands(now_ms, interval_s, buffered=request.buffered, wanted=asked and last)
            taken = self._take(session, admission, position, demands)
            if isinstance(taken, Sighting):
                seen.append(taken)
                answered = demands.wanted
            else:
                dropped[taken] += 1
                self.drops[taken] += 1
        if seen:
            self._spread(session, seen, answered=answered)
        return signalling.LocationTaken(re=request.id, accepted=len(seen), dropped=dict(dropped))

    def _take(
        self, session: Session, admission: Admission, position: signalling.Position, demands: Demands
    ) -> Sighting | str:
        """A sighting, or why it is none."""
        who, tenant_id = session.identity, session.identity.tenant_id
        places = self._places(tenant_id)
        past = places.past(who.subscriber_id)._replace(since_ms=self.since_ms(session))
        wrong = flaw(position, past, demands)  # 2
        if wrong is not None:
            return wrong.value
        admitted = admission.admit(position, demands.now_ms)  # 3
        if admitted is None:
            return LocationState.OFF_DUTY.value
        if position.at_ms != past.taken_ms:  # an answer may be what was reported before
            places.put(who.subscriber_id, admitted)  # 4
            self._on_duty.add(tenant_id)  # so its end is noticed, though nobody looked since it began
            self._log.put(tenant_id, who.subscriber_id, admitted)
        fences = self._fencing.of(tenant_id)
        name = who.display_name.reveal()
        crossings = tuple(
            signalling.FenceEvent(
                fence=fence.fence_id,
                fence_name=fence.name,
                subscriber=who.subscriber_id,
                name=name,
                event=crossing.value,
                at_ms=admitted.at_ms,
            )
            for fence, crossing in fences.see(who.subscriber_id, admitted)
        )
        self.taken += 1
        self.crossings += len(crossings)
        told = signalling.LocationPosition(subscriber=who.subscriber_id, name=name, position=admitted)
        held = fences.those_of(who.subscriber_id)
        return Sighting(who.subscriber_id, told, crossings, frozenset(session.affiliations), held)

    def _spread(self, session: Session, seen: list[Sighting], *, answered: bool) -> None:
        """5. Of several positions watchers see the newest; what fences told goes to them all."""
        who, newest = session.identity, seen[-1]
        crossings = tuple(crossing for each in seen for crossing in each.crossings)
        together = Sighting(newest.subscriber_id, newest.position, crossings, newest.groups, newest.fences)
        self._watchers.tell(who.tenant_id, together)
        if answered:
            reference, askers = self.wanted.answered(who.subscriber_id)
            self._telling.tell_all(askers, newest.position.model_copy(update={"request": reference}))

    def admit_for_alert(self, session: Session, position: signalling.Position) -> signalling.Position | None:
        """What of a position may go with an emergency alert, as exact as it may be; None: nothing.

        Its time is not judged: where somebody in need was an hour ago is better than nothing, and it says when.
        """
        admission, now_ms = self.admission(session), self._clock.utc_ms()
        admitted = admission.admit(position, now_ms, alert=True)
        if admitted is None:
            state = admission.state(now_ms)
            self.drops[LocationState.OFF_DUTY if state is LocationState.ON else state] += 1
        return admitted

    def admit_with_alert(self, session: Session, position: signalling.Position) -> signalling.Position | None:
        """The same of a position that is raised with an alert; what was measured before location was on is not."""
        excepted = self._policies.policy(session.identity.tenant_id).location.sos_exception
        if not excepted and position.at_ms <= self.since_ms(session):
            self.drops[Flaw.ORDER] += 1
            return None
        return self.admit_for_alert(session, position)

    def since_ms(self, session: Session) -> int:
        """What was measured at or before this moment is not ours to know: location was off, or was switched on then.

        Policies and rights say so after a restart too; that duty began or that something was let go, memory does.
        """
        who = session.identity
        let_go_ms = self._places(who.tenant_id).past(who.subscriber_id).since_ms
        return max(let_go_ms, self._policies.located_since_ms(who.tenant_id, who.rights))

    def admission(self, session: Session) -> Admission:
        """Of a session's subscriber, by the policy of now. Raises PolicyMissing."""
        who = session.identity
        return Admission(self._policies.policy(who.tenant_id), self._own(who.subscriber_id, who.rights))

    def state(self, tenant_id: TenantId, who: SubscriberId, rights: Rights | None) -> LocationState:
        """Of now; `rights`: as they stand in the database, None if the subscriber is gone."""
        policy = self._policies.in_force(tenant_id)
        if policy is None:
            return LocationState.OFF_FOR_ALL
        if rights is None:
            return LocationState.OFF_FOR_SUBSCRIBER
        return Admission(policy, self._own(who, rights)).state(self._clock.utc_ms())

    def _own(self, who: SubscriberId, rights: Rights) -> Rights:
        return replace(rights, location_wanted=False) if who in self._switched_off else rights

    # What is known -----------------------------------------------------------------------------------------------

    def last(self, tenant_id: TenantId, who: SubscriberId) -> signalling.Position | None:
        """No finer than the policy of now lets it be."""
        found = self._places(tenant_id).last(who, self._clock.utc_ms())
        return None if found is None else no_finer(found, self._policies.policy(tenant_id).location.precision_m)

    def who_is_in(self, tenant_id: TenantId, shape: signalling.Shape) -> list[SubscriberId]:
        """Those whose last position lies in it. Raises InvalidValue for a shape that cannot be.

        To know it is to look at each of them: the caller notes that.
        """
        asked = area(shape)
        self._coarsen(tenant_id)
        everybody = self._places(tenant_id).all(self._clock.utc_ms())
        return [who for who, at in everybody if asked.outside_m(at.latitude, at.longitude) <= 0]

    def _places(self, tenant_id: TenantId) -> Whereabouts:
        found = self._whereabouts.get(tenant_id)
        if found is None:
            found = self._whereabouts[tenant_id] = Whereabouts(self._lifetime_ms)
        return found

    # Forgetting --------------------------------------------------------------------------------------------------

    def switch(self, tenant_id: TenantId, who: SubscriberId, *, on: bool) -> None:
        """The person's own word: it holds at once, whatever was read from the database just before."""
        if on:
            self._switched_off.discard(who)
        else:
            self._switched_off.add(who)
        self.let_go(tenant_id, who)

    def let_go(self, tenant_id: TenantId, who: SubscriberId) -> None:
        """Location went off, or on again: nothing from before counts any more. What is stored stays stored."""
        self._places(tenant_id).forget(who, self._clock.utc_ms())
        self._fencing.of(tenant_id).forget(who)
        self._log.forget(who)
        self.wanted.forget(who)
        self._watchers.forget(tenant_id, who)
        if self.on_let_go is not None:
            self.on_let_go(tenant_id, who)

    async def review(self) -> None:
        """Policies or rights changed: lets go of everybody for whom location is not on. Raises StoreUnavailable.

        Where it is on, but not for alerts any more, what an open alert carries is let go.

        Reports of who is logged in are admitted by the rights of the session, so by these it is decided here too: the
        database may know better a moment earlier, and what was taken back would be told once more.
        """
        on_duty = self._who_is_on_duty()
        self._watchers.review()
        for tenant_id in list(self._whereabouts):
            self._coarsen(tenant_id)
        known = list(self._known())
        stored = await self._positions.rights({who for _, who in known})
        for tenant_id, who in known:
            session = self._sessions.of_subscriber(who)
            rights = stored.get(who) if session is None else session.identity.rights
            if self.state(tenant_id, who, rights) is not LocationState.ON:
                self.let_go(tenant_id, who)
            elif self.on_let_go is not None and not self._policies.policy(tenant_id).locates_alerts:
                self.on_let_go(tenant_id, who)
        self._on_duty = on_duty

    def _coarsen(self, tenant_id: TenantId) -> None:
        """A policy may let be known less exactly what is known already."""
        policy = self._policies.in_force(tenant_id)
        precision_m = policy.location.precision_m if policy is not None else 0
        if precision_m != self._precision_m.get(tenant_id, 0):
            self._precision_m[tenant_id] = precision_m
            self._places(tenant_id).change(lambda position: no_finer(position, precision_m))
            self._watchers.change(tenant_id, lambda position: no_finer(position, precision_m))

    def _known(self) -> Iterator[tuple[TenantId, SubscriberId]]:
        for tenant_id, places in self._whereabouts.items():
            yield from ((tenant_id, who) for who in places.known())
        yield from self.also_known()

    async def run(self) -> None:
        """Forgets what is too old, and those whose duty is over, until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await self.tick()
            except StoreUnavailable as error:
                _log.error("locating_not_reviewed", error=error.message)

    async def tick(self) -> None:
        """Raises StoreUnavailable."""
        self._watchers.expire()
        now_ms = self._clock.utc_ms()
        for tenant_id, places in self._whereabouts.items():
            for who in places.expire(now_ms):
                self._fencing.of(tenant_id).forget(who)
        if self._who_is_on_duty() != self._on_duty:
            await self.review()
            self._on_duty_changed()

    def _who_is_on_duty(self) -> set[TenantId]:
        now_ms = self._clock.utc_ms()
        return {tenant_id for tenant_id, gate in self._policies.gates() if gate.policy.location.duty.cover(now_ms)}
