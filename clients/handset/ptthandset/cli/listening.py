"""`ptt listen`: what a group says goes to a WAV file or the loudspeaker."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ptthandset.cli.connecting import connected, credentials_file, run, until_stopped
from ptthandset.cli.talking import SAMPLE_RATE_HZ, Udp

if TYPE_CHECKING:
    from ptthandset.scan import Scan
    from ptthandset.talkgroup import GroupEvent, Talkgroup

FRAME_MS = 20


def listen(
    ctx: typer.Context,
    groups: Annotated[list[str], typer.Argument(help="Groups, the most important first.")],
    wav: Annotated[Path | None, typer.Option(help="Write what is heard to this WAV file.")] = None,
    speaker: Annotated[bool, typer.Option("--speaker", help="Play what is heard.")] = False,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after this long. Default: Ctrl+C.")] = None,
    answer: Annotated[bool, typer.Option("--answer", help="Take calls that come, and let them be heard.")] = False,
    udp: Udp = True,
) -> None:
    """Listen to one or several groups until Ctrl+C."""
    if wav is None and not speaker:
        raise typer.BadParameter("choose --wav FILE, --speaker, or both")
    run(_listen(credentials_file(ctx), groups, wav, speaker, seconds, answer, udp))


async def _listen(
    file: Path,
    names: list[str],
    wav: Path | None,
    speaker: bool,
    seconds: float | None,
    answer: bool,
    udp: bool,
) -> None:
    from ptthandset.cli.incoming import Incoming
    from ptthandset.scan import Scan

    async with connected(file, use_udp=udp) as handset:
        talkgroups = [await handset.affiliate(name) for name in names]
        with ExitStack() as stack:
            ears = Ears(stack, wav, speaker)
            for talkgroup in talkgroups:
                _announce(talkgroup)
            typer.echo(f"Listening to {', '.join(names)}. Ctrl+C stops.", err=True)
            scan = Scan(talkgroups)
            Incoming(handset, scan, lambda line: typer.echo(line, err=True), auto_answer=answer)
            hearing = asyncio.create_task(ears.hear(scan, seconds))
            await until_stopped(handset, hearing)


class Ears:
    """A WAV file, a loudspeaker, both, or neither (then the sound is only kept moving)."""

    def __init__(self, stack: ExitStack, wav: Path | None, speaker: bool) -> None:
        from ptthandset.audio.devices import Speaker
        from ptthandset.audio.files import WavWriter

        self._recording = stack.enter_context(WavWriter(wav, SAMPLE_RATE_HZ)) if wav else None
        self._speaker = stack.enter_context(Speaker(SAMPLE_RATE_HZ, FRAME_MS)) if speaker else None

    async def hear(self, scan: "Scan", seconds: float | None = None) -> None:
        """Moves the sound, for `seconds` or until cancelled."""
        from ptthandset.audio.pacing import ticks

        started: float | None = None
        async for now in ticks(FRAME_MS):
            started = now if started is None else started
            if seconds is not None and now - started >= seconds:
                return
            frame = scan.pull(now, FRAME_MS)
            if self._recording is not None:
                self._recording.write(frame)
            if self._speaker is not None:
                self._speaker.write(frame)


def _announce(talkgroup: "Talkgroup") -> None:
    from ptthandset.floor_effects import FloorIdle, FloorTaken

    def show(event: "GroupEvent") -> None:
        if isinstance(event, FloorTaken):
            typer.echo(f"{talkgroup.name}: {event.name or event.user_id} talks", err=True)
        elif isinstance(event, FloorIdle):
            typer.echo(f"{talkgroup.name}: nobody talks", err=True)

    talkgroup.listeners.append(show)
