"""Messages in the database: what each side is told, and what periods, holds, requests and restrictions do to them."""

import pytest
from sqlalchemy import select, update

from pttserver.errors import NotFound
from pttserver.ids import GroupId, Personal, SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.policy import parse_policy
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.retention import EventKind
from pttserver.roles import Rights
from pttserver.services.message_release import MessageRelease
from pttserver.sessions.session import Identity
from pttserver.store.governance_schema import subjects
from pttserver.store.holds import Hold, Holds
from pttserver.store.message_directory import MessageDirectory
from pttserver.store.message_history import MessageHistory, Page
from pttserver.store.message_people import Reader
from pttserver.store.message_queue import MessageQueue
from pttserver.store.message_schema import attachments, deliveries, messages
from pttserver.store.schema import subscribers
from pttserver.wire import signalling
from store.organisation import ANNA, BERT, GATE, GROUP, RADIO, TENANT, subscriber
from store.sweeping import DAY, apply, count, event, numbers, policy, sweep

CARL = SubscriberId("sub_carl")
EVERYTHING = Page(None, None, 50)
DEVICE = "dev_00000000000000d1"


def message(number, at_ms, sender=ANNA, recipient=BERT, attachment=False):
    """As the gate lets it through."""
    who = Identity(
        tenant_id=TENANT, subscriber_id=sender, device_id=RADIO, device_type=Personal(""), display_name=Personal(""),
        rights=Rights(),
    )  # fmt: skip
    info = signalling.AttachmentInfo(size=28, digest=bytes(32)) if attachment else None
    sealed = signalling.SealedMessage.model_construct(
        message=number.to_bytes(16, "big"), device=DEVICE, group=None, recipients=[recipient], sequence=number,
        previous=bytes(32), sent_ms=at_ms, content=b"c" * 28, attachment=info, signature=bytes(64),
    )  # fmt: skip
    keys = {recipient: [signalling.WrappedKey(device=DEVICE, octets=bytes(80))]}
    release = MessageRelease(GATE, who, f"msg_{number:016x}", at_ms)
    return release.message(sealed, keys, b"a" * 28 if attachment else None)


def name(number):
    return f"msg_{number:016x}"


def reader(who, now_ms, text=""):
    return Reader(parse_policy(policy(text)), TENANT, who, now_ms)


def at(who, ms):
    return GATE.release(Category.MESSAGE_METADATA, Purpose.SERVICE, who, ms)


async def restrict(database, who):
    row = update(subjects).where(subjects.c.id == who)
    await database.write(lambda sql: sql.execute(row.values(restricted_ms=6, restriction="legal_claims")))


@pytest.fixture
def queue(acme, database):
    return MessageQueue(database)


@pytest.fixture
def history(database):
    return MessageHistory(database)


async def waiting(history, who=BERT, now_ms=10, since_ms=-1):
    return [each.message_id for each in (await history.waiting(reader(who, now_ms), since_ms, 50)).messages]


async def test_a_message_waits_until_it_is_confirmed(queue, history):
    put = await queue.put(message(1, 5), 10)
    assert (put.message_id, put.at_ms, put.repeated, put.kept_for) == (name(1), 5, False, {BERT})
    assert await waiting(history) == [name(1)]
    assert await waiting(history, ANNA) == []
    (outcome,) = await queue.confirm(BERT, [name(1)], "delivered", at(BERT, 6))
    assert (outcome.sender_id, outcome.recipient_id, outcome.state) == (ANNA, BERT, "delivered")
    assert await waiting(history) == []
    assert await queue.confirm(BERT, [name(1)], "delivered", at(BERT, 7)) == []
    assert await queue.confirm(ANNA, [name(1)], "read", at(ANNA, 7)) == []


async def test_it_is_kept_once_however_often_it_comes(queue, database):
    await queue.put(message(1, 5), 10)
    again = await queue.put(message(1, 8), 10)
    assert (again.message_id, again.at_ms, again.repeated) == (name(1), 5, True)
    assert await count(database, messages) == await count(database, deliveries) == 1


async def test_the_oldest_of_a_full_queue_go(queue, history):
    for number in range(1, 6):
        put = await queue.put(message(number, number), 3)
    assert [(gone.message_id, gone.sender_id, gone.state) for gone in put.dropped] == [(name(2), ANNA, "dropped")]
    assert await waiting(history) == [name(3), name(4), name(5)]


