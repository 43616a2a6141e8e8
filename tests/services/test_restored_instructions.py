"""A restore goes back behind no instruction: what was given since the backup is carried over, or asked for again."""

import shutil

import pytest
from sqlalchemy import text

from pttserver.clock import Clock
from pttserver.errors import RestoreUnconfirmed
from pttserver.ids import Personal
from pttserver.privacy.categories import Category
from pttserver.privacy.restriction import Restriction
from pttserver.privacy.retention import EventKind
from pttserver.roles import Role
from pttserver.services.backup import back_up
from pttserver.services.instructions import Instruction
from pttserver.services.keyring import open_database
from pttserver.services.office import furnish, open_office
from pttserver.services.restore import Sources, restore
from pttserver.store.erasure_ledger import LEDGER_FILE
from running_server import loopback_settings

WHY = Instruction(Personal("Olga"), Personal("case 7"))
DAY_MS = 86_400_000
LAX = '[policy]\ntitle = "lax"\nversion = "1"\n[categories.activity_log]\nkeep = ["{days} days"]\n'
STRICT = LAX.format(days=1).replace("lax", "strict")


class LaterClock(Clock):
    days = 0

    def utc_ms(self):
        return super().utc_ms() + self.days * DAY_MS


@pytest.fixture
def clock():
    return LaterClock()


@pytest.fixture
def settings(tmp_path):
    return loopback_settings(tmp_path)


@pytest.fixture
async def office(settings, clock):
    database = await open_database(settings)
    office = await furnish(database, settings, clock)
    await office.provisioning.add_tenant("ACME", LAX.format(days=30))
    for name in ("Anna", "Bert"):
        await office.provisioning.add_subscriber("ACME", name, pin="4711")
    await office.watch.start()
    yield office
    await database.close()


async def tenant_of(office):
    return (await office.provisioning.tenant("ACME")).tenant_id


async def backed_up(office, settings, name="backup"):
    target = settings.data_dir.parent / name
    await back_up(office.erasure._database, settings, target, lambda _done, _total: None, Clock())
    return target


async def restored(office, settings, backup, clock):
    """The server is stopped; gives what the restore says."""
    await office.erasure._database.close()
    ledger = settings.data_dir.parent / "ledger" if (settings.data_dir.parent / "ledger").exists() else None
    sources = Sources(backup, ledger or settings.data_dir / LEDGER_FILE, subject_keys(settings))
    return await restore(settings, sources, WHY, clock, force=True)


def subject_keys(settings):
    kept = settings.data_dir.parent / "keys"
    return kept if kept.exists() else None


def lose_the_machine(settings):
    """What was copied elsewhere is left: the keys of the subjects, the ledger, the master key."""
    kept = {"subject_keys.backup": "keys", LEDGER_FILE: "ledger", "master.key": "master"}
    for name, copy in kept.items():
        shutil.copy(settings.data_dir / name, settings.data_dir.parent / copy)
    shutil.rmtree(settings.data_dir)
    settings.data_dir.mkdir(mode=0o700)
    shutil.copy(settings.data_dir.parent / "master", settings.data_dir / "master.key")


async def record_takeover(office, who, at_ms):
    subscriber = await office.provisioning.subscriber("ACME", who)
    database = office.erasure._database

    def work(sql):
        name = database.vault.existing(sql, subscriber.subscriber_id).reference()
        row = {"tenant": subscriber.tenant_id, "subject": name, "at": at_ms}
        sql.execute(text("INSERT INTO takeovers (tenant_id, subject, at_ms) VALUES (:tenant, :subject, :at)"), row)

    await database.write(work)


async def takeovers(office):
    return await office.erasure._database.read(lambda sql: sql.scalar(text("SELECT count(*) FROM takeovers")))


async def test_a_hold_laid_since_the_backup_lasts_and_what_it_covers_is_there(office, settings, clock):
    await record_takeover(office, "Anna", clock.utc_ms())
    await record_takeover(office, "Bert", clock.utc_ms())
    backup = await backed_up(office, settings)
    hold = await office.periods.hold("ACME", WHY, subscriber="Anna", category=Category.ACTIVITY_LOG)
    clock.days = 31
    done = await restored(office, settings, backup, clock)
    assert (done.since.unknown, done.since.carried.holds, done.swept) == (None, 1, 1)
    async with open_office(settings) as again:
        (lasting,) = await again.periods.holds("ACME")
        assert (lasting.hold_id, lasting.actor.reveal(), lasting.reason.reveal()) == (hold.hold_id, "Olga", "case 7")
        assert await takeovers(again) == 1  # Bert's was over, and nothing held it


async def test_a_hold_that_ended_since_the_backup_is_over(office, settings, clock):
    hold = await office.periods.hold("ACME", WHY)
    await record_takeover(office, "Anna", clock.utc_ms())
    backup = await backed_up(office, settings)
    await office.periods.end_hold("ACME", hold.hold_id, WHY)
    clock.days = 31
    done = await restored(office, settings, backup, clock)
    assert (done.since.carried.holds, done.swept) == (1, 1)


