"""Messages, read: what waits for somebody, what was said in a conversation, attachments. Nothing that is over.

A message that was tampered with at rest does not keep others from being read: it is given without its content.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, tuple_

from pttserver.errors import NotFound
from pttserver.ids import DeviceId, Personal, SubscriberId
from pttserver.privacy.categories import Category
from pttserver.store.database import Database
from pttserver.store.message_people import People, Reader
from pttserver.store.message_queue import named_in, opened
from pttserver.store.message_records import KeptMessage, Outcome, Waiting
from pttserver.store.message_schema import attachments, deliveries, messages
from pttserver.store.schema import devices
from pttserver.store.vault import SubjectVault, Vault

PAGE_BYTES = 131_072
ROWS_AT_ONCE = 50
_AT, _SAID = deliveries.c, messages.c
_SEEN = ("sent", "delivered", "read")
_MESSAGE = (_SAID.id, _SAID.recipients, _SAID.envelope, _SAID.content, _SAID.sent_ms)
_RECEIVED = select(*_MESSAGE, _AT.sender, _AT.wrapped).join(deliveries, _AT.message_id == _SAID.id)
_SENT = select(*_MESSAGE, _SAID.wrapped)
_Found = tuple[Any, SubscriberId | None]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the history; `conversation` None: all. `before`: only what is older than this message."""

    conversation: str | None
    before: str | None
    limit: int


class MessageHistory:
    """Every method raises StoreUnavailable if the database fails, NotFound if the subscriber was erased."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, who: Reader, since_ms: int, limit: int) -> Waiting:
        """Oldest first; not what was sent up to `since_ms`."""

        def work(sql: Connection) -> Waiting:
            reading = _Reading(sql, self._database.vault, who)
            mine = and_(_AT.subject.in_(reading.names), _AT.state == "sent", _AT.sent_ms > since_ms)
            query = _RECEIVED.where(mine, _SAID.content.is_not(None)).order_by(_AT.sent_ms, _AT.message_id)
            found, more = reading.page(query, limit)
            return Waiting(found, more, reading.untold(), reading.deleted())

        return await self._database.read(work)

    async def page(self, who: Reader, wanted: Page) -> tuple[list[KeptMessage], bool]:
        """Newest first, and whether there are older ones. Raises NotFound if `before` is none of the subscriber's."""

        def work(sql: Connection) -> tuple[list[KeptMessage], bool]:
            return _Reading(sql, self._database.vault, who).history(wanted)

        return await self._database.read(work)

    async def attachment(self, who: Reader, message_id: str) -> bytes:
        """Of a message that the subscriber sent or received. Raises NotFound."""

        def work(sql: Connection) -> bytes:
            return _Reading(sql, self._database.vault, who).attachment(message_id)

        return await self._database.read(work)

    async def untold(self, who: Reader) -> list[Outcome]:
        """What became of the subscriber's messages, as far as that has not been told."""
        vault = self._database.vault
        return await self._database.read(lambda sql: _Reading(sql, vault, who).untold())


