"""What a schedule finds at a look: what is served, by the services that serve it, and what stands in the database."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from pttserver.errors import Forbidden, NotFound, PolicyForbids
from pttserver.ids import Personal, SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Cutoffs
from pttserver.services.serving import Serving, as_served
from pttserver.services.subject_export import document_of
from pttserver.store.call_records import CallRecords, Wanted
from pttserver.store.devices import login_candidate
from pttserver.store.events import events_of
from pttserver.store.governance_schema import subjects
from pttserver.store.holdings import Held, held, participations
from pttserver.store.location_schema import positions as position_table
from pttserver.store.records import LoginCandidate
from pttserver.store.schema import call_participants, calls
from pttserver.store.subjects import subjects_of
from pttserver.store.subscribers import Subscribers
from pttserver.store.vault import FOLLOWED
from pttserver.wire import signalling
from services.schedules.ground import Ground, device_of
from services.schedules.model import DORA, PEOPLE, KnownCall, Model
from services.schedules.positions import KnownPosition, Positions

_TENANT = bindparam("tenant")
_SUBJECTS = select(subjects.c.id).where(subjects.c.tenant_id == _TENANT)
_CALLS = select(calls).where(calls.c.tenant_id == _TENANT)
_PARTICIPANTS = select(call_participants.c.call_id).where(call_participants.c.tenant_id == _TENANT)
_POSITIONS = select(position_table).where(position_table.c.tenant_id == _TENANT)


class Looks:
    """Each method raises AssertionError where server and model differ. The server has noticed all."""

    def __init__(self, ground: Ground, model: Model, positions: Positions, seen: Counter[str]) -> None:
        self._seen = seen
        self._database, self._services = ground.database, ground.services
        self._clock: Any = ground.clock
        self._tenant, self._tenant_id, self._ids = ground.tenant, ground.tenant.tenant_id, ground.ids
        self._names = {subscriber_id: who for who, subscriber_id in ground.ids.items()}
        self._model, self._positions = model, positions
        self._mine = {"tenant": self._tenant_id}

    # Served ------------------------------------------------------------------------------------------------------

    async def served(self) -> None:
        serving = Serving(self._database, self._services.policies, self._clock)
        await self._calls(await serving.cutoffs(self._tenant_id))
        listed = await serving.subscribers(
            self._tenant_id, await Subscribers(self._database).of_tenant(self._tenant_id)
        )
        self._people({self._names[each.subscriber_id]: each.display_name for each in listed})
        await self._database.read(self._persons)
        for who in sorted(self._positions.reporters):
            await self._whereabouts(who)

    async def _calls(self, cutoffs: Cutoffs) -> None:
        model = self._model
        found = await CallRecords(self._database).calls(self._tenant_id, cutoffs, Wanted(limit=1000))
        served = {call.call_id: call for call in found}
        for call_id, call in model.calls.items():
            who = model.known(call.initiator) if call.initiator_followed else None
            shown = call.row and not model.hidden(Category.CALL_RECORD, call.at_ms, who)
            assert (call_id in served) == shown, call_id
            if shown:
                named = who if who and not model.hidden(Category.PARTICIPANTS, call.at_ms, who) else None
                address = call.address if who and not model.hidden(Category.IP_ADDRESS, call.at_ms, who) else None
                told = served[call_id]
                assert (told.initiator, told.initiator_address) == (self._ids.get(named or ""), address)
                assert told.participants == tuple(self._ids[there] for there in self._participants(call))

    def _participants(self, call: KnownCall) -> Iterator[str]:
        there = self._model.known(call.participant)
        followed = call.present and call.participant_followed and there is not None
        if followed and not self._model.hidden(Category.PARTICIPANTS, call.at_ms, there):
            yield call.participant

    def _people(self, listed: dict[str, Personal | None]) -> None:
        model = self._model
        assert set(listed) == {who for who in model.alive if not model.gone(Category.IDENTIFIER, 0, who)}
        for who, name in listed.items():
            assert name is None or not model.hidden(Category.SUBSCRIBER_NAME, 0, who)

    def _persons(self, sql: Connection) -> None:
        """Who logs in, and what an export tells: read as `Devices` and `Holdings` do, all of one state."""
        people = {self._names[SubscriberId(each.subject_id)]: each for each in subjects_of(sql, self._tenant_id)}
        events = events_of(sql, self._tenant_id)
        for who in PEOPLE:
            self._log_in(who, login_candidate(sql, self._database.vault, device_of(self._ids[who])))
            if who in self._model.alive:
                keys = self._database.vault.existing(sql, self._ids[who])
                about = events.about(self._ids[who])
                self._export(who, Held(people[who], held(sql, keys), participations(sql, keys), about, {}))

    def _log_in(self, who: str, known: LoginCandidate | None) -> None:
        model = self._model
        candidate = known and as_served(known, model.policy, model.now_ms)
        if known is not None:
            assert (candidate is None) == model.gone(Category.IDENTIFIER, 0, who)
        if candidate is not None and candidate.display_name is not None:
            assert not model.hidden(Category.SUBSCRIBER_NAME, 0, who)
            assert who not in model.restricted

    def _export(self, who: str, held: Held) -> None:
        model = self._model
        document = document_of(self._tenant, model.policy, held, model.now_ms)
        wanted = [
            call.at_ms
            for call in model.calls.values()
            if call.present and call.participant == who and call.participant_followed
            if who in model.restricted or not model.hidden(Category.PARTICIPANTS, call.at_ms, who)
        ]
        assert sorted(call.started_ms for call in document.calls) == sorted(wanted)
        told = sorted(row.recorded_ms for row in document.rows if row.table == position_table.name)
        if who in model.restricted:  # what is held for that person is all told
            assert told == sorted(each.at_ms for each in self._positions.stored if each.who == who)
            return
        if model.hidden(Category.SUBSCRIBER_NAME, 0, who):
            assert document.profile.display_name is None
        assert told == [each.at_ms for each in self._positions.visible(who)]

    async def _whereabouts(self, who: str) -> None:
        """By requests of a dispatcher, who is refused or told exactly this."""
        session = self._services.sessions.of_subscriber(self._ids[DORA])
        if session is None:
            return
        of, until_ms = self._ids[who], self._model.now_ms
        track = await self._asked(
            session, signalling.LocationHistory(id=1, subscriber=of, from_ms=0, until_ms=until_ms)
        )
        wanted = self._positions.shown(who)
        assert (None if track is None else [_told(each) for each in track.positions]) == (
            None if wanted is None else [_known(each) for each in wanted]
        )
        self._seen["positions shown"] += len(wanted or ())
        last = await self._asked(session, signalling.LocationLast(id=2, subscriber=of))
        assert (last is not None) == self._positions.is_shown(who)
        if last is not None:
            known = self._positions.last_shown(who)
            assert (last.position and _told(last.position)) == (known and _known(known))

    async def _asked(self, session: Any, request: signalling.Request) -> Any:
        """The reply, or None if it is refused."""
        try:
            self._services.desk.require(session, request)
            return await self._services.desk.handle(session, request)
        except (Forbidden, NotFound, PolicyForbids):
            return None

    # Stored ------------------------------------------------------------------------------------------------------

    async def stored(self) -> None:
        """All of it, straight from the tables."""
        await self._database.read(self._stored)

    def _stored(self, sql: Connection) -> None:
        alive = set(sql.scalars(_SUBJECTS, self._mine))
        assert alive - {self._tenant_id} == {self._ids[who] for who in self._model.alive}
        self._stored_calls(sql)
        self._stored_positions(sql)

    def _stored_calls(self, sql: Connection) -> None:
        rows = {row.id: row for row in sql.execute(_CALLS, self._mine)}
        known = self._model.calls
        assert set(rows) == {call_id for call_id, call in known.items() if call.row}
        for call_id, row in rows.items():
            call = known[call_id]
            assert (row.initiator is not None) == (call.initiator is not None), call_id
            assert (row.initiator_address is not None) == (call.address is not None), call_id
            assert row.initiator is None or row.initiator.text.startswith(FOLLOWED) == call.initiator_followed
            if call.address and call.initiator:
                keys = self._database.vault.existing(sql, self._ids[call.initiator])
                assert keys.required_text(row.initiator_address) == call.address
        there = set(sql.scalars(_PARTICIPANTS, self._mine))
        assert there == {call_id for call_id, call in known.items() if call.present}

    def _stored_positions(self, sql: Connection) -> None:
        people = self._database.vault.of_tenant(sql, self._tenant_id)
        owners = {name: keys for keys in people for name in keys.references()}
        rows = sql.execute(_POSITIONS, self._mine).all()
        found = [self._opened(owners, row) for row in rows]
        assert sorted(found) == sorted((each.who, *_known(each)) for each in self._positions.stored)

    def _opened(self, owners: Any, row: Row[Any]) -> tuple[str, int, str]:
        assert row.subject.text in owners, "a position of somebody who was erased"
        keys = owners[row.subject.text]
        return self._names[SubscriberId(keys.subject_id)], row.at_ms, keys.required_text(row.place)


def _known(position: KnownPosition) -> tuple[int, str]:
    return position.at_ms, position.place


def _told(position: signalling.Position) -> tuple[int, str]:
    return position.at_ms, f"{position.latitude:.7f},{position.longitude:.7f}"
