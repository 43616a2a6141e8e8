"""What is inside the sealed content of a message: JSON in UTF-8, which only the devices read."""

import json
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from pttserver.errors import MalformedMessage
from pttserver.wire.signalling.parts import Part, ShortText

MAX_TEXT: Final = 2000
"""Code points."""


class AttachmentName(Part):
    """What the attachment is."""

    kind: Literal["file", "image", "voice"]
    """`voice`: speech as Opus in Ogg (RFC 7845)."""
    name: ShortText
    """Name of the file."""
    media_type: Annotated[str, Field(max_length=100, pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+$")]
    """IANA media type, such as `audio/ogg`."""


class MessageBody(Part):
    """A message in clear."""

    text: Annotated[str, Field(max_length=MAX_TEXT)]
    """Any Unicode text; may be empty beside an attachment."""
    attachment: AttachmentName | None = None


def write_body(body: MessageBody) -> bytes:
    return json.dumps(body.model_dump(exclude_none=True), ensure_ascii=False, separators=(",", ":")).encode()


def read_body(octets: bytes) -> MessageBody:
    """Members that this version does not know are ignored. Raises MalformedMessage."""
    try:
        return MessageBody.model_validate_json(octets, extra="ignore")
    except ValidationError:
        raise MalformedMessage("The content is no message body.") from None
