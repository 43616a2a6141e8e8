"""Who may claim an emergency for the floor, and which groups are in emergency because of whom."""

from pttserver.ids import GroupId, SubscriberId


class EmergencyGroups:
    """While an alert is open its raiser may claim; the groups that the raiser takes part in are in emergency.

    A group stays so until the alert is over, though the raiser leaves: the connection may be all that was lost.
    """

    def __init__(self) -> None:
        self._groups: dict[SubscriberId, set[GroupId]] = {}
        self._shown: set[SubscriberId] = set()

    def __contains__(self, group_id: GroupId) -> bool:
        return any(group_id in self._groups[raiser] for raiser in self._shown)

    def begin(self, raiser: SubscriberId, *, shown: bool) -> None:
        """`shown`: the policy puts groups in emergency; else the raiser only may claim."""
        self._groups.setdefault(raiser, set())
        if shown:
            self._shown.add(raiser)

    def join(self, raiser: SubscriberId, group_id: GroupId) -> bool:
        """The raiser takes part in the group. Whether the group is in emergency only now."""
        if raiser not in self._groups:
            return False
        already = group_id in self
        self._groups[raiser].add(group_id)
        return not already and group_id in self

    def end(self, raiser: SubscriberId) -> set[GroupId]:
        """The raiser's alert is over; gives the groups of which that was the last."""
        shown = raiser in self._shown
        self._shown.discard(raiser)
        groups = self._groups.pop(raiser, set())
        return {group_id for group_id in groups if shown and group_id not in self}

    def may_claim(self, subscriber_id: SubscriberId) -> bool:
        """Whether an emergency in the subscriber's floor requests is believed."""
        return subscriber_id in self._groups
