"""`ptt talk` and `ptt radio`: speech goes out."""

import asyncio
import sys
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ptthandset.cli.connecting import connected, credentials_file, run, until_stopped
from ptthandset.errors import HandsetError

SAMPLE_RATE_HZ = 16_000

GroupName = Annotated[str, typer.Argument(help="Name of the group.")]
FrameMsOption = Annotated[int, typer.Option(help="Length of a voice frame: 20, 40 or 60 ms.")]
Udp = Annotated[bool, typer.Option("--udp/--no-udp", help="Try UDP for voice, or stay on the WebSocket.")]


def talk(
    ctx: typer.Context,
    group: GroupName,
    wav: Annotated[Path | None, typer.Option(help="Say what is in this sound file.")] = None,
    mic: Annotated[bool, typer.Option("--mic", help="Talk with the microphone, until Enter.")] = False,
    emergency: Annotated[bool, typer.Option("--emergency", help="Ask for the floor as an emergency.")] = False,
    frame_ms: FrameMsOption = 20,
    udp: Udp = True,
) -> None:
    """Press the key, talk, let go: from a sound file or with the microphone."""
    if (wav is None) == (not mic):
        raise typer.BadParameter("choose one of --wav FILE and --mic")
    if frame_ms not in (20, 40, 60):
        raise typer.BadParameter("--frame-ms is 20, 40 or 60")
    run(_talk(credentials_file(ctx), group, wav, emergency, frame_ms, udp))


async def _talk(file: Path, group: str, wav: Path | None, emergency: bool, frame_ms: Any, udp: bool) -> None:
    from ptthandset.audio.codec import OpusEncoder
    from ptthandset.audio.files import read_audio

    speech = read_audio(wav, SAMPLE_RATE_HZ) if wav else None  # a wrong file is found before anybody is disturbed
    async with connected(file, use_udp=udp) as handset:
        talkgroup = await handset.affiliate(group)
        encoder = OpusEncoder(SAMPLE_RATE_HZ, frame_ms)
        async with frames(speech, encoder) as spoken:
            talking = asyncio.create_task(_say(talkgroup, spoken, encoder, emergency))
            await until_stopped(handset, talking)


@asynccontextmanager
async def frames(speech: bytes | None, encoder: Any) -> AsyncIterator[AsyncIterable[bytes]]:
    """What to say: the speech at its natural pace, or the microphone until Enter."""
    from ptthandset.audio.devices import Microphone
    from ptthandset.audio.pacing import spoken

    if speech is not None:
        yield spoken(speech, encoder.frame_bytes, encoder.frame_ms)
        return
    async with Microphone(SAMPLE_RATE_HZ, encoder.frame_ms) as microphone:
        typer.echo("Talk; press Enter to stop.", err=True)
        yield _until_enter(microphone)


async def _until_enter(microphone: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    enter = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), enter.set)
    try:
        async for frame in microphone:
            yield frame
            if enter.is_set():
                return
    finally:
        loop.remove_reader(sys.stdin.fileno())


async def _say(talkgroup: Any, spoken: AsyncIterable[bytes], encoder: Any, emergency: bool) -> None:
    from ptthandset.floor_effects import FloorGranted, FloorQueued

    def show(event: object) -> None:
        if isinstance(event, FloorQueued):
            typer.echo(f"Waiting at position {event.position} ...", err=True)
        elif isinstance(event, FloorGranted):
            typer.echo("You have the floor.", err=True)

    talkgroup.listeners.append(show)
    report = await talkgroup.talk(spoken, encoder, emergency=emergency)
    access_ms = 1000 * report.grant.access_time_s if report.grant else 0.0
    typer.echo(f"Said {report.frames_sent} frames; floor after {access_ms:.0f} ms.", err=True)
    if report.lost is not None:
        raise HandsetError("The floor was taken away before you had finished.")


def radio(
    ctx: typer.Context,
    groups: Annotated[list[str] | None, typer.Argument(help="Groups, the most important first. Default: all.")] = None,
    wav: Annotated[Path | None, typer.Option(help="Talk from this sound file instead of the microphone.")] = None,
    record: Annotated[Path | None, typer.Option(help="Write what is heard to this WAV file.")] = None,
    speaker: Annotated[bool, typer.Option("--speaker/--no-speaker", help="Play what is heard.")] = True,
    answer: Annotated[bool, typer.Option("--answer", help="Take calls at once, without ringing.")] = False,
    udp: Udp = True,
) -> None:
    """A radio on the terminal: the space bar talks, and you see who talks, who is there, and how good the link is."""
    from ptthandset.audio.files import read_audio
    from ptthandset.cli.radio import Radio

    speech = read_audio(wav, SAMPLE_RATE_HZ) if wav else None

    async def operate() -> None:
        async with connected(credentials_file(ctx), use_udp=udp, tell=False) as handset:
            radio = Radio(handset, speech, record, speaker, auto_answer=answer)
            await radio.operate(groups or [info.name for info in handset.groups])

    run(operate())