async def test_untold_outcomes_are_told_until_they_are_marked(queue, history):
    await queue.put(message(1, 5), 10)
    outcomes = await queue.confirm(BERT, [name(1)], "read", at(BERT, 6))
    await queue.mark(outcomes, untold=True)
    assert (await history.waiting(reader(ANNA, 10), -1, 50)).outcomes == outcomes
    await queue.mark(outcomes, untold=False)
    assert (await history.waiting(reader(ANNA, 10), -1, 50)).outcomes == []


async def test_what_is_over_is_not_shown_and_is_swept_to_the_millisecond(queue, history, database):
    text = '[categories.message_metadata]\nkeep = "90 days"\n[categories.message_content]\nkeep = "3 days"\n'
    text += '[categories.attachment]\nkeep = "60 days"\n'
    await apply(database, text)
    for number in range(1, 4):
        await queue.put(message(number, number * DAY, attachment=True), 10)
    shown, _ = await history.page(reader(ANNA, 5 * DAY, text), EVERYTHING)
    assert [(each.message_id, each.content is None) for each in shown] == [
        (name(3), False),
        (name(2), True),
        (name(1), True),
    ]
    await sweep(database, 5 * DAY)
    assert await count(database, messages) == 3
    assert await count(database, messages, messages.c.content.is_not(None)) == 1
    assert await count(database, deliveries, deliveries.c.wrapped.is_not(None)) == 1
    await sweep(database, 62 * DAY - 1)
    assert await count(database, attachments) == 2
    await sweep(database, 62 * DAY)
    assert await count(database, attachments) == 1
    await sweep(database, 92 * DAY)
    assert await count(database, messages) == await count(database, deliveries) == 1


async def test_after_60_days_in_which_a_request_can_be_taken_back_they_are_gone_in_60_more(queue, history, database):
    two = 'keep = ["1 year", "60 days + 60 days after deletion_requested"]\n'
    text = "".join(f"[categories.{kind}]\n{two}" for kind in ("message_metadata", "message_content", "attachment"))
    await apply(database, text)
    await queue.put(message(1, DAY, attachment=True), 10)
    await queue.put(message(2, DAY, sender=BERT, recipient=ANNA), 10)
    await event(database, EventKind.DELETION_REQUESTED, 2 * DAY, ANNA)
    for who, own in ((ANNA, []), (BERT, [name(2)])):
        shown, _ = await history.page(reader(who, 3 * DAY, text), EVERYTHING)
        assert [each.message_id for each in shown] == own
    await sweep(database, 122 * DAY - 1)
    assert [await count(database, table) for table in (messages, deliveries, attachments)] == [2, 2, 1]
    await sweep(database, 122 * DAY)
    assert [await count(database, table) for table in (messages, deliveries, attachments)] == [1, 1, 0]


async def test_a_hold_keeps_what_the_author_deletes_and_hides_it(queue, history, database):
    await queue.put(message(1, 5, attachment=True), 10)
    await queue.confirm(BERT, [name(1)], "read", at(BERT, 6))
    await Holds(database).add(Hold("hld_1", TENANT, BERT, None, 6, None), None, None)
    assert await queue.delete(TENANT, ANNA, name(1), 7) == [BERT]
    assert await count(database, messages, messages.c.content.is_not(None)) == await count(database, attachments) == 1
    for who in (ANNA, BERT):
        assert (await history.page(reader(who, 8), EVERYTHING))[0] == []
        with pytest.raises(NotFound):
            await history.attachment(reader(who, 8), name(1))


async def hold(database, who, category=None):
    await Holds(database).add(Hold(f"hld_{who}", TENANT, who, category, 6, None), None, None)


SPARED = {
    "nobody": (lambda database: restrict(database, CARL), False),
    "recipient held": (lambda database: hold(database, BERT), True),
    "sender held": (lambda database: hold(database, ANNA, Category.MESSAGE_CONTENT), True),
    "all held": (lambda database: hold(database, None), True),
    "another one held": (lambda database: hold(database, CARL), False),
    "positions held": (lambda database: hold(database, BERT, Category.LOCATION), False),
    "recipient restricted": (lambda database: restrict(database, BERT), True),
    "sender restricted": (lambda database: restrict(database, ANNA), True),
}


