"""Who is to hear of an alert: people by role, people by name, or everybody of the organisation."""

from dataclasses import dataclass

from pttserver.ids import SubscriberId
from pttserver.roles import Role


@dataclass(frozen=True, slots=True)
class Audience:
    """Of the stages that an alert has reached. Whoever logs in later and is included hears of it then."""

    roles: frozenset[Role] = frozenset()
    members: frozenset[SubscriberId] = frozenset()
    everybody: bool = False

    def includes(self, subscriber_id: SubscriberId, role: Role) -> bool:
        return self.everybody or role in self.roles or subscriber_id in self.members

    def __or__(self, other: "Audience") -> "Audience":
        return Audience(self.roles | other.roles, self.members | other.members, self.everybody or other.everybody)
