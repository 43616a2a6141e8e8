"""Signalling of protocol `ptt.v1`: the JSON messages of the WebSocket, as types.

A client's request has an `id` that it chooses; the reply to it carries the same number as `re`. Messages of the server
without `re` are events. The JSON Schemas and the AsyncAPI document of proto/ are generated from these classes.
"""

import base64
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from pttserver.errors import MalformedMessage, UnknownMessageType
from pttserver.wire.strict_json import parse_object

PROTOCOL_VERSION = 1
SERVED_VERSIONS = (PROTOCOL_VERSION,)
SUBPROTOCOL = "ptt.v1"
PATH = "/v1/ptt"
LONGEST_NAME = 64  # of a member, in an error's message


class _Octets:
    """Marks `bytes` of a fixed size, in JSON as base64 with padding (RFC 4648 §4)."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        encode = core_schema.plain_serializer_function_ser_schema(
            lambda octets: base64.b64encode(octets).decode(), return_schema=core_schema.str_schema()
        )
        return core_schema.no_info_plain_validator_function(self._decode, serialization=encode)

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        characters = 4 * ((self._size + 2) // 3)
        return {"type": "string", "contentEncoding": "base64", "minLength": characters, "maxLength": characters}

    def _decode(self, value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        try:
            octets = base64.b64decode(value, validate=True)
        except (TypeError, ValueError):
            raise ValueError("is not base64") from None
        if len(octets) != self._size:
            raise ValueError(f"is not {self._size} octets")
        return octets


Octets12: TypeAlias = Annotated[bytes, _Octets(12)]
Octets32: TypeAlias = Annotated[bytes, _Octets(32)]
Octets64: TypeAlias = Annotated[bytes, _Octets(64)]
Tenant: TypeAlias = Annotated[str, Field(pattern="^ten_[0-9a-f]{16}$")]
Group: TypeAlias = Annotated[str, Field(pattern="^grp_[0-9a-f]{16}$")]
Subscriber: TypeAlias = Annotated[str, Field(pattern="^sub_[0-9a-f]{16}$")]
Device: TypeAlias = Annotated[str, Field(pattern="^dev_[0-9a-f]{16}$")]
Session: TypeAlias = Annotated[str, Field(pattern="^ses_[0-9a-f]{16}$")]
RequestId = Annotated[int, Field(ge=1, le=2**31 - 1)]
SsrcNumber = Annotated[int, Field(ge=1, le=2**32 - 1)]
# No controls (C0, C1), nothing that cannot be seen, nothing that turns the direction of the text.
_SEEN = r"^[^\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*$"
ShortText = Annotated[str, Field(min_length=1, max_length=64, pattern=_SEEN)]
Presence = Literal["affiliated", "online", "offline"]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


class Message(_Part):
    """Any message; `type` names it."""

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


# Parts of messages ---------------------------------------------------------------------------------------------------


class SrtpKeys(_Part):
    """Master key and salt of SRTP and SRTCP, AEAD_AES_256_GCM (RFC 7714 §12)."""

    key: Annotated[Octets32, Field(repr=False)]
    """Master key."""
    salt: Annotated[Octets12, Field(repr=False)]
    """Master salt."""


class Epoch(SrtpKeys):
    """Downlink key epoch of a group: what the server protects the group's voice and floor announcements with."""

    number: Annotated[int, Field(ge=1)]
    """Counts up from 1; a higher number is newer."""


class MediaEndpoint(_Part):
    """The server's UDP port for SRTP and SRTCP."""

    host: str
    """Host name or address; empty: the host of this connection."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """UDP port."""


class GroupInfo(_Part):
    """A group that the subscriber is a member of."""

    group: Group
    name: str
    """Display name of the group."""
    priority: Annotated[int, Field(ge=0, le=255)]
    """Floor priority that the organisation gave the member, higher first."""
    listen_only: bool
    """The member may not talk."""


class Participant(_Part):
    """Somebody who is affiliated to a group now."""

    subscriber: Subscriber
    name: str
    """Display name chosen by the organisation; may be empty."""


class Roster(_Part):
    """Who is affiliated to a group. In a large group only the count is told."""

    count: Annotated[int, Field(ge=0)]
    participants: list[Participant] | None = None
    """Absent above the organisation's threshold."""


