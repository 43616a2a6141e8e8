"""JSON of the console's REST interface (proto/console.md): log-in, activation, the session, the browser as a device."""

from typing import Annotated, Any, Literal

from pydantic import Field

from pttserver.wire.signalling.parts import Device, Octets32, Part, ShortText, Subscriber, Tenant

PATH = "/v1/console"
LONGEST_PASSWORD = 128

Password = Annotated[str, Field(min_length=1, max_length=LONGEST_PASSWORD, repr=False)]
Ticket = Annotated[str, Field(min_length=1, max_length=64, pattern="^[A-Za-z0-9_-]+$", repr=False)]
TotpCode = Annotated[str, Field(pattern="^[0-9]{6}$", repr=False)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Activate(Part):
    """The code of an invitation, and the password that somebody chose."""

    code: Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[0-9A-Za-z-]+$", repr=False)]
    password: Password


class TotpOffer(Part):
    """A secret for an authenticator app."""

    secret: Annotated[str, Field(repr=False)]
    """Base32, to be typed."""
    uri: Annotated[str, Field(repr=False)]
    """`otpauth://`, for a QR code that the page draws itself."""


class Activation(Part):
    """What a second factor can be made of; one of the two follows."""

    ticket: Annotated[str, Field(repr=False)]
    totp: TotpOffer
    passkey: dict[str, Any] | None = None
    """PublicKeyCredentialCreationOptionsJSON. Absent where the page is reached by an address instead of a name."""


class Login(Part):
    """First step of a log-in."""

    tenant: Name
    """Name or identifier of the organisation."""
    name: Name
    """Identifier of the subscriber, as the organisation knows it, or `sub_…`."""
    password: Password


class SecondFactor(Part):
    """The password fits; one of the factors follows."""

    ticket: Annotated[str, Field(repr=False)]
    factors: list[Literal["totp", "passkey"]]
    """Those that work on this page; none, if the account has a passkey only and the page has another host."""
    passkey: dict[str, Any] | None = None
    """PublicKeyCredentialRequestOptionsJSON."""


class ByTotp(Part):
    """A code of the authenticator app."""

    ticket: Ticket
    code: TotpCode


class ByPasskey(Part):
    """What the browser's WebAuthn interface gave."""

    ticket: Ticket
    credential: Annotated[dict[str, Any], Field(repr=False)]
    """RegistrationResponseJSON or AuthenticationResponseJSON."""


class ConsoleSession(Part):
    """Who is logged in, and until when."""

    tenant: Tenant
    tenant_name: str
    subscriber: Subscriber
    name: str
    """Display name; may be empty."""
    role: str
    """`dispatcher` or `manager`."""
    scopes: list[str]
    """What the organisation's policy grants to the role (roles.md)."""
    idle_expires_ms: int
    """When the session ends if nobody uses it, in UTC milliseconds; never later than `absolute_expires_ms`."""
    absolute_expires_ms: int


class LoggedIn(Part):
    """The answer to a second factor; the cookie comes with it."""

    session: ConsoleSession


class RegisterBrowser(Part):
    """The key of this browser."""

    public_key: Octets32
    """Ed25519 (RFC 8032)."""
    device_type: ShortText
    """What the browser is, such as "Chromium on Linux"."""


class RegisteredBrowser(Part):
    """The browser is a device of the account."""

    device: Device
    subscriber: Subscriber
    tenant: Tenant
    tenant_name: str
    name: str
    """Display name of the subscriber; may be empty."""


class MapTiles(Part):
    """The operator's own map, as far as there is one."""

    levels: list[int]
    """Zoom levels that there are tiles of, ascending; empty: there is no such map."""
    attribution: str
    """Whom the tiles are by; show it on the map."""


class Problem(Part):
    """A request was refused."""

    code: str
    """See errors.md."""
    message: str
    """For people."""
    details: dict[str, int | float | str | list[int]] | None = None
    """E.g. `retry_after_s`."""
