"""Keys of devices: published by their owners, and told to those who write to them."""

from collections.abc import Collection, Mapping, Sequence

from pttserver.clock import Clock
from pttserver.crypto.device_keys import verify
from pttserver.errors import InvalidValue, NotFound
from pttserver.ids import GroupId, SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.services.desk import Handler
from pttserver.services.message_views import correspondent
from pttserver.services.policy_book import PolicyBook
from pttserver.services.temporary_groups import ANNOUNCED, TemporaryGroups
from pttserver.sessions.session import Identity, Session
from pttserver.store.message_directory import MessageDirectory
from pttserver.store.message_people import Reader
from pttserver.store.message_records import Correspondent
from pttserver.wire import signalling
from pttserver.wire.signed_message import published_key


class MessageAddresses:
    """Who can be written to, and with which keys."""

    def __init__(
        self, directory: MessageDirectory, temporary: TemporaryGroups, policies: PolicyBook, clock: Clock
    ) -> None:
        self._directory = directory
        self._temporary = temporary
        self._policies = policies
        self._clock = clock

    def handlers(self) -> Mapping[type[signalling.Request], Handler]:
        return {signalling.PublishKey: self._publish, signalling.FindRecipients: self._find_recipients}

    def reader(self, who: Identity) -> Reader:
        """As whom the store is asked, now. Raises PolicyMissing."""
        policy = self._policies.policy(who.tenant_id)
        return Reader(policy, who.tenant_id, who.subscriber_id, self._clock.utc_ms())

    async def people(self, who: Identity, others: Sequence[str] | None, group: str | None) -> list[Correspondent]:
        """`who` first; without `others` all of the group. Raises NotFound, InvalidValue."""
        ids = None if others is None else [SubscriberId(each) for each in others]
        return await self._directory.correspondents(self.reader(who), ids, self._group(who, group))

    def _group(self, who: Identity, group: str | None) -> GroupId | Collection[SubscriberId] | None:
        """The members of a temporary group that is announced to them; a call is no place to write to."""
        if group is None:
            return None
        temporary = self._temporary.get(GroupId(group))
        if temporary is None:
            return GroupId(group)
        if temporary.tenant_id != who.tenant_id or temporary.kind not in ANNOUNCED:
            raise NotFound
        return temporary.members.keys()

    async def _publish(self, session: Session, request: signalling.PublishKey) -> signalling.Reply:
        who = session.identity
        gate = self._policies.gate(who.tenant_id)
        signing_key = await self._directory.signing_key(who.subscriber_id, who.device_id)
        if not verify(signing_key, request.signature, published_key(who.device_id, request.key)):
            raise InvalidValue("The signature over the key is not this device's.")
        key, signature = (
            gate.release(Category.CREDENTIAL, Purpose.SERVICE, who.subscriber_id, octets)
            for octets in (request.key, request.signature)
        )
        assert key is not None
        assert signature is not None
        now_ms = self._clock.utc_ms()
        await self._directory.publish(who.subscriber_id, who.device_id, key, signature, now_ms)
        return signalling.Done(re=request.id)

    async def _find_recipients(self, session: Session, request: signalling.FindRecipients) -> signalling.Reply:
        if (request.subscribers is None) == (request.group is None):
            raise InvalidValue("Name either subscribers or a group.")
        people = await self.people(session.identity, request.subscribers, request.group)
        return signalling.MessageKeys(re=request.id, recipients=[correspondent(person) for person in people])
