"""Voice in reports: saturation, floor access, attacks, bad links, voice on TCP."""

from typing import Any

from bench.report.section import Figures, Table, Verdict, at_least, at_most, cell, points

ACCESS_P99_MS = 10.0  # at half of saturation
LOSS_UNDER_ATTACK = 1.0  # percent
STEP_HEADINGS = (
    "server", "groups", "delivered/s", "CPU us", "of a core", "lost by the server", "not read by the harness",
    "p50 ms", "p99 ms",
)  # fmt: skip
PRESS_HEADINGS = ("keys pressed", "presses", "unanswered", "p50 ms", "p95 ms", "p99 ms", "max ms")


def step_lines(steps: list[dict[str, Any]]) -> list[list[str]]:
    """As `STEP_HEADINGS` says."""
    lines = []
    for step in steps:
        delivery, unread = step["delivery"], step["harness"].get("unread", 0)
        lost = max(0, delivery["lost"] - unread) / max(1, delivery["expected"])
        lines.append(
            [step["column"], f"{step['groups']} x {step['members']}", f"{step['delivered_per_s']:,.0f}",
             f"{step['cpu_us_per_datagram']:.2f}", f"{step['cpu_share']:.0%}", f"{lost:.2%}", f"{unread:,}",
             *points(delivery["delay_ms"], "p50", "p99")]
        )  # fmt: skip
    return lines


def saturate_verdicts(figures: Figures) -> list[Verdict]:
    half, limits = figures["at_half"], figures["limits"]
    found = [at_most("floor access at half of saturation, p99", half["access_ms"]["p99"], ACCESS_P99_MS, unit=" ms")]
    if "mumble" in limits:
        ratio = limits["pttserver"]["delivered_per_s"] / max(1, limits["mumble"]["delivered_per_s"])
        found.append(at_least("delivered/s at 1 % loss, of mumble-server", ratio, 1.8, "{:.2f}", " x"))
    return found


def saturate_tables(figures: Figures) -> list[Table]:
    limits = [
        [name, f"{one['delivered_per_s']:,.0f}", f"{one['in_time_per_s']:,.0f}", "yes" if one["reached"] else "no"]
        for name, one in figures["limits"].items()
    ]
    half = figures["at_half"]
    pressed = [f"beside {half['sent_per_s']:,} datagrams/s, {half['cpu_share']:.0%} of the core", *_presses(half)]
    return [
        Table(
            "What one core delivers",
            ("server", "delivered/s, at most 1 % lost", "of it in time (p99)", "more was lost at a faster pace"),
            limits,
        ),
        Table("Floor access at half of what comes in time", PRESS_HEADINGS, [pressed]),
        Table("The climb", STEP_HEADINGS, step_lines(figures["climb"]), "In the order of the steps."),
    ]


def _presses(one: dict[str, Any]) -> list[str]:
    return [f"{one['presses']:,}", f"{one['failed']:,}", *points(one["access_ms"])]


def key_up_tables(figures: Figures) -> list[Table]:
    lines = [
        ["nobody talks", *_presses(figures["idle"])],
        [f"beside voice, {figures['cpu_share']:.0%} of the core", *_presses(figures["beside_voice"])],
    ]
    return [Table("From the press of a key to the grant", PRESS_HEADINGS, lines)]


def attack_verdicts(figures: Figures) -> list[Verdict]:
    attacks = {kind: one for kind, one in figures["attacks"].items() if kind != "calm"}
    answered = sum(one["datagrams_answered"] for one in attacks.values())
    found = [at_most("forged datagrams that were answered", answered, 0, "{:.0f}")]
    for kind, one in attacks.items():
        what = f"voice lost under {one['forged_per_s']:,} forged/s, {_spoken(kind)}"
        found.append(at_most(what, 100 * one["delivery"]["loss"], LOSS_UNDER_ATTACK, unit=" %"))
    return found


