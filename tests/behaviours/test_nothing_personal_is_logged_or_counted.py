"""Logs and metrics hold nothing about a person: a whole small call with markers, then a search for them."""

import asyncio
import io
import json
import logging
import re
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from attacks.bare_radio import BareRadio, Refusal
from attacks.live_call import LiveCall
from ptthandset.handset import enroll
from pttserver.config import FloorTimerSettings, SessionSettings
from pttserver.errors import StoreUnavailable
from pttserver.ids import Personal
from pttserver.observe.log import configure_logging, get_logger
from pttserver.services.call_log import CallLog
from pttserver.store.calls import CallHistory
from pttserver.store.resume import ResumeTokens
from pttserver.wire import signalling
from pttserver.wire.floor_control import MessageType
from running_server import PLAIN_POLICY, Platform, running_platform, until

NAME = "Zebediah Marker"
IDENTIFIER = "+4915555512345"
PIN = "8675309"
DEVICE_TYPE = "MarkerPhone 9"
GROUP = "Marker Patrol"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What every logger of the process writes, from debug upwards, through our formatter."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers.clear()  # else `basicConfig(force=True)` closes what is pytest's
    configure_logging("debug", "json")
    stream = io.StringIO()
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture
async def platform(tmp_path: Path, logged: io.StringIO) -> AsyncIterator[Platform]:
    floor = FloorTimerSettings(t4_inactivity_s=0.3)
    async with running_platform(tmp_path, floor=floor, sessions=SessionSettings(dead_after_s=60)) as running:
        yield running


async def whole_call(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that touches the markers, right and wrong; gives the secrets that came up on the way."""
    await platform.organise(GROUP)
    await platform.provisioning.add_subscriber("ACME", IDENTIFIER, display_name=NAME, pin=PIN)
    await platform.provisioning.set_member("ACME", GROUP, IDENTIFIER)
    tickets = [await platform.devices.add("ACME", IDENTIFIER, label=NAME) for _ in range(2)]
    devices = [await enroll(ticket.text, DEVICE_TYPE) for ticket in tickets]
    bert = await BareRadio.log_in(await platform.enrol("Bert", GROUP))
    await bert.affiliate()
    radio = await BareRadio.log_in(devices[0], PIN)
    token = radio.session.resume_token
    await radio.affiliate()
    ssrc = await radio.take_floor()
    await radio.use_udp()
    radio.send_udp(radio.voice(ssrc, 1))
    for text in (f'{{"type":"{NAME}","id":1}}', f'{{"type":"ping","id":9,"{IDENTIFIER}":"{PIN}"}}', NAME):
        await radio.send_text(text)
    await asyncio.sleep(0.05)
    with pytest.raises(Refusal):
        await BareRadio.log_in(devices[0], PIN + "1")

    async def broken(*_: object, **__: object) -> None:
        raise StoreUnavailable

    async def bug(*_: object, **__: object) -> None:
        raise ValueError(f"bug with {Personal(NAME)}, {Personal(IDENTIFIER)!r}")

    with monkeypatch.context() as patched:
        patched.setattr(ResumeTokens, "put_resume", broken)
        patched.setattr(CallHistory, "write_calls", broken)
        radio = await BareRadio.log_in(devices[1], PIN)
        await platform.server.services.call_log.flush()
        patched.setattr("pttserver.store.groups.Groups.group_for_member", bug)
        with pytest.raises(Refusal, match="internal"):
            await radio.affiliate()
        patched.setattr("pttserver.store.groups.Groups.memberships", bug)
        with pytest.raises(Refusal, match="internal"):
            await radio.ask(signalling.ListGroups(id=1), signalling.Groups)
    await radio.affiliate()
    await bert.say(bert.floor_message(MessageType.FLOOR_REQUEST))
    await asyncio.sleep(0.1)
    await bert.send_text("\udcff".encode("utf-8", "surrogateescape").decode("latin-1"))
    await radio.ask(signalling.Logout(id=1), signalling.Done)
    await platform.provisioning.remove_subscriber("ACME", IDENTIFIER)
    await asyncio.sleep(0.6)
    await bert.close()
    assert token is not None
    return [token.hex(), *(ticket.code for ticket in tickets), devices[0].private_key.hex()]


async def test_no_marker_appears_in_logs_or_metrics(
    platform: Platform, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-111, T-076: name, number, PIN, tokens, codes, addresses: 0 hits; also in tracebacks of bugs."""
    secrets = await whole_call(platform, monkeypatch)
    url = f"http://127.0.0.1:{platform.server.metrics_port}/metrics"
    metrics = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())
    text = logged.getvalue()
    assert "request_failed" in text
    assert "[redacted]" in text
    assert "login_not_recorded" in text
    markers = [NAME, "Zebediah", IDENTIFIER, IDENTIFIER[1:], PIN, DEVICE_TYPE, GROUP, *secrets]
    for marker in markers:
        assert marker not in text, [line for line in text.splitlines() if marker in line][:3]
        assert marker not in metrics
    assert "127.0.0.1" not in text, [line for line in text.splitlines() if "127.0.0.1" in line][:3]
    assert "127.0.0.1" not in metrics


