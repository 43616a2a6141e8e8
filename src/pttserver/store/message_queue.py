"""Messages on their way: kept until they are fetched, confirmed, over their time, dropped for newer ones, or deleted.

State of a delivery:

    sent --> delivered --> read --> deleted    (by the author; `untold` until the recipient has confirmed it)
      '--> expired, dropped, deleted
    undelivered    (nothing is kept to be fetched) --> delivered, read, by whoever was there

`untold` marks what the other side must still hear of: the sender of a state, the recipient of a deletion.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from pttserver.errors import NotFound, SealBroken
from pttserver.ids import SubscriberId, TenantId
from pttserver.privacy.released import Released
from pttserver.store.columns import Sealed
from pttserver.store.database import Database
from pttserver.store.message_records import NewDelivery, NewMessage, Outcome, Put
from pttserver.store.message_schema import attachments, deliveries, messages
from pttserver.store.message_sparing import MessageSparing
from pttserver.store.vault import SubjectVault, Vault

_AT, _SAID = deliveries.c, messages.c
_ARRIVED = ("delivered", "read")
_WAITING = ("sent", "undelivered", "expired", "dropped")
_BEFORE = {"delivered": ("sent", "undelivered"), "read": ("sent", "undelivered", "delivered")}
EXPIRED_AT_ONCE = 500


class MessageQueue:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, new: NewMessage, queue_limit: int) -> Put | None:
        """Once, however often it comes. None: the sender's processing is restricted, so nothing is kept.

        Of a recipient whose queue is longer than the limit the oldest go. Raises NotFound: the sender was erased.
        """
        vault = self._database.vault

        def work(sql: Connection) -> Put | None:
            sender = vault.existing(sql, new.sender_id)
            earlier = _earlier(sql, sender, new.client_id)
            if earlier is not None:
                return earlier
            subject = sender.refer(new.subject)
            if subject is None:
                return None
            _insert_message(sql, vault, sender, subject, new)
            people = vault.subjects(sql, [each.recipient_id for each in new.deliveries])
            kept = [each for each in new.deliveries if _insert_delivery(sql, people, new, each)]
            at_ms = int(new.sent_ms.value)
            dropped: list[Outcome] = []
            for keys in (people[each.recipient_id] for each in kept):
                if over := _over_the_limit(sql, keys, queue_limit):
                    dropped += _drop(sql, MessageSparing(sql, vault, new.tenant_id, at_ms), keys, over)
            return Put(new.message_id, at_ms, False, frozenset(each.recipient_id for each in kept), dropped)

        return await self._database.write(work)

    async def repeated(self, sender_id: SubscriberId, client_id: bytes) -> Put | None:
        """The message, if it came before."""
        vault = self._database.vault
        return await self._database.read(lambda sql: _earlier(sql, vault.existing(sql, sender_id), client_id))

    async def confirm(
        self, me: SubscriberId, message_ids: Sequence[str], state: str, at_ms: Released | None
    ) -> list[Outcome]:
        """Those whose state this changed. `at_ms`: when, if that is kept."""
        vault = self._database.vault

        def work(sql: Connection) -> list[Outcome]:
            keys = vault.existing(sql, me)
            mine = _refers(keys) & _AT.message_id.in_(message_ids)
            if state == "deleted":
                sql.execute(update(deliveries).where(mine, _AT.state == "deleted").values(untold=False))
                return []
            rows = sql.execute(select(deliveries).where(mine, _AT.state.in_(_BEFORE[state]))).all()
            changed = [_outcome(keys, row, state) for row in rows]
            done = {"state": state} if keys.restricted else {"state": state, "state_ms": at_ms}
            sql.execute(
                update(deliveries).where(mine, _AT.message_id.in_([row.message_id for row in rows])).values(done)
            )
            return [one for one in changed if one is not None]

        return await self._database.write(work)

    async def mark(self, outcomes: Sequence[Outcome], *, untold: bool) -> None:
        """Whether the senders have still to hear of these."""

        def work(sql: Connection) -> None:
            people = self._database.vault.subjects(sql, list({one.recipient_id for one in outcomes}))
            for one in outcomes:
                if one.recipient_id in people:
                    this = _refers(people[one.recipient_id]) & (_AT.message_id == one.message_id)
                    sql.execute(update(deliveries).where(this, _AT.state != "deleted").values(untold=untold))

        if outcomes:
            await self._database.write(work)

    async def expire(
        self, tenant_id: TenantId, until_ms: int, now_ms: int, online: Collection[SubscriberId]
    ) -> set[SubscriberId]:
        """What was sent until `until_ms` and not fetched is given up; what a hold covers then stays, and waits no more.

        Gives those of `online` who have to hear of it.
        """
        vault = self._database.vault
        late = (_AT.tenant_id == tenant_id) & (_AT.state == "sent") & (_AT.sent_ms <= until_ms)

        def is_any(sql: Connection) -> bool:
            return sql.execute(select(_AT.message_id).where(late).limit(1)).first() is not None

        def work(sql: Connection) -> set[SubscriberId]:
            ids = list(set(sql.scalars(select(_AT.message_id).where(late).limit(EXPIRED_AT_ONCE))))
            wrapped = MessageSparing(sql, vault, tenant_id, now_ms).wrapped
            given_up = update(deliveries).where(late, _AT.message_id.in_(ids))
            sql.execute(given_up.values(state="expired", wrapped=wrapped, untold=True))
            senders = {name.text for name in sql.scalars(select(_SAID.subject).where(_SAID.id.in_(ids))) if name}
            people = vault.subjects(sql, list(online))
            return {SubscriberId(who) for who, keys in people.items() if senders & set(keys.references())}

        return await self._database.write(work) if await self._database.read(is_any) else set()

    async def delete(self, tenant_id: TenantId, me: SubscriberId, message_id: str, now_ms: int) -> list[SubscriberId]:
        """Gives who has it, and must be told. What a hold or a restriction covers is hidden, and stays.

        Raises NotFound.
        """
        vault = self._database.vault

        def work(sql: Connection) -> list[SubscriberId]:
            author = vault.existing(sql, me)
            this = _SAID.subject.in_(author.references()) & (_SAID.id == message_id)
            row = sql.execute(select(messages).where(this)).first()
            if row is None:
                raise NotFound
            held = MessageSparing(sql, vault, tenant_id, now_ms).covers(message_id)
            have = sql.scalars(select(_AT.subject).where(_AT.message_id == message_id, _AT.state.in_(_ARRIVED))).all()
            _empty(sql, message_id, now_ms, {} if held else {"wrapped": None})
            if not held:
                sql.execute(update(messages).where(this).values(content=None))
                sql.execute(delete(attachments).where(attachments.c.message_id == message_id))
            named = named_in(sql, vault, author, row)
            return [named[name.text] for name in have if name is not None and name.text in named]

        return await self._database.write(work)


def named_in(sql: Connection, vault: Vault, author: SubjectVault, row: Any) -> dict[str, SubscriberId]:
    """The recipients of a message of the author's, by the names that they go by in the deliveries."""
    recipients = opened(author, row.recipients)
    people = vault.subjects(sql, recipients.decode().split(",") if recipients else [])
    return {name: SubscriberId(who) for who, keys in people.items() for name in keys.references()}


