"""Managers at work in the browser: who may, and the office of an organisation with the manager as the recorded actor.

An office is that of the commands (services/office.py). What is asked for through it is looked up in the manager's own
organisation, whatever a request names: what belongs to another one is not there.
"""

from dataclasses import dataclass, replace

from pttserver.errors import AuthenticationRequired, Forbidden, InvalidValue, PttError
from pttserver.ids import Personal, SubscriberId, TenantId
from pttserver.privacy.purposes import Tier
from pttserver.roles import Role, Scope
from pttserver.services import naming
from pttserver.services.console_room import ConsoleRoom
from pttserver.services.instructions import Instruction
from pttserver.services.office import Office, Premises, Seat, seated
from pttserver.services.refused_attempts import RefusedAttempts
from pttserver.sessions.console import ConsoleSession

_TIERS = frozenset({Tier.MANAGER})


@dataclass(frozen=True, slots=True)
class Manager:
    """Who does something now, with the rights of this moment. The actor in the audit log is the opaque number."""

    tenant_id: TenantId
    subscriber_id: SubscriberId
    scopes: frozenset[Scope]
    premises: Premises

    def office(self, reason: str | None = None) -> Office:
        """Raises InvalidValue: the reason is empty, too long, or has what cannot be seen."""
        why = None if reason is None else Personal(naming.remark(reason, "the reason"))
        return seated(self.premises, Seat(Personal(self.subscriber_id), tiers=_TIERS, reason=why))

    def instruction(self, reason: str, acknowledged: tuple[str, ...] = ()) -> Instruction:
        """Raises InvalidValue likewise."""
        why = Personal(naming.remark(reason, "the reason"))
        return Instruction(Personal(self.subscriber_id), why, acknowledged)

    def require_administering(self) -> None:
        """Raises Forbidden: the policy of the organisation does not grant it to managers."""
        if Scope.ADMINISTER not in self.scopes:
            raise Forbidden("The policy of your organisation does not let managers administer.")

    def refuse_oneself(self, subscriber_id: str) -> None:
        """Raises InvalidValue: the last manager would lock the organisation out of its own pages."""
        if subscriber_id == self.subscriber_id:
            raise InvalidValue("this cannot be done to yourself; another manager, or the operator, can do it")


class Management:
    """Lets managers in."""

    def __init__(self, premises: Premises, room: ConsoleRoom, attempts: RefusedAttempts) -> None:
        self._premises = premises
        self._room = room
        self._attempts = attempts

    def reached_at(self, port: int) -> None:
        """The port that the server took: it goes into enrolment texts."""
        settings = self._premises.settings
        signalling = settings.signalling.model_copy(update={"port": port})
        self._premises = replace(self._premises, settings=settings.model_copy(update={"signalling": signalling}))

    def find(self, token: str | None) -> ConsoleSession:
        """Raises AuthenticationRequired."""
        session = self._room.find(token)
        if session is None:
            raise AuthenticationRequired
        return session

    async def admit(self, session: ConsoleSession) -> Manager:
        """By role and policy as they are now. Raises AuthenticationRequired, Forbidden, StoreUnavailable."""
        standing = await self._room.standing(session)
        if standing is None:
            raise AuthenticationRequired
        if standing.account.rights.role is not Role.MANAGER:
            raise Forbidden
        await self._premises.desk.book.load()
        return Manager(session.tenant_id, session.subscriber_id, standing.scopes, self._premises)

    def use(self, session: ConsoleSession) -> None:
        """Somebody did something with it."""
        self._room.use(session)

    async def refused(self, session: ConsoleSession, operation: str, error: PttError) -> None:
        """For the audit log: who tried what the role does not permit, or asked for what is not the organisation's."""
        await self._attempts.note_of(session.tenant_id, session.subscriber_id, operation, error)
