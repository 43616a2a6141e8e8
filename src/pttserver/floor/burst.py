"""One talk burst: who talks, under which SSRC, how urgently, and until when."""

from dataclasses import dataclass

from pttserver.floor.effects import BurstEnd
from pttserver.floor.priority import EffectivePriority
from pttserver.wire.floor_control import RevokeCause


@dataclass(slots=True)
class Burst:
    """The present talk burst of a group.

    `stops_at`: monotonic seconds, end of T2. `grants_left`: how often a grant that is not answered
    is repeated yet (C20); None: answered, or needs no answer. `revoke_cause`: None: may talk on.
    """

    talker_ssrc: int
    ssrc: int
    priority: EffectivePriority
    stops_at: float
    grants_left: int | None = None
    revoke_cause: RevokeCause | None = None

    @property
    def unanswered(self) -> bool:
        return self.grants_left is not None

    def remaining_s(self, now: float) -> int:
        """Duration field of Floor Granted: whole seconds, at least 1 (TS 24.380 §8.2.3.3)."""
        return max(1, round(self.stops_at - now))

    @property
    def revoked_end(self) -> BurstEnd:
        cause = self.revoke_cause or RevokeCause.OTHER
        return _REVOKED_ENDS.get(cause, BurstEnd.STOP_TALKING)


_REVOKED_ENDS = {
    RevokeCause.PREEMPTED: BurstEnd.PREEMPTED,
    RevokeCause.NO_PERMISSION_TO_SEND: BurstEnd.REVOKED,
}
