"""What all signalling messages are made of: kinds of messages, identifiers, octets, texts."""

import base64
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class OctetsType:
    """Marks `bytes` of `least` to `most` octets, in JSON as base64 with padding (RFC 4648 §4)."""

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least = least
        self._most = least if most is None else most

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        encode = core_schema.plain_serializer_function_ser_schema(
            lambda octets: base64.b64encode(octets).decode(), return_schema=core_schema.str_schema()
        )
        return core_schema.no_info_plain_validator_function(self._decode, serialization=encode)

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        least, most = (4 * ((size + 2) // 3) for size in (self._least, self._most))
        return {"type": "string", "contentEncoding": "base64", "minLength": least, "maxLength": most}

    def _decode(self, value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        try:
            octets = base64.b64decode(value, validate=True)
        except (TypeError, ValueError):
            raise ValueError("is not base64") from None
        if not self._least <= len(octets) <= self._most:
            size = f"{self._least}" if self._least == self._most else f"{self._least} to {self._most}"
            raise ValueError(f"is not {size} octets")
        return octets


Octets12: TypeAlias = Annotated[bytes, OctetsType(12)]
Octets32: TypeAlias = Annotated[bytes, OctetsType(32)]
Octets64: TypeAlias = Annotated[bytes, OctetsType(64)]
Tenant: TypeAlias = Annotated[str, Field(pattern="^ten_[0-9a-f]{16}$")]
Group: TypeAlias = Annotated[str, Field(pattern="^grp_[0-9a-f]{16}$")]
Subscriber: TypeAlias = Annotated[str, Field(pattern="^sub_[0-9a-f]{16}$")]
Device: TypeAlias = Annotated[str, Field(pattern="^dev_[0-9a-f]{16}$")]
Session: TypeAlias = Annotated[str, Field(pattern="^ses_[0-9a-f]{16}$")]
RequestId = Annotated[int, Field(ge=1, le=2**31 - 1)]
SsrcNumber = Annotated[int, Field(ge=1, le=2**32 - 1)]
# No controls (C0, C1), nothing that cannot be seen, nothing that turns the direction of the text.
SEEN_PATTERN = r"^[^\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*$"
ShortText = Annotated[str, Field(min_length=1, max_length=64, pattern=SEEN_PATTERN)]
Reason: TypeAlias = Annotated[str, Field(min_length=1, max_length=200, pattern=SEEN_PATTERN)]
Presence = Literal["affiliated", "online", "offline"]


class Part(BaseModel):
    """What messages are composed of: strict, and unknown members are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )


class Message(Part):
    """Any message; `type` names it.

    A validator is built with its first message: most programs see few of the types, and start the sooner.
    """

    model_config = ConfigDict(defer_build=True)

    def to_json(self) -> str:
        """One text frame. Absent optional members are left out."""
        return self.model_dump_json(exclude_none=True)


class Request(Message):
    """A client's request."""

    id: RequestId
    """Chosen by the client; the reply has it as `re`."""


class Reply(Message):
    """The answer to a request."""

    re: RequestId
    """`id` of the request."""


class Done(Reply):
    """The request was carried out."""

    type: Literal["done"] = "done"


class Error(Message):
    """A request was refused (`re` is its `id`), or the connection broke a rule (no `re`)."""

    type: Literal["error"] = "error"
    re: RequestId | None = None
    code: str
    """See errors.md."""
    message: str
    """For people."""
    details: dict[str, int | float | str | list[int]] | None = None
    """E.g. `retry_after_s`, `versions_served`."""


class SrtpKeys(Part):
    """Master key and salt of SRTP and SRTCP, AEAD_AES_256_GCM (RFC 7714 §12)."""

    key: Annotated[Octets32, Field(repr=False)]
    """Master key."""
    salt: Annotated[Octets12, Field(repr=False)]
    """Master salt."""


GENERAL_MESSAGES = (Done, Error)
