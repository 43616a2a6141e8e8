"""T-083: an alert carries a position if location is on, or the organisation excepts alerts; else it dies on entry."""

import logging
import struct
import time
from itertools import product
from pathlib import Path

import pytest

from attacks.bare_radio import BareRadio
from behaviours.control_room import ALERT, Control
from pttserver.ids import Personal
from pttserver.privacy.location_admission import Admission
from pttserver.privacy.policy import parse_policy
from pttserver.roles import Rights, Role
from pttserver.services.instructions import Instruction
from pttserver.wire import signalling
from running_server import PLAIN_POLICY, running_platform, until

HERE = signalling.Position(latitude=47.3141592, longitude=8.2718281, accuracy_m=12, at_ms=1_700_000_000_000)
MONDAY_NOON_MS = 1_700_481_600_000  # 20 November 2023, 12:00 UTC
TRACES = [
    b"47.3141592", b"8.2718281", b"47.31415", b"8.27182",
    struct.pack("<d", HERE.latitude), struct.pack(">d", HERE.latitude),
    struct.pack("<d", HERE.longitude), struct.pack(">d", HERE.longitude),
]  # fmt: skip


def policy(*, enabled: bool, exception: bool, on_duty: bool = True, may_switch_off: bool = True) -> str:
    hours = "" if on_duty else 'duty_hours = ["tue 00:00-01:00"]\n'
    return (
        f"{PLAIN_POLICY}[location]\nenabled = {str(enabled).lower()}\nsos_exception = {str(exception).lower()}\n"
        f"subscriber_may_switch_off = {str(may_switch_off).lower()}\n{hours}"
    )


@pytest.mark.parametrize(
    ("enabled", "exception", "allowed", "wanted", "on_duty", "may_switch_off"), list(product([False, True], repeat=6))
)
def test_the_matrix(
    enabled: bool, exception: bool, allowed: bool, wanted: bool, on_duty: bool, may_switch_off: bool
) -> None:
    text = policy(enabled=enabled, exception=exception, on_duty=on_duty, may_switch_off=may_switch_off)
    rights = Rights(location_allowed=allowed, location_wanted=wanted)
    carried = Admission(parse_policy(text), rights).admit(HERE, MONDAY_NOON_MS, alert=True)
    is_on = enabled and allowed and (wanted or not may_switch_off) and on_duty
    assert carried == (HERE if exception or is_on else None)


def test_by_default_no_alert_carries_a_position() -> None:
    assert Admission(parse_policy(PLAIN_POLICY), Rights()).admit(HERE, MONDAY_NOON_MS, alert=True) is None


def test_what_is_carried_is_rounded_as_every_position_is() -> None:
    coarse = policy(enabled=True, exception=False) + "precision_m = 1000\n"
    carried = Admission(parse_policy(coarse), Rights()).admit(HERE, MONDAY_NOON_MS, alert=True)
    assert carried is not None
    assert carried.latitude != HERE.latitude
    assert abs(carried.latitude - HERE.latitude) < 0.01
    assert carried.accuracy_m >= HERE.accuracy_m + 500 * 2**0.5  # half the diagonal of the grid


STORED = policy(enabled=True, exception=False) + "live_only = false\n[categories.location]\nstore = 'plain'\n"


@pytest.mark.parametrize(
    ("text", "is_told", "is_written"),
    [
        (policy(enabled=False, exception=False), False, False),
        (policy(enabled=False, exception=True), True, False),
        (policy(enabled=True, exception=False), True, False),
        (STORED, True, True),
    ],
    ids=["off", "off, but for alerts", "live only", "written"],
)
async def test_on_a_real_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, is_told: bool, is_written: bool
) -> None:
    """In no file, no log line, no metric and no other socket, not even if it is malformed."""
    caplog.set_level(logging.DEBUG)
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", policy=text)
        control = Control(platform)
        _, bert, dora = await control.staff()
        radio = await BareRadio.log_in(await control.credentials("Carl", "Patrol"))
        listener = await BareRadio.log_in(await control.credentials("Eric", "Patrol", role=Role.DISPATCHER))
        help_ = signalling.RaiseAlert(id=1, alert=ALERT, position=HERE)
        await radio.ask(help_, signalling.AlertAccepted)
        await until(lambda: dora.raised() and bert.raised())
        assert dora.raised()[0].position == (HERE if is_told else None)
        later = HERE.model_copy(update={"at_ms": HERE.at_ms + 1})
        await radio.ask(help_.model_copy(update={"position": later}), signalling.AlertAccepted)
        if is_told:
            await until(lambda: dora.raised()[-1].position == later)
        await listener.ask_ping()
        heard = "".join(listener.texts).encode()
        (stored,) = await platform.server.services.alerts.desk._store.open_alerts()
        assert (stored.position is not None) is is_written
        metrics = platform.server.services.metrics
        told_of = heard, caplog.text.encode(), repr(metrics.__dict__).encode(), repr(help_).encode()
        await radio.close()
        await listener.close()
    for trace in TRACES:
        assert (trace in heard) is (is_told and trace in b"47.3141592 8.2718281")
        assert trace not in told_of[1] + told_of[2] + told_of[3]
        for file in (tmp_path / "data").rglob("*"):
            assert not file.is_file() or trace not in file.read_bytes(), file.name


async def test_an_open_alert_lets_its_position_go_when_it_may_carry_none_any_more(tmp_path: Path) -> None:
    """Location stays on, for operations; that it is for safety too was taken away."""
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", policy=STORED)
        control = Control(platform)
        _, _, dora = await control.staff()
        radio = await BareRadio.log_in(await control.credentials("Carl", "Patrol"))
        now = HERE.model_copy(update={"at_ms": int(time.time() * 1000)})
        await radio.ask(signalling.RaiseAlert(id=1, alert=ALERT, position=now), signalling.AlertAccepted)
        await until(lambda: dora.raised() and dora.raised()[-1].position == now)
        services = platform.server.services
        await until(lambda: not len(services.alert_log))
        tenant = (await platform.provisioning.tenant("ACME")).tenant_id
        reason = Instruction(Personal("Olga"), Personal("DPO asked"))
        await platform.office.instructions.apply(tenant, STORED + "purpose = ['operations']\n", reason)
        await until(lambda: dora.raised()[-1].position is None)
        await platform.office.book.load()
        shown = await platform.office.alerts.alert("ACME", ALERT, reason)
        assert (shown.position, shown.track) == (None, ())
        await platform.office.retention.round()
        (stored,) = await services.alerts.desk._store.open_alerts()
        assert stored.position is None
        await radio.close()
