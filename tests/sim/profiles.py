"""The networks that handsets meet, and what goes wrong in them while somebody talks."""

from dataclasses import dataclass
from enum import Enum

from sim.seeded_link import Conditions


class Trouble(Enum):
    """What happens once, or again and again, to the link of one handset."""

    NONE = "-"
    REBINDING = "rebinding"
    BLACKOUT = "blackout"
    ROAMING = "roaming"  # a short blackout, then another NAT


class Victim(Enum):
    TALKER = "talker"
    LISTENER = "listener"


@dataclass(frozen=True, slots=True)
class Profile:
    """`jitter_ms` is the spread of the one-way delay: packets 20 ms apart overtake each other beyond that.

    `trouble` starts `trouble_at_s` after the key is pressed (negative: before) and, if it is a blackout, lasts
    `trouble_lasts_s`. At least `least_heard_percent` of all frames must be played or recovered; nothing that is not
    there can be heard, so a blackout lowers the bound.
    """

    name: str
    loss_percent: float = 0.0
    jitter_ms: float = 0.0
    delay_ms: float = 20.0
    doubling_percent: float = 0.0
    trouble: Trouble = Trouble.NONE
    victim: Victim = Victim.TALKER
    trouble_at_s: float = 1.0
    trouble_lasts_s: float = 0.0
    least_heard_percent: float = 90.0
    access_p95_ms: float = 1000.0

    @property
    def conditions(self) -> Conditions:
        return Conditions(
            self.loss_percent / 100, self.doubling_percent / 100, self.delay_ms / 1000, self.jitter_ms / 1000
        )


PROFILES = (  # a dead path is noticed within 2.5 s, a rebinding of a listener within 1 s
    Profile("ideal", delay_ms=0, least_heard_percent=99.5, access_p95_ms=150),
    Profile("LTE", 0.5, 20, 25, least_heard_percent=98, access_p95_ms=300),
    Profile("3G", 2, 80, 60, least_heard_percent=93, access_p95_ms=700),
    Profile(
        "Wi-Fi, roaming", 1, 15, 5, 1, Trouble.ROAMING, Victim.LISTENER, trouble_lasts_s=0.3, least_heard_percent=80
    ),
    Profile("loss 5 %", 5, 10, least_heard_percent=90),
    Profile("loss 10 %", 10, 10, doubling_percent=2, least_heard_percent=80),
    Profile("loss 20 %", 20, 10, least_heard_percent=60, access_p95_ms=2500),
    Profile("jitter 200 ms", 0, 200, doubling_percent=1, least_heard_percent=85),
    Profile("rebinding, talker", trouble=Trouble.REBINDING, victim=Victim.TALKER, least_heard_percent=97),
    Profile("rebinding, listener", trouble=Trouble.REBINDING, victim=Victim.LISTENER, least_heard_percent=80),
    Profile("blackout, talker", trouble=Trouble.BLACKOUT, trouble_lasts_s=6, least_heard_percent=65),
    Profile(
        "blackout, listener",
        trouble=Trouble.BLACKOUT,
        victim=Victim.LISTENER,
        trouble_lasts_s=6,
        least_heard_percent=80,
    ),
    Profile(
        "blackout before press", trouble=Trouble.BLACKOUT, trouble_at_s=-0.5, trouble_lasts_s=6, least_heard_percent=90
    ),
)
