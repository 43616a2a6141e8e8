"""What the rules say of each record, one at a time: the model that schedules are compared with.

It asks where a record stands (`Retention.phase`), where the engine works by cut-offs over whole tables.
"""

from dataclasses import dataclass, field

from pttserver.privacy.categories import Category
from pttserver.privacy.policy import Policy, Storage
from pttserver.privacy.purposes import Purpose
from pttserver.privacy.retention import HIDES_AT_ONCE, Event, Phase
from pttserver.privacy.retention import Retention as Rules
from services.schedules.texts import DAY, TEXTS, Text

ANNA, BERT, DORA = "anna", "bert", "dora"
PEOPLE = (ANNA, BERT)
"""Who calls, is located, and is erased. Dora only dispatches."""
ROW = {Category.CALL_RECORD, Category.PARTICIPANTS, Category.IP_ADDRESS}
SHARED = {Category.CALL_RECORD, Category.PARTICIPANTS}
"""In which a call is about the other who was there, too."""
BELONGS_TO = {
    Category.IP_ADDRESS: (Category.IP_ADDRESS, Category.PARTICIPANTS, Category.CALL_RECORD),
    Category.PARTICIPANTS: (Category.PARTICIPANTS, Category.CALL_RECORD),
}
"""A part, with what it is not written without."""
WRITTEN_FOR = {
    Category.CALL_RECORD: Purpose.OPERATIONS,
    Category.PARTICIPANTS: Purpose.OPERATIONS,
    Category.IP_ADDRESS: Purpose.SECURITY,
}
WHOLE, CUT = "203.0.113.1", "203.0.113.0"
START_MS = 2_000 * DAY


@dataclass
class KnownCall:
    """`address`: as it stands there. `followed`: whether look-ups follow the reference to the initiator, the other."""

    at_ms: int
    initiator: str | None
    address: str | None
    present: bool  # whether its row of call_participants is there
    participant: str
    initiator_followed: bool
    participant_followed: bool
    row: bool = True


@dataclass
class KnownHold:
    hold_id: str
    who: str | None
    category: Category | None


@dataclass
class Model:
    """Policy, people and calls; times are UTC milliseconds. `version`: how many policies were applied by now."""

    text: Text = TEXTS[0]
    version: int = 0
    now_ms: int = START_MS
    of_all: list[Event] = field(default_factory=list)
    own: dict[str, list[Event]] = field(default_factory=lambda: {who: [] for who in (*PEOPLE, DORA)})
    holds: list[KnownHold] = field(default_factory=list)
    calls: dict[str, KnownCall] = field(default_factory=dict)
    alive: set[str] = field(default_factory=lambda: {*PEOPLE, DORA})
    restricted: set[str] = field(default_factory=set)

    @property
    def policy(self) -> Policy:
        return self.text.policy

    def about(self, who: str | None) -> list[Event]:
        return [*self.of_all, *(self.own[who] if who in self.alive else [])] if who else self.of_all

    def hidden(self, category: Category, recorded_ms: int, who: str | None) -> bool:
        """Not to be served any more: gone, final, or by an event that hides at once; or with what it belongs to."""
        return any(self._hidden(each, recorded_ms, who) for each in _ending_with(category))

    def _hidden(self, category: Category, recorded_ms: int, who: str | None) -> bool:
        retention, events = self.policy.rule(category).retention, self.about(who)
        at_once = [Rules((clause,)) for clause in retention.clauses if clause.event in HIDES_AT_ONCE]
        return (
            self._gone(category, recorded_ms, who)
            or retention.phase(recorded_ms, self.now_ms, events) is Phase.FINAL
            or any(one.phase(recorded_ms, self.now_ms, events) is not Phase.IN_USE for one in at_once)
        )

    def known(self, who: str | None) -> str | None:
        """Whom a reference that is followed leads to."""
        return who if who in self.alive and who not in self.restricted else None

    def gone(self, category: Category, recorded_ms: int, who: str | None) -> bool:
        return any(self._gone(each, recorded_ms, who) for each in _ending_with(category))

    def _gone(self, category: Category, recorded_ms: int, who: str | None) -> bool:
        events = self.about(who)
        retention = self.policy.rule(category).retention
        if not all(map(self._written, BELONGS_TO.get(category, (category,)))):
            return recorded_ms <= self.now_ms
        return retention.phase(recorded_ms, self.now_ms, events) is Phase.GONE

    def _written(self, category: Category) -> bool:
        wanted = WRITTEN_FOR.get(category)
        return self.policy.keeps(category) and (wanted is None or wanted in self.policy.rule(category).purposes)

    def held(self, categories: set[Category], who: str | None) -> bool:
        return who in self.restricted or any(
            (hold.category is None or hold.category in categories) and hold.who in (None, who) for hold in self.holds
        )

    def held_alone(self, categories: set[Category], who: str) -> bool:
        """By what covers this one, and not everybody."""
        own = (hold for hold in self.holds if hold.who == who)
        return who in self.restricted or any(hold.category is None or hold.category in categories for hold in own)

    def _kept(self, call: KnownCall, shared: set[Category]) -> bool:
        """For the initiator, by a hold on anything of the call; or for the other, by one on what is `shared`."""
        return self.held(ROW, call.initiator) or (call.present and self.held_alone(shared, call.participant))

    def sweep(self) -> None:
        for who in sorted(self.alive):
            if self.gone(Category.IDENTIFIER, 0, who) and not self.held(set(Category), who):
                self.shred(who)
        while sum(self._swept(call) for call in self.calls.values()):
            pass  # of all, not up to the first that changes
        for call in self.calls.values():
            self._rewritten(call)

    def _rewritten(self, call: KnownCall) -> None:
        hides = self.policy.rule(Category.PARTICIPANTS).storage is Storage.PSEUDONYMISED
        if hides and not self.held({Category.PARTICIPANTS}, call.initiator):
            call.initiator_followed = False
        if hides and not self.held({Category.PARTICIPANTS}, call.participant):
            call.participant_followed = False
        cuts = self.policy.rule(Category.IP_ADDRESS).storage is Storage.TRUNCATED
        if cuts and call.address and not self.held({Category.IP_ADDRESS}, call.initiator):
            call.address = CUT

    def shred(self, who: str) -> None:
        self.alive.discard(who)
        for call in self.calls.values():
            if call.initiator == who:
                call.initiator, call.address = None, None
            if call.participant == who:
                call.present = False

    def _swept(self, call: KnownCall) -> bool:
        before = (call.row, call.initiator, call.address, call.present)
        who, at_ms = call.initiator, call.at_ms
        if call.row and self.gone(Category.CALL_RECORD, at_ms, who) and not self._kept(call, SHARED):
            call.row = False
        if who and self.gone(Category.PARTICIPANTS, at_ms, who) and not self._kept(call, {Category.PARTICIPANTS}):
            call.initiator, call.address = None, None
        if self.gone(Category.IP_ADDRESS, at_ms, who) and not self.held({Category.IP_ADDRESS}, who):
            call.address = None
        there = call.participant
        held = self.held({Category.PARTICIPANTS}, there) or self.held_alone(SHARED, there)
        if self.gone(Category.PARTICIPANTS, at_ms, there) and not held:
            call.present = False
        return before != (call.row, call.initiator, call.address, call.present)


def _ending_with(category: Category) -> tuple[Category, ...]:
    """What it is gone with: who took part is a list of its own, beside the record of the call."""
    return (category,) if category is Category.PARTICIPANTS else BELONGS_TO.get(category, (category,))
