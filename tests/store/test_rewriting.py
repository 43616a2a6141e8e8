"""A policy that became stricter in what it stores reaches what is stored already, and only that."""

import pytest
from sqlalchemy import MetaData, Table, insert, select, update

from pttserver.errors import InvalidValue, SealBroken
from pttserver.ids import Personal, SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.forms import FORM_BYTES, UNKNOWN
from pttserver.privacy.gate import Gate
from pttserver.privacy.policy import parse_policy
from pttserver.privacy.purposes import Purpose
from pttserver.store.audit_chain import AuditNote
from pttserver.store.columns import Reference, ReferenceType, Sealed, reference, sealed
from pttserver.store.counting import due
from pttserver.store.expiry import plan
from pttserver.store.holds import Hold, Holds
from pttserver.store.profiles import NewIdentifier, ProfileChange, Profiles
from pttserver.store.records import IdentifierKind
from pttserver.store.rewriting import Rewriting, formed
from pttserver.store.schema import bursts, call_participants, calls, devices, subscriber_fields, subscribers, takeovers
from pttserver.store.shredding import shred
from pttserver.store.subjects import Subjects
from store.organisation import ANNA, BERT, GATE, TENANT, VAULT, subscriber
from store.sweeping import apply, count, erase, policy, record_call, released, sweep

NOW = 20
CUT_NAMES = '[categories.subscriber_name]\nstore = "truncated"\ntruncate = {characters = 2}\n'
CUT_NUMBERS = '[categories.identifier]\nstore = "truncated"\ntruncate = {characters = 5}\n'
HIDDEN_NUMBERS = '[categories.identifier]\nstore = "pseudonymised"\n'
HIDDEN_PEOPLE = (
    '[categories.participants]\nstore = "pseudonymised"\n[categories.activity_log]\nstore = "pseudonymised"\n'
)
CUT_ADDRESSES = '[categories.ip_address]\nstore = "truncated"\ntruncate = {ipv4_bits = 24, ipv6_bits = 48}\n'
ID = subscribers.c.id
NUMBER = "+491511234567"


def gate(text):
    return Gate(parse_policy(policy(text)))


async def opened(database, column, who=ANNA, owner=None):
    """The values of a column, as the key of `who` opens them. `owner`: the column that names whose they are."""

    def work(sql):
        keys = VAULT.existing(sql, who)
        rows = select(column).where(column.is_not(None))
        return [keys.required_text(value) for value in sql.scalars(rows if owner is None else rows.where(owner == who))]

    return await database.read(work)


async def octets(database, file):
    assert await database.truncate_log()
    return b"".join(path.read_bytes() for path in file.parent.iterdir())


async def index_of(database, identifier):
    return await database.read(lambda sql: VAULT.identifier_index(sql, TENANT, identifier))


async def test_names_are_cut_and_cut_shorter_and_never_grow(acme, database):
    await apply(database, CUT_NAMES)
    assert await sweep(database, NOW) == {"subscribers.display_name rewritten": 1}
    assert await opened(database, subscribers.c.display_name, ANNA, ID) == ["An"]
    assert await sweep(database, NOW) == {}
    await apply(database, CUT_NAMES.replace("2", "1"))
    assert await sweep(database, NOW) == {"subscribers.display_name rewritten": 1}
    assert await opened(database, subscribers.c.display_name, ANNA, ID) == ["A"]
    await apply(database, CUT_NAMES.replace("2", "3"))
    await sweep(database, NOW)
    await apply(database, "")
    assert await sweep(database, NOW) == {}
    assert await opened(database, subscribers.c.display_name, ANNA, ID) == ["A"]


