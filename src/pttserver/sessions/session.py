"""What the server knows of a logged-in device, and of its affiliations to groups."""

from enum import Enum
from typing import Protocol

from pttserver.crypto.srtp import SrtpKey, SrtpReceiver, SrtpSender
from pttserver.ids import DeviceId, GroupId, Personal, SessionId, Ssrc, SubscriberId, TenantId
from pttserver.roles import Rights
from pttserver.sessions.attempts import TokenBucket
from pttserver.sessions.console import ConsoleSession

CONTROL_PACKETS_PER_S = 50
CONTROL_PACKETS_BURST = 100
CALLS_PER_S = 0.5
CALLS_BURST = 10


class AffiliatedAs(Enum):
    """By what right a session takes part in a group."""

    MEMBER = "member"
    """The organisation made the subscriber a member, which the database says."""
    TEMPORARY_MEMBER = "temporary member"
    """Of a temporary group, which knows its members itself."""
    OVERSEER = "overseer"
    """A dispatcher takes part in any group of the organisation."""


class Link(Protocol):
    """The signalling connection of a session, as the rooms below `net` see it. No call waits."""

    closed: bool
    """`close` was called, or the reader was too slow: what comes in is not served any more."""

    def post(self, text: str) -> None:
        """Sends a text frame, in order. A reader too slow for its signalling loses the connection."""

    def offer_voice(self, packet: bytes) -> None:
        """Sends a binary frame with RTP; a slow reader loses it."""

    def post_control(self, packet: bytes) -> None:
        """Sends a binary frame with RTCP, in order with the text frames."""

    def close(self, code: int, reason: str) -> None:
        """Closes after what was posted; what comes in from now on is not read."""


class Identity:
    """Who logged in, on what. The display name, the type of the device and the rights may change while it lives."""

    __slots__ = ("device_id", "device_type", "display_name", "rights", "subscriber_id", "tenant_id")

    def __init__(
        self,
        *,
        tenant_id: TenantId,
        subscriber_id: SubscriberId,
        device_id: DeviceId,
        device_type: Personal,
        display_name: Personal,
        rights: Rights,
    ) -> None:
        self.tenant_id = tenant_id
        self.subscriber_id = subscriber_id
        self.device_id = device_id
        self.device_type = device_type
        self.display_name = display_name
        self.rights = rights


class Affiliation:
    """A session's part in a group. Its SSRC names session and group at once in the client's floor control messages."""

    __slots__ = (
        "affiliated_as",
        "group_id",
        "group_name",
        "implicit_request",
        "listen_only",
        "priority",
        "session",
        "ssrc",
    )

    def __init__(
        self, session: "Session", group_id: GroupId, group_name: str, ssrc: Ssrc, priority: int, listen_only: bool
    ) -> None:
        self.session = session
        self.group_id = group_id
        self.group_name = group_name
        self.ssrc = ssrc
        self.priority = priority
        self.listen_only = listen_only
        self.affiliated_as = AffiliatedAs.MEMBER
        self.implicit_request = False


class Session:
    """One logged-in device, with its keys.

    `address` is the raw socket address (struct sockaddr) of its newest authenticated datagram, None before the first.
    `via_udp` says where the server sends to; it starts on the WebSocket. `last_seen` is in monotonic seconds. `wiping`:
    the device was told to delete its keys, and may do nothing but say that it did. `console`: the console session that
    a browser logged in with; this one ends with it.
    """

    __slots__ = (
        "address",
        "address_changed_at",
        "affiliations",
        "call_allowance",
        "console",
        "control_allowance",
        "downlink",
        "downlink_key",
        "fraction_lost",
        "id",
        "identity",
        "initiator_address",
        "jitter",
        "last_seen",
        "link",
        "srtcp_index",
        "ssrc",
        "uplink",
        "uplink_key",
        "via_udp",
        "wiping",
    )

    def __init__(self, session_id: SessionId, ssrc: Ssrc, identity: Identity, now: float) -> None:
        self.id = session_id
        self.ssrc = ssrc
        self.identity = identity
        self.link: Link | None = None
        self.initiator_address = Personal("")
        self.uplink_key = SrtpKey.draw()
        self.downlink_key = SrtpKey.draw()
        self.uplink = SrtpReceiver(self.uplink_key)
        self.downlink = SrtpSender(self.downlink_key)
        self.affiliations: dict[GroupId, Affiliation] = {}
        self.address: bytes | None = None
        self.address_changed_at = float("-inf")
        self.via_udp = False
        self.srtcp_index: dict[int, int] = {}
        self.control_allowance = TokenBucket(CONTROL_PACKETS_PER_S, CONTROL_PACKETS_BURST, now)
        self.call_allowance = TokenBucket(CALLS_PER_S, CALLS_BURST, now)
        self.wiping = False
        self.console: ConsoleSession | None = None
        self.last_seen = now
        self.fraction_lost = 0  # of 256, from its newest Receiver Report
        self.jitter = 0  # 1/48,000 s, likewise