def attack_tables(figures: Figures) -> list[Table]:
    headings = (
        "forgery", "forged/s", "read by the server", "answered", "of a core", "voice lost", "delay p50 ms", "p99 ms",
        "dropped as",
    )  # fmt: skip
    lines = []
    for kind, one in figures["attacks"].items():
        dropped = ", ".join(f"{count:,} {_spoken(reason)}" for reason, count in one["drops"].items())
        lines.append(
            [_spoken(kind), f"{one['forged_per_s']:,}", f"{one['datagrams_read_by_server']:,}",
             f"{one['datagrams_answered']:,}", f"{one['cpu_share']:.0%}", f"{one['delivery']['loss']:.2%}",
             *points(one["delivery"]["delay_ms"], "p50", "p99"), dropped]
        )  # fmt: skip
    return [Table("Calls beside each forgery", headings, lines)]


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def sweep_tables(figures: Figures) -> list[Table]:
    note = (
        f"{figures['records']:,} rows were erased, and proven to be gone, in {figures['took_s']} s: "
        f"{figures['rows_per_s']:,} rows/s; {figures['erased_while_measured']:,.0f} of them beside the second line."
    )
    return [Table("Voice without and beside a sweep", STEP_HEADINGS, step_lines(figures["steps"]), note)]


def locate_tables(figures: Figures) -> list[Table]:
    answered = figures["answered_ms"]
    note = (
        f"{figures['reports_per_s']:,} reports/s of {figures['handsets']:,} handsets, {figures['fences']:,} fences, "
        f"told to {figures['watchers']} dispatchers; {figures['crossings_per_s']:,} crossings/s; "
        f"{figures['cpu_us_per_report']} us of CPU a report; answered after {answered.get('p50', 0):.1f} ms (p50), "
        f"{answered.get('p99', 0):.1f} ms (p99)."
    )
    return [Table("Voice without and beside reports of positions", STEP_HEADINGS, step_lines(figures["steps"]), note)]


def websocket_tables(figures: Figures) -> list[Table]:
    note = "An arrival is stamped when the harness's loop reads the frame: the delay is an upper bound."
    return [Table("Listeners on TCP", STEP_HEADINGS, step_lines(figures["steps"]), note)]


def lossy_verdicts(figures: Figures) -> list[Verdict]:
    lost = sum(one["delivery"]["lost"] for one in figures["profiles"])
    return [at_most("copies lost by the server of what reached it", lost, 0, "{:.0f}")]


def lossy_tables(figures: Figures) -> list[Table]:
    up = ("link", "packets that reached the server", "copies", "lost by the server", "reordered", "CPU us", "dropped")
    down = (
        "link", "loss each way", "one-way delay ms", "roams", "silent after a roam p50 ms", "p95 ms", "max ms",
        "sent to a left address", "heard",
    )  # fmt: skip
    profiles = figures["profiles"]
    note = "Heard: of all copies, what the listeners' own bad links and changes of network let through."
    return [
        Table("What the server makes of it", up, [_way_up(one) for one in profiles]),
        Table("What the listeners hear", down, [_way_down(one) for one in profiles], note),
    ]


def _way_up(one: dict[str, Any]) -> list[str]:
    delivery = one["delivery"]
    dropped = ", ".join(f"{count:,} {_spoken(reason)}" for reason, count in one["drops"].items()) or "-"
    numbers = [f"{delivery[key]:,}" for key in ("sent_packets", "expected", "lost", "reordered")]
    return [one["name"], *numbers, f"{one['cpu_us_per_datagram']:.2f}", dropped]


def _way_down(one: dict[str, Any]) -> list[str]:
    profile = one["profile"]
    delay = f"{profile['delay_ms']} to {profile['delay_ms'] + profile['jitter_ms']}"
    return [
        one["name"], f"{profile['loss_percent']} %", delay, cell(one["roams"], "{:,}"),
        *points(one["gap_ms"], "p50", "p95", "max"), f"{one['to_a_left_address']:,}", f"{one['heard_share']:.2%}",
    ]  # fmt: skip
