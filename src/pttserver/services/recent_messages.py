"""The messages of the last minutes, in memory: so a repetition gets the same answer, whatever the policy keeps.

Of messages that are not kept it also knows who may confirm them, and whom to tell.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pttserver.ids import SubscriberId
from pttserver.store.message_records import Outcome

REMEMBERED_S = 600.0
REMEMBERED = 10_000
_RANK = {"sent": 0, "delivered": 1, "read": 2}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender was answered."""

    message_id: str
    at_ms: int
    undelivered: tuple[SubscriberId, ...]


class _Entry:
    __slots__ = ("answer", "sender_id", "since", "states")

    def __init__(self, answer: Answer, sender_id: SubscriberId, states: dict[SubscriberId, str], since: float) -> None:
        self.answer = answer
        self.sender_id = sender_id
        self.states = states
        self.since = since


class RecentMessages:
    """`now` is in monotonic seconds."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[SubscriberId, bytes], _Entry] = OrderedDict()
        self._by_id: dict[str, _Entry] = {}

    def answer(self, sender_id: SubscriberId, client_id: bytes) -> Answer | None:
        """What was answered when it came before."""
        found = self._entries.get((sender_id, client_id))
        return found.answer if found is not None else None

    def remember(
        self, sender_id: SubscriberId, client_id: bytes, answer: Answer, unkept: Collection[SubscriberId], now: float
    ) -> None:
        """`unkept`: recipients whose state is held nowhere else."""
        entry = _Entry(answer, sender_id, dict.fromkeys(unkept, "sent"), now)
        self._entries[sender_id, client_id] = self._by_id[answer.message_id] = entry
        while self._entries and self._is_over(next(iter(self._entries.values())), now):
            _, oldest = self._entries.popitem(last=False)
            self._by_id.pop(oldest.answer.message_id, None)

    def _is_over(self, entry: _Entry, now: float) -> bool:
        return len(self._entries) > REMEMBERED or now - entry.since > REMEMBERED_S

    def confirm(self, me: SubscriberId, message_ids: Iterable[str], state: str) -> list[Outcome]:
        """Those whose state this changed."""
        changed = []
        for message_id in message_ids:
            entry = self._by_id.get(message_id)
            if entry is not None and me in entry.states and _RANK[entry.states[me]] < _RANK.get(state, 0):
                entry.states[me] = state
                changed.append(Outcome(message_id, entry.sender_id, me, state))
        return changed