class _Reading:
    def __init__(self, sql: Connection, vault: Vault, who: Reader) -> None:
        self._sql = sql
        self._vault = vault
        self._me = vault.existing(sql, who.subscriber_id)
        self._people = People(sql, vault, who)
        self._cutoffs = self._people.cutoffs
        self._names: dict[SubscriberId, Personal] = {}
        self._tenant_id = who.tenant_id
        self._keys_of: dict[SubscriberId, Mapping[DeviceId, bytes]] = {}
        self.names = self._me.references()

    # Pages -------------------------------------------------------------------------------------------------------

    def page(self, query: Select[Any], limit: int) -> tuple[list[KeptMessage], bool]:
        return self._first(([(row, self._sender(row)) for row in some] for some in self._batches(query)), limit)

    def history(self, wanted: Page) -> tuple[list[KeptMessage], bool]:
        newest_first = (_SAID.sent_ms.desc(), _SAID.id.desc())
        query = select(_SAID.id).where(self._sent_or_received(wanted)).order_by(*newest_first)
        ids = ([row.id for row in some] for some in self._batches(query))
        return self._first(map(self._by_id, ids), wanted.limit)

    def _batches(self, query: Select[Any]) -> Iterator[Sequence[Any]]:
        result = self._sql.execute(query)
        while some := result.fetchmany(ROWS_AT_ONCE):
            yield some

    def _by_id(self, ids: Sequence[str]) -> list[_Found]:
        me = SubscriberId(self._me.subject_id)
        mine = self._sql.execute(_SENT.where(_SAID.id.in_(ids), _SAID.subject.in_(self.names)))
        found: dict[str, _Found] = {row.id: (row, me) for row in mine}
        for row in self._sql.execute(_RECEIVED.where(_SAID.id.in_(ids), _AT.subject.in_(self.names))):
            found.setdefault(row.id, (row, self._sender(row)))
        return [found[each] for each in ids]

    def _sent_or_received(self, wanted: Page) -> ColumnElement[bool]:
        received = select(_AT.message_id).where(_AT.subject.in_(self.names), _AT.state.in_(_SEEN))
        mine = and_(or_(_SAID.subject.in_(self.names), _SAID.id.in_(received)), _SAID.deleted_ms.is_(None))
        if wanted.conversation is not None:
            index = self._vault.tenant(self._sql, self._tenant_id).blind_index(wanted.conversation, "conversation")
            mine = and_(mine, _SAID.conversation == index)
        if wanted.before is None:
            return mine
        last = self._sql.execute(select(_SAID.sent_ms, _SAID.id).where(mine, _SAID.id == wanted.before)).first()
        if last is None:
            raise NotFound
        return and_(mine, tuple_(_SAID.sent_ms, _SAID.id) < tuple_(last.sent_ms, last.id))

    def _first(self, batches: Iterable[Sequence[_Found]], limit: int) -> tuple[list[KeptMessage], bool]:
        """As many as fit a page, at least one. Those of erased people cannot be opened, and are left out."""
        found: list[KeptMessage] = []
        size = 0
        for batch in batches:
            authors = self._vault.subjects(self._sql, list({who for _, who in batch if who is not None}))
            for row, who in batch:
                if who not in authors or self._is_over(row.sent_ms, who):
                    continue
                one = self._opened(row, who, authors[who])
                size += len(one.envelope or b"") + len(one.content or b"")
                if len(found) == limit or (found and size > PAGE_BYTES):
                    return found, True
                found.append(one)
        return found, False

    def _opened(self, row: Any, who: SubscriberId, author: SubjectVault) -> KeptMessage:
        shown = not self._hidden(Category.MESSAGE_CONTENT, row.sent_ms, who)
        return KeptMessage(
            message_id=row.id,
            sender_id=who,
            name=self._name(who),
            at_ms=row.sent_ms,
            signing_keys=self._signing_keys(who, author),
            envelope=opened(author, row.envelope),
            content=opened(author, row.content) if shown else None,
            keys=opened(self._me, row.wrapped) if shown else None,
            outcomes=self._outcomes(row, author) if who == self._me.subject_id else None,
        )

    # What belongs to a message -----------------------------------------------------------------------------------

    def _sender(self, row: Any) -> SubscriberId | None:
        sender = opened(self._me, row.sender)
        return None if sender is None else SubscriberId(sender.decode())

    def _name(self, who: SubscriberId) -> Personal:
        if who not in self._names:
            person = self._people.of([who]).get(who)
            self._names[who] = person.name if person else Personal("")
        return self._names[who]

    def _signing_keys(self, who: SubscriberId, author: SubjectVault) -> Mapping[DeviceId, bytes]:
        if who not in self._keys_of:
            rows = self._sql.execute(select(devices.c.id, devices.c.public_key).where(devices.c.subscriber_id == who))
            found = {row.id: opened(author, row.public_key) for row in rows}
            self._keys_of[who] = {device: key for device, key in found.items() if key is not None}
        return self._keys_of[who]

    def _outcomes(self, row: Any, author: SubjectVault) -> list[Outcome]:
        named = named_in(self._sql, self._vault, author, row)
        states = self._sql.execute(select(_AT.subject, _AT.state).where(_AT.message_id == row.id))
        me = SubscriberId(author.subject_id)
        return [
            Outcome(row.id, me, named[each.subject.text], each.state) for each in states if each.subject.text in named
        ]

    # Beside the messages -----------------------------------------------------------------------------------------

    def untold(self) -> list[Outcome]:
        query = (
            select(_SAID.id, _SAID.recipients, _AT.subject, _AT.state)
            .join(deliveries, _AT.message_id == _SAID.id)
            .where(_SAID.subject.in_(self.names), _AT.untold, _AT.state != "deleted")
            .order_by(_AT.sent_ms)
        )
        found = defaultdict[str, list[Any]](list)
        for row in self._sql.execute(query):
            found[row.id].append(row)
        me = SubscriberId(self._me.subject_id)
        told: list[Outcome] = []
        for message_id, rows in found.items():
            named = named_in(self._sql, self._vault, self._me, rows[0])
            told += [_outcome(message_id, me, row, named) for row in rows if row.subject.text in named]
        return told

    def deleted(self) -> list[str]:
        mine = and_(_AT.subject.in_(self.names), _AT.state == "deleted", _AT.untold)
        return list(self._sql.scalars(select(_AT.message_id).where(mine)))

    def attachment(self, message_id: str) -> bytes:
        row = self._sql.execute(select(attachments).where(attachments.c.message_id == message_id)).first()
        author = self._author_of(message_id)
        if row is None or author is None or self._hidden(Category.ATTACHMENT, row.sent_ms, author.subject_id):
            raise NotFound
        octets = author.octets(row.octets)
        if octets is None:
            raise NotFound
        return octets

    def _author_of(self, message_id: str) -> SubjectVault | None:
        """None: the message is not one that I sent or received."""
        this = and_(_SAID.id == message_id, _SAID.subject.in_(self.names), _SAID.deleted_ms.is_(None))
        if self._sql.scalar(select(func.count()).select_from(messages).where(this)):
            return self._me
        received = and_(_AT.message_id == message_id, _AT.subject.in_(self.names), _AT.state.in_(_SEEN))
        row = self._sql.execute(select(_AT.sender).where(received)).first()
        sender = self._sender(row) if row is not None else None
        return None if sender is None else self._vault.subject(self._sql, sender)

    def _is_over(self, sent_ms: int, author: str) -> bool:
        """By what either of the two has asked for."""
        return any(self._hidden(Category.MESSAGE_METADATA, sent_ms, who) for who in (author, self._me.subject_id))

    def _hidden(self, category: Category, recorded_ms: int, subject_id: str) -> bool:
        return self._cutoffs.is_hidden(category, recorded_ms, subject_id)


def _outcome(message_id: str, me: SubscriberId, row: Any, named: Mapping[str, SubscriberId]) -> Outcome:
    return Outcome(message_id, me, named[row.subject.text], row.state)
