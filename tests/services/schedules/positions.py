"""The model of positions: what the server lets in, remembers, writes and shows, told by rules of its own.

What an administrator does is noticed by the server a moment later: until then it goes by what it took up last, and only
the writing transaction sees what holds (`flush`). A position that was reported while location was off is let in by
nothing here, so any that is found in the database or shown is one too many.
"""

from dataclasses import dataclass, field, replace

from pttserver.privacy.categories import Category
from pttserver.privacy.truncation import on_grid
from services.schedules.model import DORA, PEOPLE, Model
from services.schedules.texts import DAY, MINUTE, Locating

LATITUDE, LONGITUDE = 47.1234567, 11.7654321
REMEMBERED_MS = 15 * MINUTE


def place(latitude: float, longitude: float, metres: int) -> str:
    return "{:.7f},{:.7f}".format(*on_grid(latitude, longitude, metres))


def coarser(text: str, metres: int) -> str:
    latitude, longitude = map(float, text.split(","))
    return place(latitude, longitude, metres)


@dataclass
class KnownPosition:
    """`place`: as it is written. `cut`: it was coarsened for being stored."""

    who: str
    at_ms: int
    place: str
    cut: bool = False


@dataclass
class Trail:
    """What the server has in memory of somebody's positions."""

    last: KnownPosition | None = None
    taken_ms: int | None = None
    since_ms: int = 0


@dataclass
class Switches:
    """Of one person. `allowed`: by the organisation, `wanted`: by the person. `since_ms`: nothing older is taken."""

    allowed: bool = True
    wanted: bool = True
    since_ms: int = 0

    def turn(self, now_ms: int, *, allowed: bool | None = None, wanted: bool | None = None) -> None:
        before = (self.allowed, self.wanted)
        self.allowed = self.allowed if allowed is None else allowed
        self.wanted = self.wanted if wanted is None else wanted
        if (self.allowed, self.wanted) != before:
            self.since_ms = now_ms


def _of_all() -> dict[str, Switches]:
    return {who: Switches() for who in PEOPLE}


