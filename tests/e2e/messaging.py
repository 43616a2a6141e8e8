"""People with handsets who write to each other, for tests: what each was told is in a list."""

from typing import Any, TypeVar

from ptthandset.credentials import Credentials
from ptthandset.handset import Handset
from ptthandset.message_events import MessageEvent, MessageReceived, OutcomeChanged, ReadMessage
from running_server import Platform, until

E = TypeVar("E")


class Writer:
    """A logged-in handset and what it heard of messages since."""

    def __init__(self, handset: Handset) -> None:
        self.handset = handset
        self.messages = handset.messages
        self.me = handset.credentials.subscriber
        self.events: list[MessageEvent] = []
        handset.messages.listeners.append(self.events.append)

    def heard(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def received(self) -> list[ReadMessage]:
        return [event.message for event in self.heard(MessageReceived)]

    @property
    def texts(self) -> list[str | None]:
        return [message.text for message in self.received]

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(event.subscriber, event.state) for event in self.heard(OutcomeChanged)]

    async def has(self, *texts: str) -> None:
        await until(lambda: self.texts == list(texts))


async def writer(platform: Platform, credentials: Credentials, **options: Any) -> Writer:
    """Logged in by the PIN, with its key published and its queue fetched."""
    one = Writer(await platform.log_in(credentials, use_udp=False, **options))
    await one.messages.ready()
    return one


async def gone(one: Writer) -> None:
    """The handset is closed, and the server has seen it."""
    await one.handset.close()
