"""Reports: targets with their verdicts, tables with columns, Markdown and a page that needs nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.report import summary
from bench.report.kinds import section
from bench.report.page import write_page
from bench.report.relay import rows
from bench.report.section import at_least, at_most
from bench.report.sessions import logins

LATENCY = {"p50": 1.0, "p95": 2.0, "p99": 3.0, "max": 4.0}
MACHINE = {
    "cpu": "x", "cores": 2, "kernel": "6", "python": "3", "mumble_server": "1", "measured_at": "2026", "commit": "c",
    "load_average_before": 0.5, "loop_ms_before": 30.0, "loop_ms_after": 31.0,
}  # fmt: skip


def result(kind: str, figures: dict[str, Any]) -> dict[str, Any]:
    return {
        "scenario": kind, "kind": kind, "about": "About <it>.", "quick": False, "settings": {"a": [1, 2]},
        "machine": MACHINE, "figures": figures,
    }  # fmt: skip


def step(column: str, members: int, cpu_us: float, p99: float) -> dict[str, Any]:
    delivery = {"delay_ms": {**LATENCY, "p99": p99}, "loss": 0.0, "delay_histogram": [1] * 160}
    return {
        "column": column, "members": members, "groups": 3, "cpu_us_per_datagram": cpu_us, "delivery": delivery,
        "warnings": ["late"] if column == "bare" else [],
    }  # fmt: skip


RELAY = result(
    "relay",
    {"steps": [step("pttserver", 100, 1.3, 2.0), step("mumble", 100, 4.0, 1.0), step("bare", 100, 1.2, 0.5)]},
)
COMEBACK = {
    "resumed_per_s": 600.0, "back_s": 16.0, "udp_proven_s": 17.0, "all_back_and_talking_s": 31.0,
    "server_cpu_ms_each": 1.5, "server_cpu_share": 0.9, "harness_cpu_share": 0.8, "latency_ms": LATENCY,
    "access_ms": LATENCY, "back_curve_s": [0.1, 8.0, 16.0],
}  # fmt: skip
RECONNECT = result(
    "reconnect",
    {
        "handsets": 10_000, "members": 50, "network_lost": COMEBACK,
        "server_killed": {**COMEBACK, "resumed_per_s": 499.0},
    },
)  # fmt: skip


def test_a_limit_is_met_at_its_value() -> None:
    assert at_most("x", 1.0, 1.0).met
    assert not at_most("x", 1.01, 1.0).met
    assert at_least("x", 500, 500).met
    assert not at_least("x", 499, 500).met
    assert (at_most("x", 2, 1, unit=" ms").value, at_most("x", 2, 1, unit=" ms").limit) == ("2.00 ms", "<= 1 ms")
    assert at_least("x", 499, 500).word == "MISSED"


def test_columns_stand_side_by_side_with_their_ratios() -> None:
    (row,) = rows(RELAY["figures"])
    assert row.ratio("mumble") == pytest.approx(0.325)
    found = {verdict.target: verdict.met for verdict in section(RELAY, with_plots=False).verdicts}
    assert found == {
        "CPU, of bare sendmmsg, groups of 100": True,
        "CPU, of mumble-server, groups of 100": True,
        "p99 delay, of mumble-server, groups of 100": False,
    }


def test_a_column_that_was_not_measured_stays_empty() -> None:
    alone = result("relay", {"steps": [step("pttserver", 10, 1.0, 1.0)]})
    shown = section(alone, with_plots=False)
    assert shown.verdicts == []
    assert shown.tables[0].lines == [["3 x 10", "1.00", "-", "-", "-", "-", ""]]


def test_the_targets_of_a_herd_are_for_a_large_one() -> None:
    words = [verdict.word for verdict in section(RECONNECT, with_plots=False).verdicts]
    assert words == ["met", "MISSED", "MISSED"]
    small = result("reconnect", {**RECONNECT["figures"], "handsets": 1000})
    assert len(section(small, with_plots=False).verdicts) == 2


def test_first_and_resumed_log_ins_share_a_table() -> None:
    table = logins({"reconnect": RECONNECT})
    assert table is not None
    assert [line[:3] for line in table.lines] == [
        ["resumed, session goes on", "10,000", "600"], ["resumed, new session and groups", "10,000", "499"],
    ]  # fmt: skip
    assert logins({}) is None


def test_every_line_of_a_table_has_a_cell_for_each_heading() -> None:
    for one in (RELAY, RECONNECT):
        for table in section(one, with_plots=False).tables:
            assert {len(line) for line in table.lines} == {len(table.headings)}


def test_the_summary_is_whole(tmp_path: Path) -> None:
    for one in (RELAY, RECONNECT):
        (tmp_path / f"{one['scenario']}.json").write_text(json.dumps(one))
    summary.main(tmp_path)
    text = (tmp_path / "RESULTS.md").read_text()
    assert "| resumed log-ins, server killed | 499/s | >= 500/s | MISSED | [reconnect](#reconnect) |" in text
    assert "- The harness: bare, groups of 100: late" in text
    pictures = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert pictures == ["reconnect-1.png", "relay-1.png", "relay-2.png", "relay-3.png"]
    assert all(f"(plots/{name})" in text for name in pictures)
    page = (tmp_path / "index.html").read_text()
    assert page.count("<svg") == 4
    assert "About &lt;it&gt;." in page


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    write_page([section(RECONNECT)], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert not any(word in page for word in ("<script", "<link", "src=", "@import", "url(http"))
