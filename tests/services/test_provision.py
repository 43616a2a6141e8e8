"""What an operator can do, from start to end, on a real database."""

import pytest

from pttserver.config import AuthenticationSettings, Settings, SignallingSettings
from pttserver.crypto.enrolment_code import code_digest
from pttserver.crypto.passwords import PinHasher
from pttserver.errors import AlreadyExists, ConfigError, InvalidValue, NotFound, PolicyInvalid
from pttserver.services.keyring import open_database
from pttserver.services.office import furnish, open_office
from pttserver.store.devices import Devices
from pttserver.store.enrolment import Enrolments
from pttserver.wire.enrolment import parse_enrolment
from store.organisation import new_key

NUMBER = "+491511234567"
MARKERS = ["Robert'); DROP TABLE tenants;--", "<img src=x onerror=alert(1)>", "=1+1", "[red]x[/red]", "{{7*7}}"]


class StoppedClock:
    def now(self):
        return 0.0

    def utc_ms(self):
        return 1_790_000_000_000


@pytest.fixture
def settings(tmp_path):
    return Settings(
        data_dir=tmp_path / "data",
        signalling=SignallingSettings(public_host="ptt.example"),
        authentication=AuthenticationSettings(pin_hash_memory_kib=8, pin_hash_passes=1),
    )


@pytest.fixture
async def database(settings):
    database = await open_database(settings)
    yield database
    await database.close()


@pytest.fixture
async def office(database, settings):
    return await furnish(database, settings, StoppedClock())


@pytest.fixture
async def desk(office):
    desk = office.provisioning
    await desk.add_tenant("ACME")
    await desk.add_group("ACME", "Patrol")
    await desk.add_subscriber("ACME", NUMBER, display_name="Anna", pin="4711")
    return desk


@pytest.fixture
def radios(office, desk):
    return office.devices


async def test_tenants(desk):
    other = await desk.add_tenant("Other")
    assert [tenant.name for tenant in await desk.tenants()] == ["ACME", "Other"]
    assert await desk.tenant(other.tenant_id) == await desk.tenant(" Other ") == other
    await desk.remove_tenant("Other")
    with pytest.raises(NotFound, match="no such tenant"):
        await desk.tenant("Other")


async def test_what_cannot_be_added(desk):
    with pytest.raises(AlreadyExists):
        await desk.add_tenant("ACME")
    with pytest.raises(PolicyInvalid):
        await desk.add_tenant("A", "[policy]")
    with pytest.raises(AlreadyExists):
        await desk.add_group("ACME", "Patrol")
    with pytest.raises(AlreadyExists):
        await desk.add_subscriber("ACME", "+49 151 12345-67")
    with pytest.raises(InvalidValue):
        await desk.add_subscriber("ACME", "Bert", pin="1")
    with pytest.raises(NotFound):
        await desk.add_group("nobody", "Patrol")
    assert len(await desk.subscribers("ACME")) == 1


async def test_members(desk):
    await desk.set_member("ACME", "Patrol", NUMBER, priority=120, listen_only=True)
    await desk.set_member("ACME", "Patrol", NUMBER, priority=121)
    (member,) = await desk.group_members("ACME", "Patrol")
    assert (member.identifier, member.priority, member.listen_only) == (NUMBER, 121, False)
    assert [group.group_name for group in await desk.memberships("ACME", NUMBER)] == ["Patrol"]
    with pytest.raises(InvalidValue):
        await desk.set_member("ACME", "Patrol", NUMBER, priority=256)
    await desk.remove_member("ACME", "Patrol", NUMBER)
    with pytest.raises(NotFound, match="not a member"):
        await desk.remove_member("ACME", "Patrol", NUMBER)


async def test_another_tenants_objects_do_not_exist(desk):
    await desk.add_tenant("Other")
    group = await desk.group("ACME", "Patrol")
    for work in (
        desk.group("Other", group.group_id),
        desk.subscriber("Other", NUMBER),
        desk.remove_group("Other", "Patrol"),
        desk.set_member("Other", group.group_id, NUMBER),
    ):
        with pytest.raises(NotFound):
            await work


async def test_subscribers(desk):
    new = await desk.add_subscriber("ACME", "Gate 4")
    assert len(new.pin) == 6
    assert new.pin not in repr(new)
    await desk.rename_subscriber("ACME", "Gate 4", "  Bert ")
    assert (await desk.subscriber("ACME", "Gate 4")).display_name == "Bert"
    await desk.rename_subscriber("ACME", "Gate 4", "")
    assert (await desk.subscriber("ACME", new.subscriber.subscriber_id)).display_name is None
    await desk.remove_subscriber("ACME", "Gate 4")
    with pytest.raises(NotFound):
        await desk.set_pin("ACME", "Gate 4")