@pytest.fixture(params=SPARED)
async def spared(request, acme):
    """What to do, and whether what Anna says to Bert is kept for it."""
    await acme.subscribers.add(subscriber(CARL, "carl"))
    return SPARED[request.param]


async def kept(database):
    """State, and whether the keys are there, by message: of what was delivered; then whether content and file are."""

    def work(sql):
        rows = sql.execute(select(deliveries.c.state, deliveries.c.wrapped).order_by(deliveries.c.message_id)).all()
        said = [*sql.scalars(select(messages.c.content)), *sql.scalars(select(attachments.c.octets))]
        return [(row.state, row.wrapped is not None) for row in rows], [each is not None for each in said]

    return await database.read(work)


async def test_what_is_given_up_is_kept_for_whoever_is_held(queue, history, database, spared):
    await queue.put(message(1, 5), 10)
    await spared[0](database)
    assert await queue.expire(TENANT, 5, 20, [ANNA]) == {ANNA}
    assert (await kept(database))[0] == [("expired", spared[1])]
    assert await waiting(history) == []
    assert (await history.page(reader(BERT, 20), EVERYTHING))[0] == []


async def test_what_is_dropped_for_newer_messages_is_kept_for_whoever_is_held(queue, history, database, spared):
    await queue.put(message(1, 5), 10)
    await queue.put(message(2, 6), 10)
    await spared[0](database)
    put = await queue.put(message(3, 7, sender=BERT), 1)
    if put is not None and put.kept_for:
        assert (await kept(database))[0] == [("dropped", spared[1])] * 2 + [("sent", True)]
        assert await waiting(history) == [name(3)]
    else:
        assert (await kept(database))[0] == [("sent", True)] * 2  # of somebody restricted nothing new is kept


async def test_what_the_author_deletes_is_kept_for_whoever_is_held(queue, history, database, spared):
    await queue.put(message(1, 5, attachment=True), 10)
    await queue.confirm(BERT, [name(1)], "delivered", at(BERT, 6))
    await spared[0](database)
    assert await queue.delete(TENANT, ANNA, name(1), 7) == [BERT]
    assert await kept(database) == ([("deleted", spared[1])], [True, True] if spared[1] else [False])
    for who in (ANNA, BERT):
        assert (await history.page(reader(who, 8), EVERYTHING))[0] == []


@pytest.mark.parametrize("restricted", [False, True])
async def test_what_was_said_to_whoever_is_held_or_restricted_outlives_its_time(queue, database, restricted):
    """The copy of the recipient is of no use without what the sender's row holds; what was said to others goes."""
    text = "".join(f'[categories.{kind}]\nkeep = "3 days"\n' for kind in ("message_content", "attachment"))
    await apply(database, text + '[categories.message_metadata]\nkeep = "9 days"\n')
    await queue.put(message(1, 5, attachment=True), 10)
    await queue.put(message(2, 5, sender=BERT, recipient=ANNA, attachment=True), 10)
    await queue.put(message(3, 5, sender=ANNA, recipient=ANNA, attachment=True), 10)
    if restricted:
        await restrict(database, BERT)
    else:
        await Holds(database).add(Hold("hld_1", TENANT, BERT, None, 6, None), None, None)
    await sweep(database, 20 * DAY)
    for table, what in ((messages, messages.c.content), (attachments, attachments.c.octets)):
        assert await count(database, table) == await count(database, table, what.is_not(None)) == 2
    kept = await database.read(lambda sql: sql.execute(select(deliveries.c.message_id, deliveries.c.wrapped)).all())
    assert [(each.message_id, each.wrapped is not None) for each in kept] == [(name(1), True)]