class Affiliation(_Part):
    """All that a client needs to take part in a group."""

    group: Group
    name: str
    priority: Annotated[int, Field(ge=0, le=255)]
    listen_only: bool
    ssrc: SsrcNumber
    """The participant's SSRC in this group: floor control messages of the client are sent with it."""
    control_ssrc: SsrcNumber
    """SSRC of the group's floor control server."""
    epoch: Epoch
    roster: Roster


class MemberPresence(_Part):
    """Presence of a member of a group."""

    subscriber: Subscriber
    name: str
    presence: Presence


class Superseded(_Part):
    """The log-in that had to give way."""

    device_type: str
    """What the other device calls itself; may be empty."""
    at_ms: int
    """When, in UTC milliseconds."""


# Requests ------------------------------------------------------------------------------------------------------------


class Hello(Request):
    """First message of a connection: the client states its protocol version."""

    type: Literal["hello"] = "hello"
    protocol: int
    """Version that the client speaks."""
    client: ShortText
    """Name and version of the client program."""


class Enroll(Request):
    """A new device presents its one-time code and its public key. Answered by `enrolled`."""

    type: Literal["enroll"] = "enroll"
    code: Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[0-9A-Za-z-]+$", repr=False)]
    """One-time enrolment code, upper or lower case, hyphens ignored."""
    public_key: Octets32
    """Ed25519 public key of the device (RFC 8032)."""
    device_type: ShortText
    """What the device is, e.g. "ptt on Linux"."""
    signature: Octets64
    """Ed25519 signature over the proof of purpose "enroll" (keys.md)."""


class Login(Request):
    """Two factors: the device's key and the subscriber's PIN. Answered by `session`."""

    type: Literal["login"] = "login"
    device: Device
    pin: Annotated[str, Field(min_length=1, max_length=64, repr=False)]
    signature: Octets64
    """Ed25519 signature over the proof of purpose "login" (keys.md)."""


class Resume(Request):
    """Log-in of a device that lost its connection: its key and the resume token. Answered by `session`."""

    type: Literal["resume"] = "resume"
    device: Device
    token: Annotated[Octets32, Field(repr=False)]
    """From the last `session`."""
    signature: Octets64
    """Ed25519 signature over the proof of purpose "resume" (keys.md)."""
    session: Session | None = None
    """The session whose keys *and SRTP state* the client still holds; if it lives, it goes on. A client that was
    restarted leaves this out, or it would use a key with the same packet indices twice."""


class Logout(Request):
    """Ends the session and its resume token. Answered by `done`; then the server closes the connection."""

    type: Literal["logout"] = "logout"


class ListGroups(Request):
    """Which groups am I a member of? Answered by `groups`."""

    type: Literal["groups.list"] = "groups.list"


class Affiliate(Request):
    """Start to take part in a group. Answered by `affiliated`. Repeating it is harmless."""

    type: Literal["affiliate"] = "affiliate"
    group: Group


class Deaffiliate(Request):
    """Stop taking part in a group. Answered by `done`."""

    type: Literal["deaffiliate"] = "deaffiliate"
    group: Group


class ListPresence(Request):
    """Who of a group's members is there? Answered by `presence`."""

    type: Literal["presence.list"] = "presence.list"
    group: Group


class SetMediaPath(Request):
    """Where the server sends voice and floor control to: by UDP to the learnt address, or on this WebSocket.

    A session starts on the WebSocket. Answered by `done`; refused with `protocol.state` while no authenticated
    datagram has come yet.
    """

    type: Literal["media.path"] = "media.path"
    via: Literal["udp", "websocket"]


class Ping(Request):
    """Sign of life. Answered by `pong`."""

    type: Literal["ping"] = "ping"


# Replies -------------------------------------------------------------------------------------------------------------


class Welcome(Reply):
    """The version is served; here is the challenge of this connection."""

    type: Literal["welcome"] = "welcome"
    protocol: int
    challenge: Octets32
    """Random; every proof of this connection signs it."""
    server: str
    """Name and version of the server program."""


class Enrolled(Reply):
    """The device's key is registered; the code is used up."""

    type: Literal["enrolled"] = "enrolled"
    device: Device
    subscriber: Subscriber
    tenant: Tenant
    tenant_name: str
    """Name of the organisation."""
    name: str
    """Display name of the subscriber; may be empty."""


