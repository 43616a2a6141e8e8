"""An exercise of one group on one kind of network: radio checks, spoken turns with trouble, and a last roll call."""

import asyncio
import contextlib
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from ptthandset.audio.codec import OpusEncoder
from ptthandset.audio.pacing import spoken, ticks
from ptthandset.errors import FloorUnanswered
from ptthandset.floor_states import FloorState
from ptthandset.handset import Handset, HandsetEvent, Options, PathChanged
from ptthandset.media_path import Via
from ptthandset.speech import sentence_pcm
from ptthandset.talkgroup import Talkgroup, TalkReport
from pttserver.floor.states import State
from running_server import PIN, Platform, until
from sim.profiles import Profile, Trouble, Victim
from sim.seeded_link import Conditions, SeededLink, seeded_link

RATE_HZ = 16_000
PULL_MS = 20
HANDSETS = 3
RADIO_CHECKS = 9
LONG_TURN_S = 8
SETTLE_S = 12.0
RETURN_TO_UDP_S = 20.0


@dataclass(slots=True)
class Member:
    """A handset with its own link to the server. `played`: SSRC and sequence number of what its loudspeaker played."""

    name: str
    link: SeededLink
    handset: Handset
    group: Talkgroup
    played: list[tuple[int, int]]
    path_changes: list[Via] = field(default_factory=list)

    def on_event(self, event: HandsetEvent) -> None:
        if isinstance(event, PathChanged):
            self.path_changes.append(event.via)

    @property
    def bursts_heard(self) -> list[int]:
        """In the order of hearing; a burst that comes twice was interrupted by another."""
        return [ssrc for at, (ssrc, _) in enumerate(self.played) if at == 0 or self.played[at - 1][0] != ssrc]


@dataclass(slots=True)
class Turn:
    """A spoken turn: who talked, and how much of it each of the others played and recovered."""

    talker: Member
    report: TalkReport
    heard: dict[str, int] = field(default_factory=dict)
    recovered: dict[str, int] = field(default_factory=dict)
    resumed: bool = True
    """Voice reached the victim's listeners, or the victim, again after the trouble."""

    @property
    def sent(self) -> int:
        return self.report.frames_sent


@dataclass(slots=True)
class Outcome:
    """What an exercise showed."""

    profile: Profile
    turns: list[Turn] = field(default_factory=list)
    access_ms: list[float] = field(default_factory=list)
    unanswered: int = 0
    path_changes: int = 0
    interrupted: list[str] = field(default_factory=list)
    """Listeners that heard a burst in pieces, with another in between."""
    roll_call: dict[str, float] = field(default_factory=dict)
    """After the network healed: the least share of each member's frames that another one played."""

    @property
    def expected(self) -> int:
        return sum(turn.sent * len(turn.heard) for turn in self.turns)

    @property
    def played(self) -> int:
        return sum(sum(turn.heard.values()) for turn in self.turns)

    @property
    def recovered(self) -> int:
        return sum(sum(turn.recovered.values()) for turn in self.turns)

    @property
    def heard_percent(self) -> float:
        return 100 * (self.played + self.recovered) / self.expected

    def access_percentile_ms(self, percent: int) -> float:
        return statistics.quantiles(self.access_ms, n=100, method="inclusive")[percent - 1]


async def exercise(platform: Platform, profile: Profile, seed: int = 1) -> Outcome:
    """Runs the exercise in a group that is called as the profile. The group must exist."""
    outcome = Outcome(profile)
    async with AsyncExitStack() as stack:
        members = [await _member(stack, platform, profile, f"{seed} {number}") for number in range(HANDSETS)]
        listening = asyncio.create_task(_listen(members))
        try:
            await _all_by_udp(members)
            for member in members:
                member.link.conditions = profile.conditions
                member.handset.listeners.append(member.on_event)
            await _radio_checks(members, outcome)
            await _turns(members, outcome)
            for member in members:
                member.link.heal()
            await _settled(platform, members)
            await _all_by_udp(members)
            outcome.path_changes = sum(len(member.path_changes) for member in members)
            await _roll_call(members, outcome)
            await _settled(platform, members)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    outcome.interrupted = [m.name for m in members if len(set(m.bursts_heard)) < len(m.bursts_heard)]
    return outcome


async def _member(stack: AsyncExitStack, platform: Platform, profile: Profile, seed: str) -> Member:
    name = f"{profile.name} {seed}"
    link = await stack.enter_async_context(seeded_link(platform.server.media_port, name))
    played: list[tuple[int, int]] = []
    handset = await Handset.connect(
        await platform.enrol(name, profile.name),
        pin=PIN,
        options=Options(
            sample_rate_hz=RATE_HZ,
            media_host="127.0.0.1",
            media_port=link.port,
            on_played=lambda ssrc, sequence, _timestamp, _at: played.append((ssrc, sequence)),
        ),
    )
    stack.push_async_callback(handset.close)
    return Member(name, link, handset, await handset.affiliate(profile.name), played)


async def _listen(members: Iterable[Member]) -> None:
    async for now in ticks(PULL_MS):
        for member in members:
            member.group.pull(now, PULL_MS)


async def _all_by_udp(members: list[Member]) -> None:
    await until(lambda: all(m.handset.media.via is Via.UDP for m in members), RETURN_TO_UDP_S)


