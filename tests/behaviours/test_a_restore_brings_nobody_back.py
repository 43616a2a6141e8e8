"""After a restore of an older backup the tables are as the erasure had left them, and no octet names who is gone."""

import pytest
from sqlalchemy import select, text, type_coerce
from sqlalchemy.types import NullType

from attacks.bare_radio import BareRadio
from behaviours.control_room import Control
from e2e.messaging import writer
from locating import LOCATED, position, report
from ptthandset.message_events import Attachment
from pttserver.clock import Clock
from pttserver.ids import Personal
from pttserver.roles import Role
from pttserver.services.backup import back_up
from pttserver.services.instructions import Instruction
from pttserver.services.keyring import open_database
from pttserver.services.office import open_office
from pttserver.services.restore import Sources, restore
from pttserver.services.subject_keys import subject_keys_file
from pttserver.store.erasure_ledger import LEDGER_FILE
from pttserver.store.governance_schema import audit_entries
from pttserver.store.shredding import OWN, SHARED
from pttserver.store.sweeps import HAPPENINGS
from pttserver.wire.floor_control import MessageType
from pttserver.wire.message_body import AttachmentName
from running_server import PIN, TENANT, running_platform

WHY = Instruction(Personal("Olga"), Personal("she asked for it"))
PHOTO = AttachmentName(kind="image", name="photo.jpg", media_type="image/jpeg")
TABLES = [table for table in HAPPENINGS if table is not audit_entries]


def content(sql):
    """Every happening as it lies in the file, octet for octet."""
    return {
        table.name: sorted(
            map(repr, sql.execute(select(*(type_coerce(column, NullType()) for column in table.columns))))
        )
        for table in TABLES
    }


def rows(sql, column, names):
    return sql.scalar(text(f"SELECT count(*) FROM {column.table.name} WHERE {column.name} IN {names!r}"))


async def busy_day(platform):
    """Anna does everything that leaves a record, and so does Bert; gives Anna's names in the records."""
    await platform.organise("Patrol", policy=LOCATED)
    control = Control(platform)
    anna, bert = [await control.on_duty(name, "Patrol", role=Role.DISPATCHER) for name in ("Anna", "Bert")]
    for raiser, other in ((anna, bert), (bert, anna)):
        alert = await raiser.handset.alerts.raise_alert()
        await raiser.handset.alert_track.take(position())
        await other.handset.alerts.note(alert, "fell from a ladder")
        await other.handset.alerts.resolve(alert, "resolved", "back to work")
    writers = [await writer(platform, await platform.another_device(name)) for name in ("Anna", "Bert")]
    for sender, receiver in (writers, writers[::-1]):
        await sender.messages.send("all well?", to=[receiver.me], attachment=Attachment(PHOTO, b"x"))
        await receiver.has("all well?")
    radios = [await BareRadio.log_in(await platform.another_device(name), PIN) for name in ("Anna", "Bert")]
    for radio in radios:
        await radio.affiliate()
        await report(radio, position())
    for radio in radios:
        await radio.take_floor()
        await radio.say(radio.floor_message(MessageType.FLOOR_RELEASE))
        await radio.told(MessageType.FLOOR_IDLE)
    return (await platform.keys(anna.number)).references()


@pytest.mark.parametrize("keys", ["newest keys", "old keys"])
async def test_what_was_erased_stays_so_row_by_row(tmp_path, keys):
    async with running_platform(tmp_path) as platform:
        names, settings = await busy_day(platform), platform.settings
    backup, old_keys = tmp_path / "backup", tmp_path / "old keys"
    async with open_office(settings) as office:
        database = office.erasure._database
        await back_up(database, settings, backup, lambda _done, _total: None, Clock())
        old_keys.write_bytes(subject_keys_file(settings).read_bytes())
        for column in (*OWN, *SHARED):
            assert await database.read(lambda sql, c=column: rows(sql, c, names)), column
        tenant_id = (await office.provisioning.tenant(TENANT)).tenant_id
        assert (await office.erasure.erase(tenant_id, "Anna", WHY)).certificate
        expected = await database.read(content)
    sources = Sources(backup, settings.data_dir / LEDGER_FILE, old_keys if keys == "old keys" else None)
    await restore(settings, sources, WHY, Clock(), force=True)
    database = await open_database(settings)
    try:
        found = await database.read(content)
    finally:
        await database.close()
    for table in TABLES:
        assert found[table.name] == expected[table.name], table.name
    octets = settings.database_file.read_bytes()
    assert not [name for name in names if name.encode() in octets]