class SessionStarted(Reply):
    """The device is logged in."""

    type: Literal["session"] = "session"
    session: Session
    resumed: bool
    """True: the named session goes on; its keys and SSRCs stay as they are and are not told again."""
    subscriber: Subscriber
    name: str
    """Display name of the subscriber; may be empty."""
    ssrc: SsrcNumber
    """SSRC of this session: keep-alives are sent with it."""
    server_ssrc: SsrcNumber
    """SSRC of the server's answers to keep-alives."""
    uplink: SrtpKeys | None = None
    """Keys of all that the client sends. Absent if resumed."""
    downlink: SrtpKeys | None = None
    """Keys of all that the server sends to this device only. Absent if resumed."""
    media: MediaEndpoint
    keepalive_interval_s: float
    """A sign of life is due this often on each path in use."""
    dead_after_s: float
    """The session ends after this long without any."""
    resume_token: Annotated[Octets32 | None, Field(repr=False)] = None
    """For `resume`; keep it as secret as the PIN. In the answer to `login` only, if it could be stored."""
    resume_lifetime_s: float | None = None
    """How long the token works."""
    groups: list[GroupInfo]
    affiliations: list[Affiliation]
    """Present affiliations; empty unless resumed."""
    superseded: Superseded | None = None
    """The log-in of another device that this one ended."""


class Groups(Reply):
    """Groups of the subscriber."""

    type: Literal["groups"] = "groups"
    groups: list[GroupInfo]


class Affiliated(Reply):
    """The affiliation stands."""

    type: Literal["affiliated"] = "affiliated"
    affiliation: Affiliation


class PresenceList(Reply):
    """Presence of a group's members; above the organisation's threshold only the counts."""

    type: Literal["presence"] = "presence"
    group: Group
    affiliated: int
    online: int
    """Logged in, the affiliated included."""
    members: int
    listed: list[MemberPresence] | None = None
    """Absent above the threshold."""


class Done(Reply):
    """The request was carried out."""

    type: Literal["done"] = "done"


class Pong(Reply):
    """Answer to `ping`."""

    type: Literal["pong"] = "pong"


# Events --------------------------------------------------------------------------------------------------------------


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


class GroupEpoch(Message):
    """A group has a new downlink key epoch. Keep the one before: packets under way still use it."""

    type: Literal["group.epoch"] = "group.epoch"
    group: Group
    epoch: Epoch


class GroupRoster(Message):
    """Participants joined or left a group. In a large group only the count; then the list that you had is void."""

    type: Literal["group.roster"] = "group.roster"
    group: Group
    count: int
    participants: list[Participant] | None = None
    """The whole list, when a large group has become small enough for names."""
    joined: list[Participant] | None = None
    left: list[Subscriber] | None = None


class GroupRights(Message):
    """The organisation changed what the subscriber may do in the group."""

    type: Literal["group.rights"] = "group.rights"
    group: Group
    priority: Annotated[int, Field(ge=0, le=255)]
    listen_only: bool


class GroupRemoved(Message):
    """The subscriber is no longer a member of the group; the affiliation has ended."""

    type: Literal["group.removed"] = "group.removed"
    group: Group


class SessionSuperseded(Message):
    """The subscriber logged in on another device. All keys of this session are dead. Do not reconnect by yourself."""

    type: Literal["session.superseded"] = "session.superseded"
    device_type: str
    """What the other device calls itself; may be empty."""
    at_ms: int
    """When, in UTC milliseconds."""


class SessionEnded(Message):
    """The server ended the session."""

    type: Literal["session.ended"] = "session.ended"
    reason: str
    """`revoked`, `expired`, `server_stopping`; take one that you do not know for `expired`."""


REQUESTS: Mapping[str, type[Request]] = {
    model.model_fields["type"].default: model
    for model in (
        Hello, Enroll, Login, Resume, Logout, ListGroups, Affiliate, Deaffiliate, ListPresence, SetMediaPath, Ping,
    )
}  # fmt: skip

SERVER_MESSAGES: Mapping[str, type[Message]] = {
    model.model_fields["type"].default: model
    for model in (
        Welcome, Enrolled, SessionStarted, Groups, Affiliated, PresenceList, Done, Pong, Error,
        GroupEpoch, GroupRoster, GroupRights, GroupRemoved, SessionSuperseded, SessionEnded,
    )
}  # fmt: skip


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


_M = TypeVar("_M", bound=Message)
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
