"""A connection and its session: greeting, enrolment, log-in, resumption, the way of the media, the end."""

from typing import Annotated, Literal

from pydantic import Field

from pttserver.wire.signalling.groups import Affiliation, GroupInfo
from pttserver.wire.signalling.parts import (
    Device,
    Message,
    Octets32,
    Octets64,
    Part,
    Reply,
    Request,
    Session,
    ShortText,
    SrtpKeys,
    SsrcNumber,
    Subscriber,
    Tenant,
)
from pttserver.wire.signalling.terms import Terms


class MediaEndpoint(Part):
    """The server's UDP port for SRTP and SRTCP."""

    host: str
    """Host name or address; empty: the host of this connection."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """UDP port."""


class Superseded(Part):
    """The log-in that had to give way."""

    device_type: str
    """What the other device calls itself; may be empty."""
    at_ms: int
    """When, in UTC milliseconds."""


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


class LoginConsole(Request):
    """Log-in of a browser with a console account: the device's key, and the console session whose cookie came with the
    handshake of this WebSocket (console.md). Answered by `session`."""

    type: Literal["login.console"] = "login.console"
    device: Device
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
    """For `resume`; keep it as secret as the PIN. In the answer to a log-in only, if it could be stored."""
    resume_lifetime_s: float | None = None
    """How long the token works."""
    groups: list[GroupInfo]
    affiliations: list[Affiliation]
    """Present affiliations; empty unless resumed."""
    terms: Terms
    """What the subscriber may do; `terms` tells of changes."""
    superseded: Superseded | None = None
    """The log-in of another device that this one ended."""


class Pong(Reply):
    """Answer to `ping`."""

    type: Literal["pong"] = "pong"


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
    """`revoked`, `logged_out`, `disabled`, `console_ended`, `expired`, `server_stopping`; take others for `expired`."""


SESSION_REQUESTS = (Hello, Enroll, Login, LoginConsole, Resume, Logout, SetMediaPath, Ping)
SESSION_MESSAGES = (Welcome, Enrolled, SessionStarted, Pong, SessionSuperseded, SessionEnded)