@pytest.mark.parametrize(("spared", "stays"), [
    (lambda database: hold(database, BERT), True), (lambda database: restrict(database, BERT), True),
    (lambda database: hold(database, BERT, Category.LOCATION), False), (lambda database: hold(database, CARL), False),
])  # fmt: skip
@pytest.mark.parametrize("at_request", [False, True])
async def test_who_has_left_keeps_the_key_of_what_was_said_to_whoever_is_held(
    acme, queue, database, spared, stays, at_request
):
    """With the key of the sender the recipient's copy could not be opened any more; the name goes all the same."""
    await acme.subscribers.add(subscriber(CARL, "carl"))
    await apply(database, '[categories.identifier]\nkeep = ["while_subscribed", "1 day after deletion_requested"]\n')
    await queue.put(message(1, 5), 10)
    await spared(database)
    if at_request:
        await event(database, EventKind.DELETION_REQUESTED, 7, ANNA)
    else:
        await acme.subscribers.remove(ANNA, 7)
    await sweep(database, 2 * DAY)
    there = await numbers(database, subjects.c.id)
    assert (ANNA in there) == stays
    assert await count(database, messages, messages.c.content.is_not(None)) == int(stays)
    assert await count(database, subscribers, subscribers.c.identifier.is_not(None)) == 2
    for who in (BERT, CARL):
        await Holds(database).end(TENANT, f"hld_{who}", 2 * DAY)
    await database.write(lambda sql: sql.execute(update(subjects).values(restricted_ms=None)))
    await sweep(database, 2 * DAY)
    assert ANNA not in await numbers(database, subjects.c.id)


async def test_what_is_deleted_is_emptied_and_told_until_confirmed(queue, history, database):
    await queue.put(message(1, 5, attachment=True), 10)
    await queue.confirm(BERT, [name(1)], "delivered", at(BERT, 6))
    with pytest.raises(NotFound):
        await queue.delete(TENANT, BERT, name(1), 7)
    assert await queue.delete(TENANT, ANNA, name(1), 7) == [BERT]
    row = await database.read(lambda sql: sql.execute(select(messages)).one())
    assert (row.content, row.wrapped) == (None, None)
    assert await count(database, attachments) == 0
    assert (await history.waiting(reader(BERT, 8), -1, 50)).deleted == [name(1)]
    await queue.confirm(BERT, [name(1)], "deleted", None)
    assert (await history.waiting(reader(BERT, 8), -1, 50)).deleted == []


@pytest.mark.parametrize(("who", "kept"), [(ANNA, [0, 0]), (BERT, [1, 0])])
async def test_of_a_restricted_person_nothing_new_is_kept(queue, database, who, kept):
    restricted = update(subjects).where(subjects.c.id == who).values(restricted_ms=3)
    await database.write(lambda sql: sql.execute(restricted))
    put = await queue.put(message(1, 5), 10)
    assert put is None if who == ANNA else put.kept_for == frozenset()
    assert [await count(database, table) for table in (messages, deliveries)] == kept


async def test_whoever_is_over_or_elsewhere_cannot_be_written_to(acme, database):
    directory = MessageDirectory(database)
    found = await directory.correspondents(reader(ANNA, 10), [BERT], None)
    assert [(each.subscriber_id, each.devices) for each in found] == [(ANNA, []), (BERT, [])]
    for others, group in (([BERT], GROUP), (["sub_nobody"], None), (None, GroupId("grp_nowhere"))):
        with pytest.raises(NotFound):
            await directory.correspondents(reader(ANNA, 10), others, group)
    text = '[categories.identifier]\nkeep = "60 days after deletion_requested"\n'
    await event(database, EventKind.DELETION_REQUESTED, DAY, BERT)
    with pytest.raises(NotFound):
        await directory.correspondents(reader(ANNA, 61 * DAY, text), [BERT], None)


@pytest.mark.parametrize(("limit", "names"), [(2, ["Anna", ""]), (1, ["", ""])])
async def test_names_are_told_in_groups_as_small_as_the_policy_says(acme, database, limit, names):
    await acme.groups.put_member(GROUP, BERT, 100, False)
    directory = MessageDirectory(database)
    asked = reader(ANNA, 10, f"[roster]\nnames_up_to = {limit}\n")
    found = await directory.correspondents(asked, None, GROUP)
    assert [each.subscriber_id for each in found] == [ANNA, BERT]
    assert [each.name.reveal() for each in found] == names


async def test_a_stricter_policy_leaves_no_sealed_value_that_breaks_the_reading(queue, history, database):
    await queue.put(message(1, 5), 10)
    await apply(database, '[categories.message_metadata]\nstore = "pseudonymised"\n')
    await sweep(database, 6)
    for who in (ANNA, BERT):
        found, _ = await history.page(reader(who, 7), EVERYTHING)
        assert [each.envelope for each in found] in ([], [None])
        assert (await history.waiting(reader(who, 7), -1, 50)).outcomes == []