async def test_groups_that_alerts_cannot_reach_are_counted_and_not_named(
    platform: Platform, logged: io.StringIO
) -> None:
    missing = f'[alerts]\nroute = ["dispatchers", "group"]\ngroups = ["{GROUP}", "{GROUP} 2", "Patrol"]\n'
    await platform.organise("Patrol", policy=PLAIN_POLICY + missing)
    anna = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
    await anna.ask(signalling.RaiseAlert(id=1, alert="alr_00000000000000a1", drill=False), signalling.AlertAccepted)
    await until(lambda: "alert_groups_missing" in logged.getvalue())
    (line,) = [line for line in logged.getvalue().splitlines() if "alert_groups_missing" in line]
    assert json.loads(line)["missing"] == 2
    assert "Marker" not in logged.getvalue()
    await anna.close()


async def test_metrics_have_fixed_labels_whatever_happens(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """T-112: the set of series does not depend on who uses the server."""

    def series() -> set[str]:
        url = f"http://127.0.0.1:{platform.server.metrics_port}/metrics"
        text = urllib.request.urlopen(url).read().decode()
        return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}

    before = await asyncio.to_thread(series)
    await whole_call(platform, monkeypatch)
    after = await asyncio.to_thread(series)
    assert after == before
    labels = {match for name in after for match in re.findall(r"(\w+)=", name)}
    assert labels == {"reason", "category", "le"}
    assert len(after) < 150


async def test_personal_values_are_redacted_however_they_are_logged(logged: io.StringIO) -> None:
    """T-111: as a value, within lists and mappings, formatted, in the text of an exception."""
    log = get_logger("test")
    who = Personal(NAME)
    log.error("one", who=who, many=[who], deep={"a": {"b": (who,)}}, text=f"{who} {who!s} {who!r} {who:>30}")
    log.error("as message %s" % who)  # noqa: UP031
    try:
        raise ValueError(who)
    except ValueError:
        log.exception("failed")
    logging.getLogger("library").error("from a library: %s", who)
    assert "Zebediah" not in logged.getvalue()
    assert logged.getvalue().count("[redacted]") >= 8


async def test_the_records_of_calls_that_cannot_be_written_name_nobody(
    platform: Platform, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-111: failing to write is an event, what could not be written is not."""

    async def broken(*_: object, **__: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(CallHistory, "write_calls", broken)
    call = await LiveCall.start(platform)
    call.talker.send_udp(call.packet())
    await call.talker.say(call.talker.floor_message(MessageType.FLOOR_RELEASE))
    await until(lambda: len(platform.server.services.call_log) > 0)
    log: CallLog = platform.server.services.call_log
    assert not await log.flush()
    assert "call_log_not_written" in logged.getvalue()
    assert "127.0.0.1" not in logged.getvalue()
    await call.stop()