async def test_the_newest_policy_is_in_force_and_its_file_says_so(office, settings, clock):
    backup = await backed_up(office, settings)
    for policy in (LAX.format(days=10), STRICT):
        await office.instructions.apply(await tenant_of(office), policy, WHY)
    assert (await restored(office, settings, backup, clock)).since.carried.policies == 2
    async with open_office(settings) as again:
        await again.watch.start()
        tenant_id = await tenant_of(again)
        history = await again.policies.history(tenant_id, lambda _: None)
        assert [version.text for version in history] == [STRICT, LAX.format(days=10), LAX.format(days=30)]
        assert again.watch.path(tenant_id).read_text() == STRICT
        assert again.book.policy(tenant_id).policy.title == "strict"
        (in_force,) = (await again.policies.in_force()).values()
        assert in_force.published


async def test_a_file_that_was_edited_while_the_server_was_down_is_taken_as_an_instruction(office, settings, clock):
    backup = await backed_up(office, settings)
    office.watch.path(await tenant_of(office)).write_text(STRICT)
    await restored(office, settings, backup, clock)
    async with open_office(settings) as again:
        await again.watch.start()
        assert again.book.policy(await tenant_of(again)).policy.title == "strict"


async def test_the_policy_of_the_backup_is_in_force_if_it_is_the_newest(office, settings, clock):
    """A wrong backup was restored first, and then the right one."""
    first = await backed_up(office, settings, "first")
    await office.instructions.apply(await tenant_of(office), STRICT, WHY)
    second = await backed_up(office, settings, "second")
    await office.erasure._database.close()
    settings.database_file.unlink()
    await restored(office, settings, first, clock)
    done = await restored(office, settings, second, clock)
    assert done.since.unknown is not None
    async with open_office(settings) as again:
        await again.watch.start()
        assert again.book.policy(await tenant_of(again)).policy.title == "strict"


@pytest.mark.parametrize("kind", [EventKind.ACCOUNT_CLOSED, EventKind.CONTRACT_ENDED, EventKind.BILLING_CLOSED])
async def test_an_event_of_the_organisation_is_not_forgotten(office, settings, clock, kind):
    backup = await backed_up(office, settings)
    event = await office.periods.record("ACME", kind, WHY)
    done = await restored(office, settings, backup, clock)
    assert done.since.carried.events == 1
    async with open_office(settings) as again:
        (found,) = await again.periods.events("ACME")
        assert (found.kind, found.at_ms, found.actor.reveal()) == (kind, event.at_ms, "Olga")


async def test_an_event_of_a_person_is_not_forgotten_and_none_is_there_twice(office, settings, clock):
    tenant_id = await tenant_of(office)
    both = LAX.format(days=30) + '[categories.subscriber_name]\nkeep = ["60 days after deletion_requested"]\n'
    await office.instructions.apply(tenant_id, both, WHY)
    await office.book.load()
    await office.erasure.request(tenant_id, "Anna", WHY)
    backup = await backed_up(office, settings)
    await office.erasure.request(tenant_id, "Bert", WHY)
    assert (await restored(office, settings, backup, clock)).since.carried.events == 1
    async with open_office(settings) as again:
        kinds = "SELECT kind, count(*), count(DISTINCT subject_id) FROM retention_events GROUP BY kind"
        found = await again.erasure._database.read(lambda sql: [tuple(row) for row in sql.execute(text(kinds))])
    assert found == [("deletion_requested", 2, 2)]


async def test_a_restriction_lasts_and_one_that_was_lifted_is_lifted(office, settings, clock):
    tenant_id = await tenant_of(office)
    await office.rights.restrict(tenant_id, "Anna", Restriction.ACCURACY_DISPUTE, WHY)
    backup = await backed_up(office, settings)
    await office.rights.lift(tenant_id, "Anna", WHY)
    await office.rights.restrict(tenant_id, "Bert", Restriction.OBJECTION, WHY)
    assert (await restored(office, settings, backup, clock)).since.carried.restrictions == 2
    async with open_office(settings) as again:
        found = [(await again.rights.subject(tenant_id, who)).restriction for who in ("Anna", "Bert")]
    assert found == [None, Restriction.OBJECTION.value]


async def test_switches_and_roles_stand_as_they_were_set_last(office, settings, clock):
    await office.roles.set_role("ACME", "Anna", Role.DISPATCHER)
    backup = await backed_up(office, settings)
    await office.roles.set_role("ACME", "Anna", Role.SUBSCRIBER)
    await office.roles.allow("ACME", "Bert", "location", allowed=False)
    assert (await restored(office, settings, backup, clock)).since.carried.rights == 2
    async with open_office(settings) as again:
        anna, bert = [
            await again.roles.rights(await again.provisioning.subscriber("ACME", who)) for who in ("Anna", "Bert")
        ]
    assert (anna.role, bert.location_allowed) == (Role.SUBSCRIBER, False)