async def test_a_pseudonym_is_the_one_that_would_be_written_now_and_stays_one(acme, database):
    hidden = '[categories.subscriber_name]\nstore = "pseudonymised"\n'
    await apply(database, hidden)
    assert await sweep(database, NOW) == {"subscribers.display_name rewritten": 1}
    (shown,) = await opened(database, subscribers.c.display_name, ANNA, ID)
    anew = gate(hidden).release(Category.SUBSCRIBER_NAME, Purpose.SERVICE, ANNA, Personal("Anna"))

    def sealed_anew(sql):
        keys = VAULT.existing(sql, ANNA)
        return keys.required_text(keys.seal(anew))

    assert shown == await database.read(sealed_anew)
    await apply(database, CUT_NAMES)
    assert await sweep(database, NOW) == {}
    assert await opened(database, subscribers.c.display_name, ANNA, ID) == [shown]


async def test_what_is_sealed_in_records_and_what_hangs_on_a_subscriber(acme, database):
    await acme.enrol()
    await record_call(database, 77, 5)
    await apply(
        database,
        CUT_ADDRESSES
        + '[categories.device_type]\nstore = "pseudonymised"\n[categories.nickname]\nstore = "truncated"\n'
        "truncate = {characters = 1}\n",
    )
    assert await sweep(database, NOW, limit=1) == {
        "calls.initiator_address rewritten": 1,
        "devices.device_type rewritten": 1,
        "devices.label rewritten": 1,
    }
    assert await opened(database, calls.c.initiator_address) == ["203.0.113.0"]
    assert await opened(database, devices.c.label, owner=devices.c.subscriber_id) == ["R"]
    (kind,) = await opened(database, devices.c.device_type, owner=devices.c.subscriber_id)
    assert kind.startswith("psd_")


async def test_references_become_such_that_no_look_up_follows(acme, database):
    await record_call(database, 1, 5)
    await record_call(database, 2, 6, BERT)
    await apply(database, HIDDEN_PEOPLE)
    assert await sweep(database, NOW) == {
        "calls.initiator rewritten": 2,
        "call_participants.subject rewritten": 4,
        "bursts.subject rewritten": 2,
        "takeovers.subject rewritten": 2,
        "takeovers.from_device_id rewritten": 2,
        "takeovers.to_device_id rewritten": 2,
    }
    followed = await database.read(lambda sql: {VAULT.existing(sql, who).reference() for who in (ANNA, BERT)})
    for column in (calls.c.initiator, call_participants.c.subject, bursts.c.subject, takeovers.c.subject):
        rows = await database.read(lambda sql, c=column: sql.scalars(select(c)).all())
        assert rows
        assert {row.text for row in rows} & followed == set()
    assert await sweep(database, NOW) == {}
    await database.write(lambda sql: shred(sql, VAULT, ANNA))  # they still die with her
    assert await count(database, call_participants) == 2
    assert await count(database, calls, calls.c.initiator.is_not(None)) == 1


async def test_who_was_written_under_both_policies_is_there_once(acme, database):
    """The policy changed while the call went on."""
    await record_call(database, 1, 5)
    await apply(database, HIDDEN_PEOPLE)
    hidden = gate(HIDDEN_PEOPLE).release(Category.PARTICIPANTS, Purpose.OPERATIONS, ANNA, ANNA)

    def write_again(sql):
        at = released(Category.PARTICIPANTS, ANNA, 5)
        row = {"call_id": "cal_1", "tenant_id": TENANT, "started_ms": at}
        sql.execute(insert(call_participants), row | {"subject": VAULT.existing(sql, ANNA).refer(hidden)})

    await database.write(write_again)
    assert await count(database, call_participants) == 3
    await sweep(database, NOW)
    assert await count(database, call_participants) == 2


async def test_a_dead_reference_does_not_hold_up_the_sweep(acme, database):
    await record_call(database, 1, 5)
    dead = {"subject": Reference(Category.PARTICIPANTS, "ref_of_nobody")}
    await database.write(lambda sql: sql.execute(update(bursts).values(dead)))
    await apply(database, HIDDEN_PEOPLE)
    assert (await sweep(database, NOW))["bursts.subject rewritten"] == 1
    assert await count(database, bursts, bursts.c.subject.is_not(None)) == 0


