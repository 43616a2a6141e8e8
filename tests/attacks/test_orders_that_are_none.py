"""T-077: an order to log out, disable or wipe a device counts from its dispatcher, on that connection, and once.

Orders are not signed one by one: they come over the TLS connection that the device has pinned, and go there over one
that the dispatcher's device key opened. So what is shown here is that they count nowhere else.
"""

import pytest

from attacks.bare_radio import BareRadio, Refusal
from pttserver.roles import Role
from pttserver.wire import signalling as s
from running_server import TENANT, Platform, until

ORDERS = {
    "device.logout": s.LogOutDevice,
    "device.stun": s.DisableDevice,
    "device.wipe": s.WipeDevice,
}


class Crew:
    """Anna, whose device is aimed at, and Dora, who dispatches."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    async def begin(self) -> None:
        await self.platform.organise("Patrol")
        self.credentials = await self.platform.enrol("Anna", "Patrol")
        dora = await self.platform.enrol("Dora", "Patrol")
        await self.platform.office.roles.set_role(TENANT, "Dora", Role.DISPATCHER)
        self.anna, self.dora = await BareRadio.log_in(self.credentials), await BareRadio.log_in(dora)

    def recorded(self, kind: str) -> str:
        """A frame as Dora sends it, with the number 9."""
        return ORDERS[kind](id=9, who=self.credentials.device, reason="stolen").to_json()

    async def is_untouched(self) -> None:
        assert await self.anna.ask_ping() < 5
        assert not any(isinstance(event, s.WipeOrdered | s.SessionEnded) for event in self.anna.events)

    async def close(self) -> None:
        for radio in (self.anna, self.dora):
            await radio.close()


@pytest.fixture
async def crew(platform: Platform):  # type: ignore[no-untyped-def]
    made = Crew(platform)
    await made.begin()
    yield made
    await made.close()


@pytest.mark.parametrize("kind", ORDERS)
async def test_a_recorded_order_is_worth_nothing_on_another_connection(crew: Crew, kind: str) -> None:
    stranger = await BareRadio.open(crew.platform.url)
    await stranger.hello()
    with pytest.raises(Refusal, match=r"auth\.required"):
        await stranger.ask_text(crew.recorded(kind), 9, s.Done)
    assert await stranger.closed() == 4002
    colleague = await BareRadio.log_in(await crew.platform.enrol("Bert", "Patrol"))
    with pytest.raises(Refusal, match=r"auth\.forbidden"):
        await colleague.ask_text(crew.recorded(kind), 9, s.Done)
    await colleague.close()
    await crew.is_untouched()


async def test_an_order_of_a_dispatcher_who_is_none_any_more_is_refused(crew: Crew) -> None:
    await crew.platform.office.roles.set_role(TENANT, "Dora", Role.SUBSCRIBER)
    await until(lambda: any(isinstance(event, s.TermsChanged) for event in crew.dora.events))
    for kind in ORDERS:
        with pytest.raises(Refusal, match=r"auth\.forbidden"):
            await crew.dora.ask_text(crew.recorded(kind), 9, s.Done)
    await crew.is_untouched()


async def test_nobody_speaks_as_the_server(crew: Crew) -> None:
    """What the server tells a device to do is no request, so no client can have it told."""
    bert = await BareRadio.log_in(await crew.platform.enrol("Bert", "Patrol"))
    kinds = [kind.model_fields["type"].default for kind in (s.WipeOrdered, s.SessionEnded, s.SessionSuperseded)]
    for kind in kinds:
        with pytest.raises(Refusal, match=r"protocol\."):
            await bert.ask_text(f'{{"type":"{kind}","id":9,"device":"{crew.credentials.device}"}}', 9, s.Done)
    await bert.close()
    await crew.is_untouched()


async def test_who_was_not_told_to_wipe_cannot_say_that_it_did(crew: Crew) -> None:
    with pytest.raises(Refusal, match="not_found"):
        await crew.anna.ask(s.DeviceWiped(id=1), s.Done)
    assert not any(isinstance(event, s.DeviceChanged) for event in crew.dora.events)
    await crew.is_untouched()


async def test_an_order_is_for_one_device_and_is_over_when_it_is_carried_out(crew: Crew) -> None:
    """The device that the person gets instead hears nothing of it, however often it logs in."""
    await crew.dora.ask_text(crew.recorded("device.wipe"), 9, s.Done)
    await until(lambda: s.WipeOrdered() in crew.anna.events)
    await crew.anna.ask(s.DeviceWiped(id=1), s.Done)
    fresh = await crew.platform.another_device("Anna")
    for _ in range(2):
        radio = await BareRadio.log_in(fresh)
        await radio.ask_ping()
        assert s.WipeOrdered() not in radio.events
        await radio.close()
    with pytest.raises(Refusal, match=r"auth\.wiped"):
        await BareRadio.log_in(crew.credentials)