async def test_who_was_removed_and_is_held_does_not_come_back(office, settings, clock):
    kept = LAX.format(days=30) + '[categories.identifier]\nkeep = ["30 days after unsubscribed"]\n'
    await office.instructions.apply(await tenant_of(office), kept, WHY)
    await office.book.load()
    backup = await backed_up(office, settings)
    await office.provisioning.remove_subscriber("ACME", "Anna")
    assert (await restored(office, settings, backup, clock)).since.carried.removals == 1
    async with open_office(settings) as again:
        assert [who.identifier.reveal() for who in await again.provisioning.subscribers("ACME")] == ["Bert"]


async def test_nothing_is_carried_over_twice_and_no_record_is_mixed(office, settings, clock):
    await office.periods.hold("ACME", WHY)
    await office.rights.restrict(await tenant_of(office), "Anna", Restriction.OBJECTION, WHY)
    await office.roles.allow("ACME", "Bert", "location", allowed=False)
    backup = await backed_up(office, settings)
    await record_takeover(office, "Anna", clock.utc_ms())
    done = await restored(office, settings, backup, clock)
    assert done.since.unknown is None
    assert not any(done.since.carried.counts().values())
    async with open_office(settings) as again:
        assert await takeovers(again) == 0
        assert (await again.audit.verify(await tenant_of(again))).problems == ()


async def test_the_audit_log_tells_what_was_carried_over(office, settings, clock):
    backup = await backed_up(office, settings)
    await office.periods.hold("ACME", WHY)
    await restored(office, settings, backup, clock)
    async with open_office(settings) as again:
        newest = (await again.audit.entries(await tenant_of(again)))[-1]
    assert newest.operation == "server.restore"
    assert (newest.details["later_instructions"], newest.details["holds"]) == ("known", 1)


# What is lost with the machine ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", ["nothing", "a fresh database", "a damaged database", "no database"])
async def test_after_a_disaster_nothing_is_erased_until_everything_was_given_again(office, settings, clock, left):
    await record_takeover(office, "Anna", clock.utc_ms())
    backup = await backed_up(office, settings)
    await office.erasure._database.close()
    lose_the_machine(settings)
    if left == "a fresh database":
        async with open_office(settings) as fresh:
            await fresh.watch.start()
    if left == "a damaged database":
        settings.database_file.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 64)
    if left == "no database":
        settings.database_file.write_bytes(b"something else entirely " * 1000)
    clock.days = 31
    done = await restored(office, settings, backup, clock)
    assert done.since.unknown is not None
    assert done.swept is None
    database = await open_database(settings)
    try:
        again = await furnish(database, settings, clock)
        with pytest.raises(RestoreUnconfirmed, match="confirm-restore"):
            await again.retention.round()
        await again.retention.confirm_time()  # answers another question
        with pytest.raises(RestoreUnconfirmed):
            await again.retention.round()
        assert await takeovers(again) == 1
        await again.retention.confirm_restore()
        await again.retention.round()
        assert await takeovers(again) == 0
    finally:
        await database.close()


async def test_a_second_restore_does_not_confirm_the_first(office, settings, clock):
    backup = await backed_up(office, settings)
    await office.erasure._database.close()
    lose_the_machine(settings)
    await restored(office, settings, backup, clock)
    assert "nobody confirmed" in (await restored(office, settings, backup, clock)).since.unknown


async def test_if_it_cannot_be_told_which_state_is_newer_the_stricter_one_holds(office, settings, clock):
    """The database in place is of another line since the backup."""
    tenant_id = await tenant_of(office)
    first = await backed_up(office, settings, "first")
    await office.rights.restrict(tenant_id, "Anna", Restriction.OBJECTION, WHY)
    await office.roles.allow("ACME", "Anna", "location", allowed=False)
    second = await backed_up(office, settings, "second")
    await office.erasure._database.close()
    settings.database_file.unlink()
    await restored(office, settings, first, clock)
    async with open_office(settings) as other:
        await other.rights.restrict(tenant_id, "Bert", Restriction.OBJECTION, WHY)
        await other.roles.allow("ACME", "Bert", "location", allowed=False)
        await other.retention.confirm_restore()
    done = await restored(office, settings, second, clock)
    assert "does not go on from the backup" in done.since.unknown
    async with open_office(settings) as again:
        for who in ("Anna", "Bert"):
            assert (await again.rights.subject(tenant_id, who)).restriction == Restriction.OBJECTION.value
            subscriber = await again.provisioning.subscriber("ACME", who)
            assert not (await again.roles.rights(subscriber)).location_allowed
