"""Positions in tests: policies that let them be, a dispatcher and a radio, and one place nobody else is at."""

import struct
import time

from attacks.bare_radio import BareRadio
from pttserver.roles import Role
from pttserver.wire import signalling
from running_server import PLAIN_POLICY, TENANT, Platform

LATITUDE, LONGITUDE = 47.1234567, 11.7654321
"""A place that no other test, file or constant has."""

LOCATED = f"""
{PLAIN_POLICY}
[location]
enabled = true
live_only = false
interval_s = 5
sos_exception = false

[categories.location]
legal_basis = "legitimate_interests"
"""
LIVE_ONLY = LOCATED.replace("live_only = false", "live_only = true")
NOT_LOCATED = PLAIN_POLICY


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def position(
    latitude: float = LATITUDE, longitude: float = LONGITUDE, *, ago_s: float = 0, accuracy_m: float = 5
) -> signalling.Position:
    return signalling.Position(
        latitude=latitude, longitude=longitude, accuracy_m=accuracy_m, at_ms=now_ms() - round(1000 * ago_s)
    )


async def report(radio: BareRadio, *positions: signalling.Position, **more: object) -> signalling.LocationTaken:
    """Raises Refusal."""
    request = signalling.LocationReport(id=1, positions=list(positions) or [position()], **more)  # type: ignore[arg-type]
    return await radio.ask(request, signalling.LocationTaken)


async def crew(platform: Platform, policy: str = LOCATED) -> tuple[BareRadio, BareRadio]:
    """Anna, who is located, and Dora, who dispatches; both in the group Patrol."""
    await platform.organise("Patrol", policy=policy)
    anna = await BareRadio.log_in(await platform.enrol("Anna", "Patrol"))
    credentials = await platform.enrol("Dora", "Patrol")
    await platform.office.roles.set_role(TENANT, "Dora", Role.DISPATCHER)
    return anna, await BareRadio.log_in(credentials)


def traces(latitude: float = LATITUDE, longitude: float = LONGITUDE) -> list[bytes]:
    """What a coordinate looks like: decimal text, IEEE 754 doubles, and integers of 1e-7 degrees (two orders each)."""
    found: list[bytes] = []
    for degrees in (latitude, longitude):
        found.append(f"{degrees:.5f}".encode())
        found += [struct.pack(order + "d", degrees) for order in "<>"]
        found += [struct.pack(order + "i", round(degrees * 10_000_000)) for order in "<>"]
    return found