async def _settled(platform: Platform, members: list[Member]) -> None:
    """The floor is free, at the server and in every handset, and the loudspeakers are silent."""
    group = platform.server.services.talk._groups[members[0].group.group_id]

    def free() -> bool:
        idle = group.arbiter.state in (State.FLOOR_IDLE, State.START_STOP) and group.burst is None
        at_rest = all(m.group.floor_state is FloorState.NO_PERMISSION and m.group.talker is None for m in members)
        return idle and at_rest and not any(m.group.has_voice for m in members)

    await until(free, SETTLE_S)


async def _radio_checks(members: list[Member], outcome: Outcome) -> None:
    """Short presses: what the access time is made of."""
    for number in range(RADIO_CHECKS):
        member = members[number % len(members)]
        try:
            grant = await member.group.request_floor()
        except FloorUnanswered:
            outcome.unanswered += 1
            continue
        finally:
            member.group.release_floor()
        outcome.access_ms.append(1000 * grant.access_time_s)
        await asyncio.sleep(0.1)
        await until(lambda member=member: member.group.floor_state is FloorState.NO_PERMISSION)


async def _turns(members: list[Member], outcome: Outcome) -> None:
    for number, talker in enumerate(members if outcome.profile.trouble is Trouble.NONE else members[:2]):
        others = [member for member in members if member is not talker]
        victim = talker if outcome.profile.victim is Victim.TALKER else others[0]
        watch = others if victim is talker else [victim]
        async with _trouble(outcome.profile, victim, watch) as resumed:
            report = await _speak(talker, number, outcome.profile)
            turn = Turn(talker, report)
            await _heard_to_the_end(others)
        outcome.turns.append(turn)
        if report.grant is None:
            outcome.unanswered += 1
            continue
        outcome.access_ms.append(1000 * report.grant.access_time_s)
        turn.resumed = all(resumed)
        _count(turn, others, report.grant.burst_ssrc)


async def _speak(talker: Member, number: int, profile: Profile) -> TalkReport:
    pcm = sentence_pcm(number, RATE_HZ)
    if profile.trouble is Trouble.BLACKOUT:
        more = (sentence_pcm(number + 1, RATE_HZ), sentence_pcm(number + 2, RATE_HZ))
        pcm = b"".join((pcm, *more))[: 2 * RATE_HZ * LONG_TURN_S]
    encoder = OpusEncoder(RATE_HZ, expected_loss_percent=max(1, round(profile.loss_percent)))
    try:
        return await talker.group.talk(spoken(pcm, encoder.frame_bytes, encoder.frame_ms), encoder)
    except FloorUnanswered:
        return TalkReport()


async def _heard_to_the_end(listeners: list[Member]) -> None:
    with contextlib.suppress(TimeoutError):  # who waits for T103 takes longer; what must not fail is `_settled`
        await until(lambda: not any(m.group.has_voice for m in listeners))


def _count(turn: Turn, others: list[Member], burst_ssrc: int) -> None:
    for member in others:
        turn.heard[member.name] = len({seq for ssrc, seq in member.played if ssrc == burst_ssrc})
        # the streams of a member end in the order of its bursts, and each of its bursts has one stream
        heard = list(dict.fromkeys(member.bursts_heard))
        streams = dict(zip(heard, [s for s in member.group.finished_streams if s.statistics.played], strict=False))
        stream = streams.get(burst_ssrc)
        turn.recovered[member.name] = stream.statistics.recovered_by_fec if stream else 0


@contextlib.asynccontextmanager
async def _trouble(profile: Profile, victim: Member, watched: list[Member]) -> AsyncIterator[list[bool]]:
    """Makes the trouble of the profile, meanwhile. The list is filled at the end: did voice come again?"""
    resumed: list[bool] = []
    if profile.trouble is Trouble.NONE:
        yield resumed
        return
    if profile.trouble_at_s < 0:
        victim.link.blackout = True
        await asyncio.sleep(-profile.trouble_at_s)
    making = asyncio.create_task(_make_trouble(profile, victim))
    before: dict[str, int] = defaultdict(int)

    async def note() -> None:
        await asyncio.sleep(max(0.0, profile.trouble_at_s) + min(0.5, profile.trouble_lasts_s or 0.5))
        before.update({m.name: len(m.played) for m in watched})

    noting = asyncio.create_task(note())
    try:
        yield resumed
    finally:
        await asyncio.gather(making, noting)
    resumed.extend(len(m.played) > before[m.name] + 10 for m in watched)


async def _make_trouble(profile: Profile, victim: Member) -> None:
    await asyncio.sleep(max(0.0, profile.trouble_at_s))
    link = victim.link
    if profile.trouble is not Trouble.REBINDING:
        link.blackout = True
        await asyncio.sleep(profile.trouble_lasts_s)
        link.blackout = False
    if profile.trouble is not Trouble.BLACKOUT:
        link.rebind()


async def _roll_call(members: list[Member], outcome: Outcome) -> None:
    """The network is well again: everybody says a second of something and all others hear it."""
    for number, talker in enumerate(members):
        talker.link.conditions = Conditions()
        encoder = OpusEncoder(RATE_HZ)
        pcm = sentence_pcm(number, RATE_HZ)[: RATE_HZ * 2]
        report = await talker.group.talk(spoken(pcm, encoder.frame_bytes, encoder.frame_ms), encoder)
        assert report.grant is not None
        burst = report.grant.burst_ssrc
        others = [member for member in members if member is not talker]
        await _heard_to_the_end(others)
        shares = [len({q for s, q in m.played if s == burst}) / report.frames_sent for m in others]
        outcome.roll_call[talker.name] = min(shares)
