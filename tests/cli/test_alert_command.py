"""`pttserver alert`: what became of an alert, for debriefing; every look is recorded."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from behaviours.control_room import Control
from pttserver.cli.main import app
from running_server import PLAIN_POLICY, running_platform, until
from sim.radio_traffic import roll_of

BY = ("--reason", "debriefing 7", "--by", "Dana")


async def incident(tmp_path: Path) -> str:
    """Anna calls for help, talks, and Dora closes it."""
    async with running_platform(tmp_path) as platform:
        await platform.organise("Patrol", policy=PLAIN_POLICY)
        control = Control(platform)
        _, bert, dora = await control.staff()
        await bert.handset.affiliate("Patrol")
        async with roll_of(platform) as roll:
            carl = await roll.on_duty("<b>Carl</b>")
            alert = await carl.handset.alerts.raise_alert()
            await carl.says(0.3)
            await until(dora.raised)
            await dora.handset.alerts.acknowledge(alert)
            await dora.handset.alerts.resolve(alert, "resolved", "found & safe")
        return alert


@pytest.fixture
def alert(tmp_path: Path) -> str:
    return asyncio.run(incident(tmp_path))


@pytest.fixture
def pttserver(tmp_path: Path) -> Any:
    environment = {"PTTSERVER_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "200"}

    def run(*words: object, status: int = 0) -> str:
        result = CliRunner().invoke(app, [str(word) for word in words], env=environment, catch_exceptions=False)
        assert result.exit_code == status, result.output
        return result.output

    return run


def test_an_alert_is_listed_shown_and_reported(alert: str, pttserver: Any, tmp_path: Path) -> None:
    (listed,) = json.loads(pttserver("alert", "list", "ACME", *BY, "--json"))
    assert (listed["alert"], listed["raiser"], listed["state"], listed["drill"]) == (
        alert,
        "<b>Carl</b>",
        "resolved",
        False,
    )
    assert listed["acknowledged_after_s"] >= 0
    assert alert in pttserver("alert", "list", "ACME", *BY)
    shown = pttserver("alert", "show", "ACME", alert, *BY)
    for words in ("raised the alert", "device shows it", "acknowledged it", "closed it: resolved", "found & safe"):
        assert words in shown
    html, machine = tmp_path / "report.html", tmp_path / "report.json"
    pttserver("alert", "report", "ACME", alert, *BY, "--html", html, "--json", machine)
    page = html.read_text()
    assert "&lt;b&gt;Carl&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    document = json.loads(machine.read_text())
    assert next(step["kind"] for step in document["steps"]) == "raised"
    assert document["steps"][-1] == document["steps"][-1] | {"kind": "resolved", "who": "Dora", "note": "found & safe"}
    assert [call["group"] for call in document["calls"]] == ["Patrol"]
    pttserver("alert", "report", "ACME", alert, *BY, "--html", html, status=1)  # never over what is there


def test_each_look_and_each_answer_is_in_the_audit_log(alert: str, pttserver: Any) -> None:
    pttserver("alert", "show", "ACME", alert, *BY)
    pttserver("alert", "list", "ACME", *BY)
    entries = [
        e for e in json.loads(pttserver("audit", "show", "ACME", "--json")) if e["operation"].startswith("alert")
    ]
    assert [entry["operation"] for entry in entries] == [
        "alert.acknowledged",
        "alert.resolved",
        "alert.show",
        "alert.list",
    ]
    assert all(entry["subject"] for entry in entries[:3])
    assert (entries[2]["actor"], entries[2]["details"]["reason"]) == ("Dana", "debriefing 7")


def test_what_is_not_there_is_not_shown(alert: str, pttserver: Any) -> None:
    assert "no such alert" in pttserver("alert", "show", "ACME", "alr_ffffffffffffffff", *BY, status=1)
    pttserver("tenant", "add", "Rival")
    assert "no such alert" in pttserver("alert", "show", "Rival", alert, *BY, status=1)
    assert json.loads(pttserver("alert", "list", "Rival", *BY, "--json")) == []
    pttserver("alert", "report", "ACME", alert, *BY, status=2)
    pttserver("alert", "list", "ACME", status=2)
