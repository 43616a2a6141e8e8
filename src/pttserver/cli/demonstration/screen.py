"""What a person sees of the demonstration: live progress on a terminal, plain lines elsewhere, the summary."""

import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pttserver.cli.demonstration.figures import Percentiles, Report

Message = dict[str, Any]


class Screen:
    """Shows who talks and who hears it. Use as a context manager."""

    def __init__(self, groups: dict[str, list[str]], seconds: float) -> None:
        self._console = Console()
        self._groups = groups
        self._seconds = seconds
        self._talking: dict[str, str] = {}
        self._hearing: dict[str, set[str]] = {group: set() for group in groups}
        self._queued: dict[str, str] = {}
        self._bursts = dict.fromkeys(groups, 0)
        self._started = time.monotonic()
        self._live = Live(console=self._console, get_renderable=self._render, refresh_per_second=8, transient=True)

    def __enter__(self) -> "Screen":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def note(self, text: str) -> None:
        """A step of the preparation."""
        self._console.print(text, highlight=False)

    def start_clock(self) -> None:
        self._started = time.monotonic()

    def pressed(self, group: str, handset: str) -> None:
        if group not in self._talking:
            self._talking[group] = handset
            self._hearing[group] = set()

    def event(self, message: Message) -> None:
        group, handset = message["group"], message["handset"]
        if message["event"] == "queued":
            self._queued[group] = handset
            self._line(f"{group}: {handset} waits at position {message['position']}")
        else:
            if self._talking.get(group) != message["talker"]:
                self._hearing[group] = set()
            self._talking[group] = message["talker"]
            self._hearing[group].add(handset)
            self._queued.pop(group, None)

    def told(self, message: Message, first: Message) -> None:
        """A step of the emergency, and when it was since the first."""
        after_ms = (message["at_ns"] - first["at_ns"]) / 1e6
        self._console.print(f"  {after_ms:7.0f} ms  {message['by']}: {message['told']}", highlight=False)

    def done(self, group: str, message: Message) -> None:
        handset = message["done"]
        if self._talking.get(group) == handset:
            del self._talking[group]
        if "denied" in message:
            self._line(f"{group}: {handset} was denied: {message['denied']}")
            return
        self._bursts[group] += 1
        how = "out of the queue" if message["queued"] else f"after {1000 * message['access_time_s']:.1f} ms"
        self._line(f"{group}: {handset} got the floor {how} and said {message['frames']} frames")

    def _line(self, text: str) -> None:
        if not self._console.is_terminal:
            self._console.print(text, highlight=False)

    def _render(self) -> Group:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for heading in ("Group", "Talking", "Heard by", "Waiting", "Bursts"):
            table.add_column(heading, style="bold" if heading == "Talking" else "")
        for group, members in self._groups.items():
            talker = self._talking.get(group)
            heard = f"{len(self._hearing[group])} of {len(members) - 1}" if talker else ""
            table.add_row(group, talker or "-", heard, self._queued.get(group, ""), str(self._bursts[group]))
        elapsed = min(self._seconds, time.monotonic() - self._started)
        return Group(Text(f"Talking: {elapsed:4.0f} of {self._seconds:.0f} s"), table)

    def summary(self, report: Report, recordings: str, kept: str | None) -> None:
        """What was measured, and the verdict."""
        table = Table(title="What each handset heard", title_justify="left")
        for heading in ("Handset", "Group", "Media by", "Bursts", "Frames", "Similarity"):
            table.add_column(heading, overflow="fold")
        for heard in report.listeners:
            frames = f"{heard.frames_delivered}/{heard.frames_expected}"
            alike = "-" if heard.least_similarity is None else f"{heard.least_similarity:.3f}"
            table.add_row(heard.handset, heard.group, heard.via, str(heard.bursts), frames, alike)
        self._console.print(table)
        lost = report.frames_expected - report.frames_delivered
        share = 100 * report.frames_delivered / max(1, report.frames_expected)
        self._say(
            f"Frames delivered   {report.frames_delivered} of {report.frames_expected} ({share:.2f} %), {lost} lost"
        )
        self._say(f"Bursts             {report.bursts}, {report.floor_granted_from_queue} of them out of the queue")
        self._say(f"Access time        {_figures(report.access_time_ms)}  (limit: p95 300 ms)")
        self._say(f"Mouth to ear       {_figures(report.mouth_to_ear_ms)}  (limit: p95 300 ms)")
        self._say(f"Press to console   {_shown_ms(report.press_to_console_ms)}  (limit: 1000 ms)")
        self._say(f"Recordings         {recordings}")
        if kept:
            self._say(f"Kept               {kept}")
        for problem in report.problems:
            self._console.print(f"Problem: {problem}", style="red", highlight=False)
        if report.everything_was_heard:
            self._console.print("Everything was heard.", style="green", highlight=False)

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False)


def _shown_ms(value: float | None) -> str:
    return "not measured" if value is None else f"{value:g} ms"


def _figures(values: Percentiles) -> str:
    if values.p50 is None:
        return "not measured"
    return f"p50 {values.p50:g} ms, p95 {values.p95:g} ms, max {values.max:g} ms"