async def test_a_hold_or_a_restriction_spares_whom_it_covers(acme, database):
    await acme.subscribers.add(subscriber(SubscriberId("sub_cora"), "Gate 5", "Cora"))
    await acme.subscribers.rename(BERT, released(Category.SUBSCRIBER_NAME, BERT, "Bert", Purpose.SERVICE), 3)
    await Holds(database).add(Hold("hld_1", TENANT, ANNA, Category.SUBSCRIBER_NAME, 1, None), None, None)
    await database.write(lambda sql: sql.exec_driver_sql("UPDATE subjects SET restricted_ms = 1 WHERE id = 'sub_bert'"))
    await apply(database, CUT_NAMES)
    assert await sweep(database, NOW) == {"subscribers.display_name rewritten": 1}
    assert await opened(database, subscribers.c.display_name, ANNA, ID) == ["Anna"]
    assert await opened(database, subscribers.c.display_name, BERT, ID) == ["Bert"]
    assert await Holds(database).end(TENANT, "hld_1", NOW)
    await database.write(lambda sql: sql.exec_driver_sql("UPDATE subjects SET restricted_ms = NULL"))
    assert await sweep(database, NOW) == {"subscribers.display_name rewritten": 2}


async def test_a_hold_spares_records_too(acme, database):
    await record_call(database, 1, 5)
    await record_call(database, 2, 5, BERT)
    await Holds(database).add(Hold("hld_1", TENANT, ANNA, None, 1, None), None, None)
    await apply(database, HIDDEN_PEOPLE + CUT_ADDRESSES)
    done = await sweep(database, NOW)
    assert done["calls.initiator rewritten"] == 1
    assert done["call_participants.subject rewritten"] == 2
    assert done["calls.initiator_address rewritten"] == 1


async def test_a_hold_that_comes_between_two_steps_is_kept(acme, database):
    await record_call(database, 1, 5)
    await apply(database, CUT_NAMES + CUT_ADDRESSES)
    made = await database.read(lambda sql: plan(sql, VAULT, TENANT, NOW))
    first, second = made.steps
    assert await erase(database, made, first, 10) == 1
    await Holds(database).add(Hold("hld_1", TENANT, None, None, 1, None), None, None)
    assert await erase(database, made, second, 10) is None
    assert await sweep(database, NOW) == {}


async def test_it_is_counted_beforehand(acme, database):
    wanted = parse_policy(policy(CUT_NAMES))
    made = await database.read(lambda sql: plan(sql, VAULT, TENANT, NOW, instead=wanted))
    (told,) = await database.read(lambda sql: due(sql, VAULT, made))
    assert (told.where, told.rows) == ("subscribers.display_name rewritten", 1)


async def test_what_was_written_before_forms_were_noted_opens_and_is_brought_up(acme, database):
    def as_before(sql):
        keys = VAULT.existing(sql, ANNA)
        old = UNKNOWN + keys._key.seal("Anna", Category.SUBSCRIBER_NAME.value)
        name = Sealed(Category.SUBSCRIBER_NAME, old)
        sql.execute(update(subscribers).where(subscribers.c.id == ANNA).values(display_name=name))

    await database.write(as_before)
    assert (await acme.subscribers.find(TENANT, ANNA)).display_name == Personal("Anna")
    await apply(database, "")
    assert await sweep(database, NOW) == {}
    await apply(database, CUT_NAMES)
    await sweep(database, NOW)
    assert await opened(database, subscribers.c.display_name, ANNA, ID) == ["An"]