def _empty(sql: Connection, message_id: str, now_ms: int, gone: Mapping[str, None]) -> None:
    this = _AT.message_id == message_id
    sql.execute(update(messages).where(_SAID.id == message_id).values(deleted_ms=now_ms, **gone))
    for states, untold in ((_WAITING, False), (_ARRIVED, True)):
        ended = update(deliveries).where(this, _AT.state.in_(states))
        sql.execute(ended.values(state="deleted", untold=untold, **gone))


def opened(keys: SubjectVault, sealed: Sealed | None) -> bytes | None:
    """None: there is nothing, it was tampered with, or a stricter policy made a pseudonym of it."""
    try:
        return keys.octets(sealed)
    except SealBroken:
        return None


def _refers(keys: SubjectVault) -> ColumnElement[bool]:
    return _AT.subject.in_(keys.references())


def _earlier(sql: Connection, sender: SubjectVault, client_id: bytes) -> Put | None:
    same = _SAID.subject.in_(sender.references()) & (_SAID.client_id == client_id)
    row = sql.execute(select(_SAID.id, _SAID.sent_ms).where(same)).first()
    return None if row is None else Put(row.id, row.sent_ms, True, frozenset())


def _insert_message(sql: Connection, vault: Vault, sender: SubjectVault, subject: Any, new: NewMessage) -> None:
    row = {
        "id": new.message_id,
        "tenant_id": new.tenant_id,
        "subject": subject,
        "client_id": new.client_id,
        "conversation": vault.tenant(sql, new.tenant_id).blind_index(new.conversation, "conversation"),
        "recipients": sender.seal(new.recipients),
        "envelope": sender.seal(new.envelope),
        "content": sender.seal(new.content),
        "wrapped": sender.seal(new.keys),
        "sent_ms": new.sent_ms,
    }
    sql.execute(insert(messages), row)
    if new.attachment is not None:
        part = new.attachment
        kept = {"subject": sender.refer(part.subject), "octets": sender.seal(part.octets), "sent_ms": part.sent_ms}
        sql.execute(insert(attachments), {"message_id": new.message_id, "tenant_id": new.tenant_id, **kept})


def _insert_delivery(sql: Connection, people: dict[str, SubjectVault], new: NewMessage, each: NewDelivery) -> bool:
    """False: nothing new may be recorded of the recipient, or there is none any more."""
    keys = people.get(each.recipient_id)
    subject = keys.refer(each.subject) if keys else None
    if keys is None or subject is None:
        return False
    row = {
        "message_id": new.message_id,
        "subject": subject,
        "tenant_id": new.tenant_id,
        "sender": keys.seal(each.sender),
        "wrapped": keys.seal(each.keys),
        "state": "sent" if each.keys is not None else "undelivered",
        "sent_ms": each.sent_ms,
    }
    sql.execute(insert(deliveries), row)
    return True


def _over_the_limit(sql: Connection, keys: SubjectVault, limit: int) -> Sequence[Any]:
    waiting = _refers(keys) & (_AT.state == "sent")
    newest_first = select(deliveries).where(waiting).order_by(_AT.sent_ms.desc(), _AT.message_id.desc())
    return sql.execute(newest_first.offset(limit)).all()


def _drop(sql: Connection, sparing: MessageSparing, keys: SubjectVault, rows: Sequence[Any]) -> list[Outcome]:
    """What a hold covers waits no longer either, and stays."""
    these = _refers(keys) & _AT.message_id.in_([row.message_id for row in rows])
    sql.execute(update(deliveries).where(these).values(state="dropped", wrapped=sparing.wrapped))
    dropped = (_outcome(keys, row, "dropped") for row in rows)
    return [outcome for outcome in dropped if outcome is not None]


def _outcome(keys: SubjectVault, row: Any, state: str) -> Outcome | None:
    sender = opened(keys, row.sender)
    if sender is None:
        return None
    return Outcome(row.message_id, SubscriberId(sender.decode()), SubscriberId(keys.subject_id), state)
