"""Who is in a group is listed by name to all who are in it, as people come and go."""

from ptthandset.handset import Handset
from ptthandset.talkgroup import Talkgroup
from running_server import Platform, until


async def test_names_are_told_to_all_who_are_there_and_kept_up_to_date(platform: Platform) -> None:
    await platform.organise("Patrol")
    handsets: dict[str, Handset] = {}
    groups: dict[str, Talkgroup] = {}
    for name in ("Anna", "Bert", "Carl"):
        handsets[name] = await platform.log_in(await platform.enrol(name, "Patrol"))
        groups[name] = await handsets[name].affiliate("Patrol")
        await until(lambda: all(set((group.participants or {}).values()) == set(groups) for group in groups.values()))
    await handsets["Carl"].close()
    del groups["Carl"]
    await until(lambda: all(set((group.participants or {}).values()) == set(groups) for group in groups.values()))
    assert groups["Anna"].count == 2


async def test_one_without_a_name_is_listed_without_one(platform: Platform) -> None:
    """An organisation may name nobody; the identifier that it chose is told to no other subscriber."""
    await platform.organise("Patrol")
    anna = await platform.log_in(await platform.enrol("Anna", "Patrol"))
    credentials = await platform.enrol("Post 7", "Patrol")
    await platform.provisioning.rename_subscriber("ACME", "Post 7", "")
    group = await anna.affiliate("Patrol")
    await (await platform.log_in(credentials)).affiliate("Patrol")
    await until(lambda: group.count == 2)
    assert group.participants == {anna.credentials.subscriber: "Anna", credentials.subscriber: ""}
