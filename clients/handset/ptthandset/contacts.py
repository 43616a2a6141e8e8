"""The personal contact list: nobody but its owner can read it."""

from ptthandset.service import Service
from pttserver.wire import signalling
from pttserver.wire.signalling import Done


class ContactList(Service):
    """Of the subscriber of this handset."""

    async def list(self) -> list[signalling.Contact]:
        return (await self._ask(signalling.ListContacts(id=1), signalling.Contacts)).contacts

    async def put(self, subscriber: str, alias: str) -> None:
        """Raises Refused (`not_found`)."""
        await self._ask(signalling.PutContact(id=1, subscriber=subscriber, alias=alias), Done)

    async def remove(self, subscriber: str) -> None:
        """Raises Refused (`not_found`)."""
        await self._ask(signalling.RemoveContact(id=1, subscriber=subscriber), Done)