async def test_errors_name_no_one(desk):
    with pytest.raises(AlreadyExists) as caught:
        await desk.add_subscriber("ACME", NUMBER)
    assert NUMBER not in caught.value.message
    with pytest.raises(NotFound) as missing:
        await desk.subscriber("ACME", "+4930123456")
    assert "4930123456" not in missing.value.message


async def test_a_ticket_enrols_the_device_and_the_pin_logs_in(desk, radios, database):
    ticket = await radios.add("ACME", NUMBER, label="Radio 7")
    enrolment = parse_enrolment(ticket.text)
    assert enrolment.url == "wss://ptt.example:8443/v1/ptt"
    assert (enrolment.code, ticket.expires_ms) == (ticket.code, 1_790_000_000_000 + 24 * 3_600_000)
    assert ticket.code not in repr(ticket)
    now_ms = StoppedClock().utc_ms()
    claim = Enrolments(database).claim(code_digest(enrolment.code), b"k" * 32, now_ms, new_key())
    assert (await claim).device_id == ticket.device.device_id
    candidate = await Devices(database).login_candidate(ticket.device.device_id)
    assert PinHasher(8, 1).verify(candidate.pin_hash, "4711")
    assert PinHasher(8, 1).verify((await _new_pin_hash(desk, database, candidate)), "271828")


async def _new_pin_hash(desk, database, candidate):
    assert await desk.set_pin("ACME", NUMBER, "271828") == "271828"
    return (await Devices(database).login_candidate(candidate.device_id)).pin_hash


async def test_the_code_is_stored_as_a_digest_only(radios, database, settings):
    ticket = await radios.add("ACME", NUMBER)
    await database.close()
    stored = settings.database_file.read_bytes()
    assert code_digest(ticket.code) in stored
    for form in (ticket.code, ticket.code.replace("-", "")):
        assert form.encode() not in stored


async def test_devices(desk, radios):
    seven = (await radios.add("ACME", NUMBER, label="Radio 7")).device
    await desk.add_subscriber("ACME", "Bert")
    await radios.add("ACME", "Bert")
    assert len(await radios.devices("ACME")) == 2
    assert await radios.devices("ACME", NUMBER) == [seven]
    assert await radios.device("ACME", "Radio 7") == await radios.device("ACME", seven.device_id) == seven
    assert (await radios.new_code("ACME", "Radio 7")).device == seven
    await radios.revoke("ACME", "Radio 7")
    with pytest.raises(InvalidValue, match="revoked already"):
        await radios.revoke("ACME", "Radio 7")
    with pytest.raises(NotFound, match="revoked"):
        await radios.new_code("ACME", "Radio 7")
    await radios.remove("ACME", "Radio 7")
    with pytest.raises(NotFound):
        await radios.device("ACME", "Radio 7")


async def test_a_label_of_two_is_no_address(radios):
    first, second = [(await radios.add("ACME", NUMBER, label="R")).device.device_id for _ in range(2)]
    with pytest.raises(InvalidValue) as caught:
        await radios.revoke("ACME", "R")
    assert first in caught.value.message
    assert second in caught.value.message


@pytest.mark.parametrize("hours", [0, -1, 721, float("nan"), float("inf")])
async def test_wrong_expiry_adds_nothing(radios, hours):
    with pytest.raises(InvalidValue):
        await radios.add("ACME", NUMBER, expires_h=hours)
    assert await radios.devices("ACME") == []


async def test_a_server_without_an_address_gives_no_tickets(desk, database, settings):
    nowhere = settings.model_copy(update={"signalling": SignallingSettings(public_host="a b", port=0)})
    with pytest.raises(ConfigError, match="public_host"):
        await (await furnish(database, nowhere, StoppedClock())).devices.add("ACME", NUMBER)


@pytest.mark.parametrize("marker", MARKERS)
async def test_t056_markers_are_names_like_others(desk, radios, marker):
    await desk.add_tenant(marker)
    await desk.add_group(marker, marker)
    await desk.add_subscriber(marker, marker, display_name=marker)
    await desk.set_member(marker, marker, marker)
    assert (await radios.add(marker, marker, label=marker)).device.label == marker
    (member,) = await desk.group_members(marker, marker)
    assert (member.identifier, member.display_name) == (marker, marker)
    await desk.remove_tenant(marker)
    assert [tenant.name for tenant in await desk.tenants()] == ["ACME"]


async def test_the_office_opens_and_closes(settings):
    async with open_office(settings) as office:
        await office.provisioning.add_tenant("ACME")
    async with open_office(settings) as office:
        assert len(await office.provisioning.tenants()) == 1