@dataclass
class Positions:
    """`written`: the switches as they are in the database. `believed`, `restricted`, `text`: as the server knows them.

    `off`: who switched it off by word to this server, which holds at once.
    """

    model: Model
    written: dict[str, Switches] = field(default_factory=_of_all)
    believed: dict[str, Switches] = field(default_factory=_of_all)
    restricted: set[str] = field(default_factory=set)
    off: set[str] = field(default_factory=set)
    present: set[str] = field(default_factory=lambda: {*PEOPLE, DORA})
    trails: dict[str, Trail] = field(default_factory=lambda: {who: Trail() for who in PEOPLE})
    waiting: list[KnownPosition] = field(default_factory=list)
    stored: list[KnownPosition] = field(default_factory=list)
    reporters: set[str] = field(default_factory=set)
    applied_ms: int = 0
    since_ms: int = 0
    """Of the policies that locate people when those before did not: the one that was applied, and that is known."""

    def __post_init__(self) -> None:
        self.text, self.version = self.model.text, self.model.version
        self.newest = self.text.locating

    def applied(self, rules: Locating) -> None:
        """An administrator applied a policy."""
        before, self.newest = self.newest, rules
        if (before.enabled, before.may_switch, before.duty) != (rules.enabled, rules.may_switch, rules.duty):
            self.applied_ms = self.model.now_ms

    @property
    def rules(self) -> Locating:
        return self.text.locating

    def on_duty(self, at_ms: int) -> bool:
        return (at_ms // DAY + 3) % 7 in self.rules.duty  # 1970-01-01 was a Thursday

    def is_on(self, who: str) -> bool:
        """As the server sees it now."""
        switches = self.believed[who]
        wanted = (switches.wanted and who not in self.off) or not self.rules.may_switch
        allowed = switches.allowed and who not in self.restricted
        return self.rules.enabled and allowed and wanted and self.on_duty(self.model.now_ms)

    def report(self, who: str, at_ms: int) -> bool | None:
        """Whether the position is taken; None: location is off, and the report is refused."""
        if not self.is_on(who):
            return None
        trail = self.trails[who]
        early = trail.taken_ms is not None and at_ms - trail.taken_ms < 900 * self.rules.interval_s
        since_ms = max(trail.since_ms, self.believed[who].since_ms, self.since_ms)
        if at_ms <= since_ms or early or not self.on_duty(at_ms):
            return False
        taken = KnownPosition(who, at_ms, place(LATITUDE, LONGITUDE, self.rules.precision_m))
        trail.last, trail.taken_ms = taken, at_ms
        if self.rules.stored:
            self.waiting.append(taken)
        self.reporters.add(who)
        return True

    def let_go(self, who: str) -> None:
        self.trails[who] = Trail(since_ms=self.model.now_ms)
        self.waiting = [each for each in self.waiting if each.who != who]

    def switch(self, who: str, on: bool) -> bool:
        """The person's own word. False: the organisation does not let people do that."""
        if not self.rules.may_switch:
            return False
        there = who in self.model.alive
        if there:
            self.written[who].turn(self.model.now_ms, wanted=on)
        if there or not on:
            (self.off.discard if on else self.off.add)(who)
            self.believed[who].wanted = on
            if there:
                self.believed[who].since_ms = self.written[who].since_ms
            self.let_go(who)
        return True

    def notice(self) -> None:
        """The server looks at what administrators changed."""
        self.text, self.version = self.model.text, self.model.version
        self.since_ms = self.applied_ms
        self.restricted = set(self.model.restricted)
        self.present &= self.model.alive
        for who in PEOPLE:
            self.believed[who] = replace(self.written[who])
        self.review()

    def _no_finer(self, text: str) -> str:
        """Than the policy that the server knows lets it be."""
        return coarser(text, self.rules.precision_m) if self.rules.precision_m else text

    def review(self) -> None:
        for trail in self.trails.values():
            if trail.last is not None:
                trail.last = replace(trail.last, place=self._no_finer(trail.last.place))
        for who in PEOPLE:
            if self.trails[who].last is not None and not (who in self.model.alive and self.is_on(who)):
                self.let_go(who)

    def flush(self) -> None:
        """What waits is written by the policy that the server took up, if that is in force still."""
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            if not self.rules.stored or not self.rules.enabled:
                continue
            if self.version != self.model.version:
                self.waiting.append(each)  # until the server has taken up the policy that is in force
            elif self._may_be_written(each.who):
                cut_m = self.rules.cut_m
                text = self._no_finer(each.place)
                text = coarser(text, cut_m) if cut_m else text
                self.stored.append(KnownPosition(each.who, each.at_ms, text, bool(cut_m)))

    def _may_be_written(self, who: str) -> bool:
        switches = self.written[who]
        allowed = switches.allowed and who in self.model.alive and who not in self.model.restricted
        return allowed and (switches.wanted or not self.rules.may_switch)

    def expire(self) -> None:
        for trail in self.trails.values():
            if trail.last is not None and trail.last.at_ms <= self.model.now_ms - REMEMBERED_MS:
                trail.last = None

    def erased(self) -> None:
        """Of whom the model knows nothing any more."""
        self.stored = [each for each in self.stored if each.who in self.model.alive]

    def sweep(self) -> None:
        """After the model's."""
        self.erased()
        for who in PEOPLE:
            if self.has_left(who) and not self.model.held({Category.MEMBERSHIP}, who):
                self.written[who] = Switches()  # what was said of somebody goes with the membership
        self.stored = [each for each in self.stored if self._spared(each) or not self._is_over(each)]
        cut_m = self.model.text.locating.cut_m
        for each in self.stored:
            if cut_m and not each.cut and not self._spared(each):
                each.place, each.cut = coarser(each.place, cut_m), True

    def _spared(self, each: KnownPosition) -> bool:
        return self.model.held({Category.LOCATION}, each.who)

    def _is_over(self, each: KnownPosition) -> bool:
        return self.model.gone(Category.LOCATION, each.at_ms, each.who)

    def has_left(self, who: str) -> bool:
        return self.model.gone(Category.MEMBERSHIP, 0, who)

    def is_shown(self, who: str) -> bool:
        """To a dispatcher. The server has noticed all."""
        return who in self.model.alive and not self.has_left(who) and self.is_on(who)

    def shown(self, who: str) -> list[KnownPosition] | None:
        """What a dispatcher finds of somebody's past; None: refused."""
        return self._as_shown(who) if self.is_shown(who) and self.rules.stored else None

    def _as_shown(self, who: str) -> list[KnownPosition]:
        return [replace(each, place=self._no_finer(each.place)) for each in self.visible(who)]

    def visible(self, who: str) -> list[KnownPosition]:
        """Of what is stored, in the order of time."""
        found = [each for each in self.stored if each.who == who]
        shown = [each for each in found if not self.model.hidden(Category.LOCATION, each.at_ms, who)]
        return sorted(shown, key=lambda each: each.at_ms)

    def last_shown(self, who: str) -> KnownPosition | None:
        """What a dispatcher is told of where somebody is, if that is not refused."""
        last, stored = self.trails[who].last, self._as_shown(who)
        if last is not None and last.at_ms > self.model.now_ms - REMEMBERED_MS:
            return last
        return stored[-1] if stored else None
