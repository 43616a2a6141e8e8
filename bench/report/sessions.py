"""Sessions in reports: what an idle one costs, how fast they log in, how fast they come back."""

from typing import Any

from bench.report.section import Figures, Table, Verdict, at_least, at_most, cell, points

RESUMED_PER_S = 500
BACK_WITHIN_S = 30
HERD = 10_000  # the handsets that this target is for
SESSION_KIB = 60
KEEPALIVE_PERCENT = 1.0
SHARE_OF_ARGON2 = 0.8
LOGIN_HEADINGS = ("log-in", "handsets", "per second", "server CPU ms each", "p50 ms", "p99 ms", "server", "harness")


def crowd_verdicts(figures: Figures) -> list[Verdict]:
    real = figures["logins_with_pin"]
    return [
        at_most("memory of an idle session", figures["rss_kib_per_session"], SESSION_KIB, "{:.1f}", " KiB"),
        at_most(
            "keep-alives of 1,000 sessions, of a core",
            figures["keepalive_cpu_percent_per_1000"], KEEPALIVE_PERCENT, unit=" %",
        ),
        at_least(
            "first log-ins, of what argon2 alone allows",
            real["per_s"] * real["argon2_ms"] / 1000, SHARE_OF_ARGON2, "{:.2f}", " x",
        ),
    ]  # fmt: skip


def crowd_tables(figures: Figures) -> list[Table]:
    count = figures["handsets"]
    idle = Table(
        f"{count:,} idle sessions",
        ("figure", "value"),
        [
            ["memory of the server without sessions", f"{figures['rss_empty_mib']:.0f} MiB"],
            ["with them", f"{figures['rss_mib']:.0f} MiB"],
            ["a session", f"{figures['rss_kib_per_session']:.1f} KiB"],
            [
                f"CPU with a keep-alive every {figures['keepalive_interval_s']} s",
                f"{figures['cpu_percent_with']:.2f} %",
            ],
            ["CPU without", f"{figures['cpu_percent_without']:.2f} %"],
            ["keep-alives of 1,000 sessions", f"{figures['keepalive_cpu_percent_per_1000']:.2f} %"],
            ["lag of the event loop, mean", f"{figures['lag_ms']['mean']:.2f} ms"],
        ],
        "CPU in percent of a core.",
    )
    return [idle, Table("Log-ins with the PIN", LOGIN_HEADINGS, first_logins(figures))]


def first_logins(figures: Figures) -> list[list[str]]:
    """Rows of the table of log-ins."""
    cheap, real = figures["logins"], figures["logins_with_pin"]
    memory = real["pin_hash_memory_kib"] / 1024
    return [
        _login("first, PIN hash of 8 KiB", figures["handsets"], cheap["per_s"], cheap),
        _login(
            f"first, argon2id {memory:.0f} MiB ({real['argon2_ms']:.0f} ms each)", real["count"], real["per_s"], real
        ),
    ]


def reconnect_verdicts(figures: Figures) -> list[Verdict]:
    found = []
    for key, what in (("network_lost", "network lost"), ("server_killed", "server killed")):
        found.append(at_least(f"resumed log-ins, {what}", figures[key]["resumed_per_s"], RESUMED_PER_S, unit="/s"))
    if figures["handsets"] >= HERD:
        took_s = figures["server_killed"]["all_back_and_talking_s"]
        found.append(
            at_most(f"{figures['handsets']:,} back and talking after a restart", took_s, BACK_WITHIN_S, unit=" s")
        )
    return found


def reconnect_tables(figures: Figures) -> list[Table]:
    lines = []
    for key, what in (("network_lost", "network lost"), ("server_killed", "server killed")):
        one = figures[key]
        times = [f"{one[name]:.1f} s" for name in ("back_s", "udp_proven_s", "all_back_and_talking_s")]
        lines.append([what, *times, *points(one["access_ms"], "p50", "p99")])
    headings = (
        "what happened",
        "all in their groups",
        "all on UDP",
        "a talker in every group",
        "access p50 ms",
        "p99 ms",
    )
    return [
        Table(f"{figures['handsets']:,} handsets come back, groups of {figures['members']}", headings, lines),
        Table("Resumed log-ins", LOGIN_HEADINGS, resumed_logins(figures)),
    ]


def resumed_logins(figures: Figures) -> list[list[str]]:
    """Rows of the table of log-ins."""
    count, network, killed = figures["handsets"], figures["network_lost"], figures["server_killed"]
    return [
        _login("resumed, session goes on", count, network["resumed_per_s"], network),
        _login("resumed, new session and groups", count, killed["resumed_per_s"], killed),
    ]


def _login(what: str, count: int, per_s: float, one: dict[str, Any]) -> list[str]:
    shares = [cell(one[name], "{:.0%}") for name in ("server_cpu_share", "harness_cpu_share")]
    numbers = [f"{count:,}", f"{per_s:,.0f}", f"{one['server_cpu_ms_each']:.2f}"]
    return [what, *numbers, *points(one["latency_ms"], "p50", "p99"), *shares]


def logins(results: dict[str, dict[str, Any]]) -> Table | None:
    """First and resumed log-ins in one table, of the results that there are."""
    lines = []
    if "crowd" in results:
        lines += first_logins(results["crowd"]["figures"])
    if "reconnect" in results:
        lines += resumed_logins(results["reconnect"]["figures"])
    note = "Server and harness: their share of the core that each has; where the harness has no more, the server has."
    return Table("Log-ins on one core", LOGIN_HEADINGS, lines, note) if lines else None
