"""The face of the terminal radio: who talks, who is there, the state of the floor, and how good the link is."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ptthandset.audio.jitter_buffer import JitterStatistics
from ptthandset.floor_states import FloorState
from ptthandset.handset import Handset
from ptthandset.talkgroup import Talkgroup

NAMES_SHOWN = 12
KEYS = "space  talk / stop    e e  call for help    tab  next group    a  answer    x  hang up    q  quit"


class Face:
    """What the radio shows. `note` is the last thing that the user should know, `listened` who hears the microphone."""

    def __init__(self, handset: Handset, groups: Sequence[Talkgroup]) -> None:
        self.note = ""
        self.listened = ""
        self._handset = handset
        self._groups = list(groups)
        self._selected = 0

    @property
    def selected(self) -> Talkgroup:
        return self._groups[self._selected]

    def select_next(self) -> None:
        self._selected = (self._selected + 1) % len(self._groups)

    def add(self, group: Talkgroup, *, select: bool = True) -> None:
        """A group more."""
        self._groups.append(group)
        if select:
            self._selected = len(self._groups) - 1

    def forget(self, group_id: str) -> bool:
        """A group less. False: it was not shown."""
        selected, shown = self.selected, any(group.group_id == group_id for group in self._groups)
        self._groups = [group for group in self._groups if group.group_id != group_id] or self._groups
        self._selected = self._groups.index(selected) if selected in self._groups else 0
        return shown

    def draw(self) -> RenderableType:
        parts: list[RenderableType] = [self._floor(), self._table(), self._link()]
        if self.listened:
            parts.insert(0, Text(f"{self.listened}\n", style="bold white on red"))
        if self.note:
            parts.append(Text(self.note, style="yellow"))
        parts.append(Text(KEYS, style="dim"))
        who = self._handset.name or self._handset.credentials.subscriber
        return Panel(Group(*parts), title=Text(f"{who} · {self._handset.credentials.tenant_name}"), padding=(1, 2))

    def _floor(self) -> Text:
        group = self.selected
        if group.grant is not None:
            return Text(f"YOU TALK in {group.name}\n", style="bold white on red")
        if group.queued is not None:
            return Text(f"Waiting in {group.name}, position {group.queued.position}\n", style="bold yellow")
        if group.floor_state is FloorState.PENDING_REQUEST:
            return Text(f"Asking for {group.name} ...\n", style="yellow")
        if group.talker is not None:
            return Text(f"{_talker(group)} talks in {group.name}\n", style="bold green")
        listening = " (listen only)" if group.listen_only else ""
        return Text(f"{group.name} is free{listening}\n", style="bold")

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for heading in ("", "Group", "Talking", "There"):
            table.add_column(heading)
        for group in self._groups:
            mark = ">" if group is self.selected else ""
            talking = "you" if group.grant else _talker(group) if group.talker else "-"
            table.add_row(Text(mark), Text(group.name), Text(talking), Text(_there(group)))
        return table

    def _link(self) -> Text:
        media = self._handset.media
        if media is None or media.link is None:
            return Text("\nLink: lost", style="red")
        trip = "-" if media.round_trip_s is None else f"{1000 * media.round_trip_s:.0f} ms"
        heard = [group.statistics for group in self._groups]
        return Text(f"\nLink: {media.via.value}, round trip {trip}, {_quality(heard)}")


def _talker(group: Talkgroup) -> str:
    return (group.talker and (group.talker.name or group.talker.user_id)) or "Somebody"


def _there(group: Talkgroup) -> str:
    if group.participants is None:
        return f"{group.count} participants"
    names = [name or subscriber for subscriber, name in group.participants.items()]
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def _quality(heard: Sequence[JitterStatistics | None]) -> str:
    known = [statistics for statistics in heard if statistics is not None]
    expected = sum(s.played + s.lost for s in known)
    if not expected:
        return "nothing heard yet"
    lost = sum(s.lost for s in known)
    newest = known[-1]
    return f"{100 * lost / expected:.1f} % lost, delay {newest.delay_ms:.0f} ms, jitter {newest.jitter_ms:.0f} ms"