async def test_a_form_cannot_be_forged(acme, database):
    """Else a whole name could be passed off as a cut one, and be spared."""
    await apply(database, CUT_NAMES)
    await sweep(database, NOW)
    column = subscribers.c.display_name
    cut = (await database.read(lambda sql: sql.scalar(select(column).where(subscribers.c.id == ANNA)))).octets

    def forge(sql):
        whole = VAULT.existing(sql, ANNA).seal(released(Category.SUBSCRIBER_NAME, ANNA, "Anna", Purpose.SERVICE))
        forged = Sealed(Category.SUBSCRIBER_NAME, cut[:FORM_BYTES] + whole.octets[FORM_BYTES:])
        sql.execute(update(subscribers).where(subscribers.c.id == ANNA).values(display_name=forged))

    await database.write(forge)
    with pytest.raises(SealBroken):
        await acme.subscribers.find(TENANT, ANNA)


async def test_what_does_not_open_or_cannot_be_cut_is_taken_away(acme, database):
    await record_call(database, 1, 5)

    def spoil(sql):
        keys = VAULT.existing(sql, ANNA)
        broken = keys.seal(released(Category.SUBSCRIBER_NAME, ANNA, "Anna", Purpose.SERVICE)).octets[:-1] + b"x"
        name = Sealed(Category.SUBSCRIBER_NAME, broken)
        sql.execute(update(subscribers).where(subscribers.c.id == ANNA).values(display_name=name))
        address = keys.seal(released(Category.IP_ADDRESS, ANNA, "no address", Purpose.SECURITY))
        sql.execute(update(calls).values(initiator_address=address))

    await database.write(spoil)
    await apply(database, CUT_NAMES + CUT_ADDRESSES)
    await sweep(database, NOW)
    assert await count(database, subscribers, subscribers.c.display_name.is_not(None)) == 0
    assert await count(database, calls, calls.c.initiator_address.is_not(None)) == 0
    assert await count(database, calls) == 1


async def test_octets_are_not_made_into_pseudonyms(acme, database):
    """What is no text has no pseudonym that would be worth anything: the gate keeps none of it under such a policy."""

    def put(sql):
        octets = released(Category.SUBSCRIBER_NAME, ANNA, b"\x00\x01", Purpose.SERVICE)
        name = VAULT.existing(sql, ANNA).seal(octets)
        sql.execute(update(subscribers).where(subscribers.c.id == ANNA).values(display_name=name))

    await database.write(put)
    await apply(database, '[categories.subscriber_name]\nstore = "pseudonymised"\n')
    await sweep(database, NOW)
    assert await count(database, subscribers, subscribers.c.display_name.is_not(None)) == 0


def test_what_operators_wrote_is_not_rewritten():
    """It is under the key of the organisation, whatever category it is about."""
    table = Table(
        "steps",
        MetaData(),
        reference("subject", Category.ALERT),
        sealed("note", Category.ALERT, of="tenant"),
        sealed("place", Category.LOCATION),
        sealed("key", Category.CREDENTIAL),
    )
    assert [column.name for column in formed(table)] == ["subject", "place"]


async def test_each_reference_of_a_row_is_its_own_persons(acme, database):
    """A call has one who started it; a row that refers to a second person must not come to name the first twice."""
    await record_call(database, 1, 5)

    def other(sql):
        bert = VAULT.existing(sql, BERT).refer(released(Category.PARTICIPANTS, BERT, BERT))
        sql.execute(update(bursts).values(subject=bert))

    await database.write(other)
    await apply(database, HIDDEN_PEOPLE)
    made = await database.read(lambda sql: plan(sql, VAULT, TENANT, NOW))
    steps = [step for step in made.steps if isinstance(step, Rewriting)]
    assert [
        step.name for step in steps if isinstance(step.column.type, ReferenceType) and step.owner is not step.column
    ] == []
    await sweep(database, NOW)
    names = await database.read(lambda sql: VAULT.existing(sql, BERT).references())
    (row,) = await database.read(lambda sql: sql.scalars(select(bursts.c.subject)).all())
    assert row.text == names[1]


