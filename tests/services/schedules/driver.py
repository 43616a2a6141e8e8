"""A schedule: does the same to a running server and to the model, and compares them at every sweep and look."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, update

from pttserver.errors import NotFound, OnHold, PolicyForbids
from pttserver.ids import CallId, Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.forms import PSEUDONYM
from pttserver.privacy.gate import Gate
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.retention import Event, EventKind
from pttserver.store.audit_chain import AuditNote
from pttserver.store.calls import CallHistory
from pttserver.store.events import record_event
from pttserver.store.governance_schema import subjects
from pttserver.store.holds import Hold, Holds, new_hold_id
from pttserver.store.policies import Policies
from pttserver.store.records import Call, CallParticipant
from pttserver.store.rights import SubscriberRights, locate_from
from pttserver.store.sweeps import Outcome
from pttserver.wire import signalling
from services.schedules.ground import Ground, version_of
from services.schedules.looks import Looks
from services.schedules.model import ANNA, BERT, PEOPLE, ROW, WHOLE, KnownCall, KnownHold, Model
from services.schedules.positions import LATITUDE, LONGITUDE, Positions
from services.schedules.texts import MINUTE, TEXTS

Action = tuple[Any, ...]


async def play(ground: Ground, actions: list[Action], seen: Counter[str]) -> None:
    """One schedule, from the start. Raises AssertionError where model and server differ. `seen`: what happened."""
    async with ground.fresh():
        schedule = Schedule(ground, seen)
        for name, *arguments in [*actions, ("sweep",)]:
            await getattr(schedule, f"do_{name}")(*arguments)


class Schedule:
    """Every `do_` is an action. `noticed`: the server looks for it at once; else with the next that it notices."""

    def __init__(self, ground: Ground, seen: Counter[str]) -> None:
        self.ground, self.seen = ground, seen
        self.database, self.services = ground.database, ground.services
        self.tenant_id, self.ids = ground.tenant.tenant_id, ground.ids
        self.model = Model()
        self.positions = Positions(self.model)
        self.looks = Looks(ground, self.model, self.positions, seen)

    async def do_pass(self, minutes: int) -> None:
        await self._pass(minutes * MINUTE)

    async def do_until_over(self, short_ms: int) -> None:
        """To when the next period ends, or `short_ms` before: there a cut-off shows whether it is exact."""
        ends = [each for each in self._ends() if each - short_ms > self.model.now_ms]
        if ends:
            await self._pass(min(ends) - short_ms - self.model.now_ms)

    def _ends(self) -> Iterator[int]:
        model, rule = self.model, self.model.policy.rule
        known = [(each, call.at_ms, call.initiator) for call in model.calls.values() for each in ROW]
        known += [(Category.LOCATION, each.at_ms, each.who) for each in self.positions.stored]
        known += [(each, 0, who) for who in PEOPLE for each in (Category.IDENTIFIER, Category.SUBSCRIBER_NAME)]
        for category, recorded_ms, who in known:
            over_ms = rule(category).retention.expires_ms(recorded_ms, model.about(who))
            if over_ms is not None:
                yield over_ms

    async def _pass(self, ms: int) -> None:
        """While time passes, the server looks, writes and forgets."""
        await self.do_notice()
        await self.do_flush()
        self.model.now_ms += ms
        self.ground.clock.wall_ms = self.model.now_ms
        await self.services.location.locating.tick()
        self.positions.expire()
        self.positions.review()

    async def do_notice(self) -> None:
        await self.ground.notice()
        self.positions.notice()
        living = {who for who, its in self.ids.items() if self.services.sessions.of_subscriber(its)}
        assert living <= self.positions.present
        for who in self.positions.present - living:  # the device goes with the subscription, the account maybe later
            assert self.model.gone(Category.CREDENTIAL, 0, who)
        self.positions.present = living

    def _a_moment_later(self) -> None:
        """What is measured next is measured after what was decided."""
        self.model.now_ms += 1
        self.ground.clock.wall_ms = self.model.now_ms

    async def _noticed(self, noticed: bool) -> None:
        if noticed:
            await self.do_notice()

    # Calls -------------------------------------------------------------------------------------------------------

    async def do_call(self, who: str) -> None:
        """Who starts it is its initiator; the other is there too."""
        model, gate = self.model, Gate(self.model.policy)
        other = BERT if who == ANNA else ANNA
        me, them = self.ids[who], self.ids[other]
        at = gate.release(Category.CALL_RECORD, Purpose.OPERATIONS, me, model.now_ms)
        person = gate.release(Category.PARTICIPANTS, Purpose.OPERATIONS, me, me)
        there = gate.release(Category.PARTICIPANTS, Purpose.OPERATIONS, them, them)
        since = gate.release(Category.PARTICIPANTS, Purpose.OPERATIONS, them, model.now_ms)
        address = gate.release(Category.IP_ADDRESS, Purpose.SECURITY, me, Personal(WHOLE))
        if at is None:
            return
        call_id = CallId(f"cal_{len(model.calls)}")
        present = [CallParticipant(call_id, self.tenant_id, there, since)] if there and since else []
        record = Call(call_id, self.tenant_id, "grp_1", me, person, address, at, at)  # type: ignore[arg-type]
        await CallHistory(self.database).write_calls([record], present, [])
        named = who if model.known(who) and person else None
        model.calls[call_id] = KnownCall(
            at_ms=model.now_ms,
            initiator=named,
            address=_plain(address.value) if named and address else None,
            present=bool(present) and model.known(other) is not None,
            participant=other,
            initiator_followed=person is not None and person.form != PSEUDONYM,
            participant_followed=there is not None and there.form != PSEUDONYM,
        )

    # What administrators do --------------------------------------------------------------------------------------

    async def do_policy(self, number: int, noticed: bool) -> None:
        text = TEXTS[number]
        await Policies(self.database).put(version_of(self.tenant_id, text, self.model.now_ms))
        self.positions.applied(text.locating)
        self.model.text = text
        self.model.version += 1
        self._a_moment_later()
        await self._noticed(noticed)

    async def do_event(self, kind: EventKind, who: str | None) -> None:
        model, about = self.model, self.ids[who] if who else None
        if who is not None and who not in model.alive:
            return
        await self.database.write(lambda sql: record_event(sql, self.tenant_id, about, kind, model.now_ms))
        (model.own[who] if who else model.of_all).append(Event(kind, model.now_ms))

    async def do_hold(self, who: str | None, category: Category | None) -> None:
        if who is not None and who not in self.model.alive:
            return
        about = self.ids[who] if who else None
        hold = Hold(new_hold_id(), self.tenant_id, about, category, self.model.now_ms, None)
        await Holds(self.database).add(hold, None, None)
        self.model.holds.append(KnownHold(hold.hold_id, who, category))

    async def do_release(self, number: int) -> None:
        if number < len(self.model.holds):
            hold = self.model.holds.pop(number)
            assert await Holds(self.database).end(self.tenant_id, hold.hold_id, self.model.now_ms)

    async def do_restrict(self, who: str, begins: bool, noticed: bool) -> None:
        if who in self.model.alive:
            since_ms = self.model.now_ms if begins else None
            row = update(subjects).where(subjects.c.id == self.ids[who]).values(restricted_ms=since_ms)

            def work(sql: Connection) -> None:
                sql.execute(row)
                if not begins:
                    locate_from(sql, self.ids[who], self.model.now_ms)

            await self.database.write(work)
            if not begins:
                self.positions.written[who].since_ms = self.model.now_ms
            self._a_moment_later()
            (self.model.restricted.add if begins else self.model.restricted.discard)(who)
        await self._noticed(noticed)

    async def do_erase(self, who: str, noticed: bool) -> None:
        model, erasures, note = self.model, self.ground.erasures, self._note("subject.erase")
        restricted = who in model.restricted and who in model.alive
        if restricted or any(hold.who in (None, who) for hold in model.holds):
            with pytest.raises(OnHold):
                await erasures.erase_subject(self.ids[who], note)
        elif who not in model.alive:
            with pytest.raises(NotFound):
                await erasures.erase_subject(self.ids[who], note)
        else:
            await erasures.erase_subject(self.ids[who], note)
            model.shred(who)
            self.positions.erased()
        await self._noticed(noticed)

    def _note(self, operation: str) -> AuditNote:
        return AuditNote(Gate(self.model.policy), operation, self.tenant_id, Personal("Olga"), self.model.now_ms)

    async def do_allow(self, who: str, allowed: bool, noticed: bool) -> None:
        """Whether the organisation locates somebody."""
        store = SubscriberRights(self.database)
        rights = await store.of(self.ids[who])
        assert (rights is None) == (who not in self.model.alive)
        if rights is not None:
            await store.put(self.ids[who], replace(rights, location_allowed=allowed), self.model.now_ms)
            self.positions.written[who].turn(self.model.now_ms, allowed=allowed)
            self._a_moment_later()
        await self._noticed(noticed)

    # What people do ----------------------------------------------------------------------------------------------

    async def do_report(self, who: str, minutes_ago: int) -> None:
        session = self.services.sessions.of_subscriber(self.ids[who])
        if session is None:
            assert who not in self.positions.present
            return
        at_ms = self.model.now_ms - minutes_ago * MINUTE
        position = signalling.Position(latitude=LATITUDE, longitude=LONGITUDE, accuracy_m=5, at_ms=at_ms)
        request = signalling.LocationReport(id=1, positions=[position], buffered=True)
        taken = self.positions.report(who, at_ms)
        if taken is None:
            with pytest.raises(PolicyForbids):
                await self.services.desk.handle(session, request)
            self.seen["positions refused"] += 1
        else:
            reply = await self.services.desk.handle(session, request)
            assert isinstance(reply, signalling.LocationTaken)
            assert reply.accepted == taken
            self.seen["positions taken"] += reply.accepted

    async def do_switch(self, who: str, on: bool) -> None:
        session = self.services.sessions.of_subscriber(self.ids[who])
        if session is None:
            return
        request = signalling.LocationSwitch(id=1, on=on)
        if not self.positions.switch(who, on):
            with pytest.raises(PolicyForbids):
                await self.services.desk.handle(session, request)
        elif who not in self.model.alive:
            with pytest.raises(NotFound):
                await self.services.desk.handle(session, request)
        else:
            await self.services.desk.handle(session, request)

    async def do_flush(self) -> None:
        """The server writes the positions that wait."""
        assert await self.services.location.log.flush()
        self.positions.flush()
        assert len(self.services.location.log) == len(self.positions.waiting)

    # Looking -----------------------------------------------------------------------------------------------------

    async def do_look(self) -> None:
        """What is served, whether or not anything was swept."""
        await self.do_notice()
        await self.looks.served()

    async def do_sweep(self) -> None:
        """If nothing was erased and all is there, what is served is what was served before.

        What is erased is what was told to be due.
        """
        await self.do_look()
        due = Counter[str]()
        for each in await self.services.retention.due(self.tenant_id):
            due[each.category.value] += each.rows
        (swept,) = await self.services.retention.round(self.tenant_id)
        assert swept.outcome is Outcome.DONE, swept.problem
        assert Counter(swept.erased) == due
        self.seen["erased"] += sum(swept.erased.values())
        self.model.sweep()
        self.positions.sweep()
        await self.looks.stored()
        if swept.erased:
            await self.do_look()


def _plain(value: Any) -> str:
    return value.reveal() if isinstance(value, Personal) else value
