"""Text frames of the WebSocket, read as messages: which types there are, and what a frame holds."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from pttserver.errors import MalformedMessage, UnknownMessageType
from pttserver.wire.signalling.alerts import ALERT_MESSAGES, ALERT_REQUESTS
from pttserver.wire.signalling.calls import CALL_MESSAGES, CALL_REQUESTS
from pttserver.wire.signalling.dispatch import DISPATCH_MESSAGES, DISPATCH_REQUESTS
from pttserver.wire.signalling.groups import GROUP_MESSAGES, GROUP_REQUESTS
from pttserver.wire.signalling.location import LOCATION_MESSAGES, LOCATION_REQUESTS
from pttserver.wire.signalling.messages import MESSAGING_MESSAGES, MESSAGING_REQUESTS
from pttserver.wire.signalling.parts import GENERAL_MESSAGES, Message, Request, RequestId
from pttserver.wire.signalling.session import SESSION_MESSAGES, SESSION_REQUESTS
from pttserver.wire.signalling.terms import TERMS_MESSAGES
from pttserver.wire.strict_json import parse_object

LONGEST_NAME = 64  # of a member, in an error's message

_M = TypeVar("_M", bound=Message)


def _by_type(*topics: Iterable[type[_M]]) -> Mapping[str, type[_M]]:
    return {model.model_fields["type"].default: model for topic in topics for model in topic}


REQUESTS: Mapping[str, type[Request]] = _by_type(
    SESSION_REQUESTS,
    GROUP_REQUESTS,
    CALL_REQUESTS,
    DISPATCH_REQUESTS,
    ALERT_REQUESTS,
    MESSAGING_REQUESTS,
    LOCATION_REQUESTS,
)
SERVER_MESSAGES: Mapping[str, type[Message]] = _by_type(
    GENERAL_MESSAGES,
    SESSION_MESSAGES,
    GROUP_MESSAGES,
    TERMS_MESSAGES,
    CALL_MESSAGES,
    DISPATCH_MESSAGES,
    ALERT_MESSAGES,
    MESSAGING_MESSAGES,
    LOCATION_MESSAGES,
)


def build_models() -> None:
    """Of all types, so that a server does not build one while somebody talks."""
    for model in (*REQUESTS.values(), *SERVER_MESSAGES.values()):
        model.model_rebuild()


def parse_request(text: str) -> Request:
    """A client's text frame. Raises MalformedMessage or UnknownMessageType."""
    return _parse(text, REQUESTS, extra="forbid")


def parse_server_message(text: str) -> Message:
    """A server's text frame. Members that this version does not know are ignored, so that servers can grow."""
    return _parse(text, SERVER_MESSAGES, extra="ignore")


def request_id(text: str) -> int | None:
    """The `id` of a request that could not be read otherwise, so that its error still finds its sender."""
    try:
        return _REQUEST_ID.validate_python(parse_object(text).get("id"))
    except (MalformedMessage, ValidationError):
        return None


_REQUEST_ID: TypeAdapter[int] = TypeAdapter(Annotated[RequestId, Field(strict=True)])


def _parse(text: str, models: Mapping[str, type[_M]], *, extra: Literal["forbid", "ignore"]) -> _M:
    members = parse_object(text)
    kind = members.get("type")
    if not isinstance(kind, str):
        raise MalformedMessage("The message has no type.")
    model = models.get(kind)
    if model is None:
        raise UnknownMessageType
    try:
        return model.model_validate(members, extra=extra)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))[:LONGEST_NAME] or kind
        raise MalformedMessage(f"{where}: {first['msg']}") from None
