"""Rosters with a real server: whoever comes and goes, however fast, all know the same in the end."""

import asyncio
from pathlib import Path

from attacks.bare_radio import BareRadio
from pttserver.config import SessionSettings
from pttserver.privacy.presets import preset_text
from pttserver.wire import signalling
from running_server import PLAIN_POLICY, TENANT, Platform, enroll, running_platform, until

NAMES = ("Anna", "Bert", "Carl", "Dora", "Emil", "Fred", "Gerd", "Hans")
SHORT_INTERVAL = SessionSettings(roster_event_interval_s=0.1)


def roster_events(radio: BareRadio) -> list[signalling.GroupRoster]:
    return [event for event in radio.events if isinstance(event, signalling.GroupRoster)]


async def test_the_first_to_join_a_quiet_group_is_told_at_once(platform: Platform) -> None:
    await platform.organise("Patrol")
    anna, bert = [await BareRadio.log_in(await platform.enrol(name, "Patrol")) for name in ("Anna", "Bert")]
    await anna.affiliate()
    await asyncio.sleep(platform.settings.sessions.roster_event_interval_s + 0.2)
    await bert.affiliate()
    await anna.ask_ping()
    assert [p.name for event in roster_events(anna) for p in event.joined or ()] == ["Bert"]
    assert roster_events(bert) == []
    await asyncio.gather(anna.close(), bert.close())


async def test_many_who_join_at_once_are_told_together(platform: Platform) -> None:
    await platform.organise("Patrol")
    radios = [await BareRadio.log_in(await platform.enrol(name, "Patrol")) for name in NAMES]
    await radios[0].affiliate()
    await asyncio.sleep(platform.settings.sessions.roster_event_interval_s + 0.2)
    await asyncio.gather(*(radio.affiliate() for radio in radios[1:]))
    await until(lambda: roster_events(radios[0])[-1].count == len(NAMES))
    joined = [[p.name for p in event.joined or ()] for event in roster_events(radios[0])]
    assert (len(joined), len(joined[0]), len(joined[1])) == (2, 1, len(NAMES) - 2)
    assert {name for names in joined for name in names} == set(NAMES[1:])
    await asyncio.gather(*(radio.close() for radio in radios))


async def test_coming_and_going_in_any_order_ends_in_one_truth(tmp_path: Path) -> None:
    async with running_platform(tmp_path, sessions=SHORT_INTERVAL) as platform:
        await platform.organise("Patrol")
        handsets = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in NAMES]
        watcher, *others = [(handset, await handset.affiliate("Patrol")) for handset in handsets]
        for turn in range(3):
            for number, (handset, group) in enumerate(others):
                await handset.deaffiliate(group)
                if (number + turn) % 3:  # the others stay away
                    others[number] = (handset, await handset.affiliate("Patrol"))
            present = {h.credentials.subscriber for h, group in [watcher, *others] if group.group_id in h.talkgroups}
            groups = [group for handset, group in [watcher, *others] if group.group_id in handset.talkgroups]
            await until(
                lambda groups=groups, present=present: all(set(g.participants or ()) == present for g in groups)
            )
            for number, (handset, _) in enumerate(others):
                others[number] = (handset, await handset.affiliate("Patrol"))


async def test_a_group_that_shrinks_below_the_threshold_gets_its_names_back(tmp_path: Path) -> None:
    async with running_platform(tmp_path, sessions=SHORT_INTERVAL) as platform:
        await platform.organise("Patrol", policy=PLAIN_POLICY + "[roster]\nnames_up_to = 3\n")
        handsets = [await platform.log_in(await platform.enrol(name, "Patrol")) for name in NAMES[:5]]
        groups = [await handset.affiliate("Patrol") for handset in handsets]
        await until(lambda: all(group.count == 5 and group.participants is None for group in groups))
        for handset, group in zip(handsets[3:], groups[3:], strict=True):
            await handset.deaffiliate(group)
        names = set(NAMES[:3])
        await until(lambda: all(set((group.participants or {}).values()) == names for group in groups[:3]))


async def test_under_the_strict_preset_members_see_numbers_only(platform: Platform) -> None:
    """As the preset says: neither names nor what devices are called are sent to members."""
    await platform.organise("Patrol", policy=preset_text("strict"))
    radios = []
    for name in ("Anna", "Bert"):
        await platform.enrol(name, "Patrol")
        ticket = await platform.devices.add(TENANT, name, label=f"Handle of {name}")
        radios.append(await BareRadio.log_in(await enroll(ticket.text, "test radio")))
        await radios[-1].affiliate()
    anna, bert = radios
    await until(lambda: roster_events(anna))
    (joined,) = roster_events(anna)[-1].joined or ()
    assert (joined.subscriber, joined.name) == (bert.session.subscriber, "")
    told = "".join(anna.texts + bert.texts)
    assert not [word for word in ("Handle of", "Anna", "Bert") if word in told]
    await asyncio.gather(anna.close(), bert.close())
