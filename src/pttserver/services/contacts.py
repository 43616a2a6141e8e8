"""Personal contact lists: each subscriber's own, sealed under that person's key, and given to nobody else."""

from collections.abc import Mapping

from pttserver.clock import Clock
from pttserver.errors import NotFound, PolicyForbids
from pttserver.ids import SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.forms import PSEUDONYM
from pttserver.services.desk import Handler
from pttserver.services.policy_book import PolicyBook
from pttserver.services.profile import purpose_of
from pttserver.sessions.session import Session
from pttserver.store.contacts import Contacts
from pttserver.store.message_people import Reader
from pttserver.wire import signalling

NOT_KEPT = "Your organisation keeps no contact data, so there are no contact lists."


class ContactLists:
    """The use cases of contacts."""

    def __init__(self, contacts: Contacts, policies: PolicyBook, clock: Clock) -> None:
        self._contacts = contacts
        self._policies = policies
        self._clock = clock

    def handlers(self) -> Mapping[type[signalling.Request], Handler]:
        return {
            signalling.ListContacts: self._list,
            signalling.PutContact: self._put,
            signalling.RemoveContact: self._remove,
        }

    async def _list(self, session: Session, request: signalling.ListContacts) -> signalling.Reply:
        entries = await self._contacts.of(self._reader(session))
        return signalling.Contacts(
            re=request.id,
            contacts=[
                signalling.Contact(subscriber=each.contact_id, alias=each.alias.reveal(), name=each.name.reveal())
                for each in entries
            ],
        )

    async def _put(self, session: Session, request: signalling.PutContact) -> signalling.Reply:
        who = session.identity
        gate = self._policies.gate(who.tenant_id)
        purpose = purpose_of(gate, Category.CONTACT_DATA)
        alias = gate.release(Category.CONTACT_DATA, purpose, who.subscriber_id, request.alias)
        if alias is None or alias.form == PSEUDONYM:
            raise PolicyForbids(NOT_KEPT)
        await self._contacts.put(self._reader(session), SubscriberId(request.subscriber), alias)
        return signalling.Done(re=request.id)

    async def _remove(self, session: Session, request: signalling.RemoveContact) -> signalling.Reply:
        if not await self._contacts.remove(session.identity.subscriber_id, SubscriberId(request.subscriber)):
            raise NotFound
        return signalling.Done(re=request.id)

    def _reader(self, session: Session) -> Reader:
        who = session.identity
        policy = self._policies.policy(who.tenant_id)
        return Reader(policy, who.tenant_id, who.subscriber_id, self._clock.utc_ms())