async def test_own_fields_go_by_their_own_rule(acme, database):
    fields = gate("[extra.badge]\n[extra.shift]\n")

    def put(sql):
        keys = VAULT.existing(sql, ANNA)
        for name in ("badge", "shift"):
            value = keys.seal(fields.release(Category.EXTRA, Purpose.OPERATIONS, ANNA, f"{name}-1", extra=name))
            sql.execute(insert(subscriber_fields).values(subscriber_id=ANNA, name=name, extra=value, recorded_ms=9))

    await database.write(put)
    await apply(database, '[extra.badge]\nstore = "truncated"\ntruncate = {characters = 3}\n[extra.shift]\n')
    assert await sweep(database, NOW) == {"subscriber_fields.extra rewritten": 1}
    found = await opened(database, subscriber_fields.c.extra, owner=subscriber_fields.c.subscriber_id)
    assert sorted(found) == ["bad", "shift-1"]


# Identifiers ---------------------------------------------------------------------------------------------------------


async def test_of_a_cut_identifier_not_even_the_index_of_the_whole_is_left(acme, database, file):
    whole, part = await index_of(database, NUMBER), await index_of(database, NUMBER[:5])
    assert whole in await octets(database, file)
    await apply(database, CUT_NUMBERS)
    assert (await sweep(database, NOW))["subscribers.identifier rewritten"] == 2
    found = await octets(database, file)
    assert whole not in found
    assert part in found
    for known_as in (NUMBER[:5], NUMBER, NUMBER + "0"):  # which of them it was is not known any more
        assert (await acme.subscribers.find(TENANT, known_as)).subscriber_id == ANNA
    for unknown in (NUMBER[:4], NUMBER[:4] + "0000"):
        assert await acme.subscribers.find(TENANT, unknown) is None


async def test_a_new_identifier_is_cut_before_its_index_is_made(acme, database, file):
    number = "+4917099887766"
    cut = gate(CUT_NUMBERS).release(Category.IDENTIFIER, Purpose.SERVICE, ANNA, Personal(number))
    change = ProfileChange(at_ms=5, identifier=NewIdentifier(cut, IdentifierKind.PHONE))
    await Profiles(database).change(ANNA, change, AuditNote(GATE, "subscriber.set", TENANT, Personal("operator"), 5))
    found = await octets(database, file)
    assert await index_of(database, number) not in found
    assert await index_of(database, number[:5]) in found


async def test_several_who_share_a_part_are_told_apart_by_their_ids(acme, database):
    await acme.subscribers.add(subscriber(SubscriberId("sub_cora"), "+491519999999"))
    await apply(database, CUT_NUMBERS)
    await sweep(database, NOW)
    both = "give one of: sub_anna, sub_cora"
    with pytest.raises(InvalidValue, match=both):
        await acme.subscribers.find(TENANT, "+4915")
    with pytest.raises(InvalidValue, match=both):
        await Subjects(database).find(TENANT, "+4915")
    assert (await acme.subscribers.find(TENANT, "sub_cora")).subscriber_id == "sub_cora"


async def test_parts_that_become_pseudonyms_are_no_obstacle_to_each_other(acme, database):
    await acme.subscribers.add(subscriber(SubscriberId("sub_cora"), "+491519999999"))
    await apply(database, CUT_NUMBERS)
    await sweep(database, NOW)
    await apply(database, HIDDEN_NUMBERS)
    assert await sweep(database, NOW) == {"subscribers.identifier rewritten": 3}
    assert await acme.subscribers.find(TENANT, "+4915") is None
    assert await count(database, subscribers, subscribers.c.identifier.is_not(None)) == 3


async def test_a_pseudonymous_identifier_is_looked_up_by_the_whole(acme, database):
    await apply(database, HIDDEN_NUMBERS)
    await sweep(database, NOW)
    (kept,) = await opened(database, subscribers.c.identifier, ANNA, ID)
    assert kept.startswith("psd_")
    assert (await acme.subscribers.find(TENANT, NUMBER)).subscriber_id == ANNA
