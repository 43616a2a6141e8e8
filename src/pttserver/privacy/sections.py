"""The sections of a policy file as types. The docstring of a key is its documentation, here and in the schema.

What a file leaves out has the default of its key; what it leaves out of a category has that of the `default` preset.
"""

from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema

from pttserver.privacy.categories import Category
from pttserver.privacy.duty_hours import DutyHours, DutySpan, zone
from pttserver.privacy.purposes import LegalBasis, Purpose, Tier
from pttserver.privacy.regions import COUNTRIES, meant_by
from pttserver.privacy.retention import Retention
from pttserver.roles import Scope


class Storage(StrEnum):
    """In what form a datum is written down."""

    PLAIN = "plain"
    """As it is (sealed at rest under the person's key, as everything is)."""
    PSEUDONYMISED = "pseudonymised"
    """A keyed pseudonym instead: equal values can be told to be equal, and no more."""
    TRUNCATED = "truncated"
    """Shortened as `truncate` says."""
    NONE = "none"
    """Used while it is needed, and never written."""


class LimitationCode(StrEnum):
    """What cannot work under a policy, and must be acknowledged by the organisation before it is applied."""

    NO_RECORDS = "no_records"
    NO_CALL_HISTORY = "no_call_history"
    NO_PARTICIPANTS = "no_participants"
    NO_NAMES = "no_names"
    NO_IDENTIFIERS = "no_identifiers"
    NO_CONTACT_LISTS = "no_contact_lists"
    NO_MESSAGE_HISTORY = "no_message_history"
    NO_DELIVERY_REPORTS = "no_delivery_reports"
    NO_ATTACHMENTS = "no_attachments"
    NO_ALERT_DEBRIEFING = "no_alert_debriefing"
    NO_AUDIT = "no_audit"
    NO_BILLING_RECORDS = "no_billing_records"


def _keep(value: Any) -> Retention:
    if isinstance(value, str):
        return Retention.parse(value)
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return Retention.parse(value)
    raise ValueError("should be a text such as '90 days', or a list of such texts")


def _is_span(text: str) -> str:
    DutySpan.parse(text)
    return text


def _is_zone(name: str) -> str:
    return zone(name).key


def _is_region(text: str) -> str:
    if text in REGIONS:
        return text
    raise ValueError(f"is no country such as 'DK', nor 'EEA'{_hint(text, REGIONS)}")


def _is_country(text: str) -> str:
    if not text or text in COUNTRIES:
        return text
    raise ValueError(f"is no country such as 'DK'{_hint(text, COUNTRIES)}")


def _hint(text: str, known: frozenset[str]) -> str:
    meant = meant_by(text, known)
    return f"; did you mean '{meant}'?" if meant else ""


def _one_of(known: frozenset[str], rest: str = "") -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(sorted(known))}){rest}$"})


REGIONS = COUNTRIES | {"EEA"}
URL_PATTERN = r"^(https://[^\s/]+\S*)?$"
EXTRA_NAME_PATTERN = "^[a-z][a-z0-9_]{0,31}$"
PATTERNS = {
    URL_PATTERN: "is no https address",
    EXTRA_NAME_PATTERN: "is no name: small letters, digits and _, beginning with a letter, at most 32",
}
"""What to say to a text that does not match."""

Text: TypeAlias = Annotated[str, Field(max_length=200)]
NonEmptyText: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
Region: TypeAlias = Annotated[str, AfterValidator(_is_region), _one_of(REGIONS)]
Country: TypeAlias = Annotated[str, AfterValidator(_is_country), _one_of(COUNTRIES, "?")]
Url: TypeAlias = Annotated[str, Field(max_length=500, pattern=URL_PATTERN)]
Span: TypeAlias = Annotated[str, AfterValidator(_is_span)]
TimeZone: TypeAlias = Annotated[str, AfterValidator(_is_zone)]
Keep: TypeAlias = Annotated[
    Retention,
    PlainValidator(_keep),
    PlainSerializer(lambda retention: list(retention.texts)),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {"type": "string"}}]}),
]


# TOML has lists, a frozen model has tuples of them; an enum's member is written as its text.
Regions: TypeAlias = Annotated[tuple[Region, ...], Field(strict=False, max_length=60)]
Codes: TypeAlias = Annotated[tuple[Annotated[LimitationCode, Field(strict=False)], ...], Field(strict=False)]
Spans: TypeAlias = Annotated[tuple[Span, ...], Field(strict=False, max_length=50)]
Purposes: TypeAlias = Annotated[
    tuple[Annotated[Purpose, Field(strict=False)], ...], Field(strict=False, min_length=1, max_length=20)
]
Tiers: TypeAlias = Annotated[tuple[Annotated[Tier, Field(strict=False)], ...], Field(strict=False, max_length=20)]
Scopes: TypeAlias = Annotated[tuple[Annotated[Scope, Field(strict=False)], ...], Field(strict=False, max_length=20)]


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        regex_engine="python-re",
    )


class PolicySection(Section):
    """Whose instruction this is."""

    title: NonEmptyText
    """What people call the policy."""
    version: NonEmptyText
    """Its version, such as a date; change it with every change."""
    controller: Text = ""
    """The organisation that decides why and how personal data are processed (GDPR Art. 4(7)), with its address."""
    contact: Text = ""
    """Where people turn to with questions and requests about their data."""
    data_protection_officer: Text = ""
    """Name or office, and how to reach it (GDPR Art. 37)."""
    privacy_notice_url: Url = ""
    """https address of the organisation's privacy notice; clients show it."""
    jurisdiction: Country = ""
    """Country whose law applies, as ISO 3166-1 alpha-2: `DK`."""
    regions: Regions = ()
    """Countries where data may be held, as ISO 3166-1 alpha-2, or `EEA`. Nothing leaves them."""
    acknowledged: Codes = ()
    """Codes of the limitations that the organisation knows and accepts (`pttserver policy explain`)."""


class RosterSection(Section):
    """Who sees who takes part."""

    names_up_to: Annotated[int, Field(ge=0, le=10_000)] = 50
    """In groups with more participants, members see only how many there are."""


@lru_cache(maxsize=256)  # asked at every position
def _duty(spans: tuple[str, ...], time_zone: str) -> DutyHours:
    return DutyHours(tuple(map(DutySpan.parse, spans)), time_zone)


class LocationSection(Section):
    """Where devices are. What is switched off here is neither transmitted nor relayed, stored, logged or counted."""

    enabled: bool = False
    """Whether positions are processed at all."""
    subscriber_may_switch_off: bool = True
    """Whether a subscriber may switch it off for himself or herself."""
    live_only: bool = True
    """Positions are shown while they are fresh, and never written."""
    interval_s: Annotated[int, Field(ge=5, le=86_400)] = 60
    """Shortest time between two positions of a device, seconds; but for those that a dispatcher asks for, which may be
    10 seconds apart, and those of an open alert."""
    precision_m: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Positions are rounded to a grid of this many metres before anybody sees them; 0: as exact as the device tells.

    A coarser grid holds at once for what is known already too. What is stored stays as it was taken, and is rounded
    whenever dispatchers and managers are shown it; to have it rewritten, truncate the category `location`.
    """
    duty_hours: Spans = ()
    """Spans of the week with positions, such as `mon-fri 08:00-18:00`; none: always."""
    time_zone: TimeZone = "UTC"
    """Time zone of the duty hours, such as `Europe/Copenhagen`."""
    sos_exception: bool = False
    """Whether an emergency alert carries a position, even if location is switched off or nobody is on duty."""
    sos_interval_s: Annotated[int, Field(ge=1, le=86_400)] = 5
    """Shortest time between two positions of a device whose alert is open, seconds."""

    @property
    def duty(self) -> DutyHours:
        return _duty(self.duty_hours, self.time_zone)


class AlertTarget(StrEnum):
    """Who is told of an alert."""

    DISPATCHERS = "dispatchers"
    MANAGERS = "managers"
    GROUP = "group"
    """Members of the emergency groups, or of the groups of the person in distress."""
    EVERYBODY = "everybody"


Targets: TypeAlias = Annotated[
    tuple[Annotated[AlertTarget, Field(strict=False)], ...], Field(strict=False, min_length=1, max_length=4)
]
Stages: TypeAlias = Annotated[
    tuple[Annotated[AlertTarget, Field(strict=False)], ...], Field(strict=False, max_length=4)
]
GroupNames: TypeAlias = Annotated[tuple[NonEmptyText, ...], Field(strict=False, max_length=32)]


class AlertsSection(Section):
    """Emergency alerts (SOS)."""

    enabled: bool = True
    """Whether alerts can be raised at all."""
    allowed_by_default: bool = True
    """Whether a subscriber may raise alerts unless it is said otherwise for that subscriber."""
    route: Targets = (AlertTarget.DISPATCHERS, AlertTarget.GROUP)
    """Who is told at once: `dispatchers`, `managers`, `group`, `everybody`."""
    groups: GroupNames = ()
    """Emergency groups, by name or number, that `group` means; none: those that the person takes part in."""
    acknowledge_within_s: Annotated[int, Field(ge=5, le=3_600)] = 30
    """If no dispatcher acknowledges it within so many seconds, the next stage is told."""
    escalate_to: Stages = (AlertTarget.MANAGERS,)
    """The stages after the route, one after the other, each in the words of `route`."""
    group_emergency: bool = True
    """Whether the groups that the person takes part in are in emergency while the alert is open."""
    ambient_listening: bool = False
    """Whether a dispatcher may open the microphone of a device whose alert is open."""
    ambient_listening_at_most_s: Annotated[int, Field(ge=10, le=600)] = 120
    """How long a dispatcher may listen before asking anew, seconds."""
    ambient_listening_hidden_because: Annotated[str, Field(max_length=200, pattern=r"^(\S(.*\S)?)?$")] = ""
    """Why the device does not show that somebody listens; empty: it shows it, with the name."""

    @property
    def shows_ambient_listening(self) -> bool:
        """Whether a device shows that somebody listens."""
        return not self.ambient_listening_hidden_because


class MessagesSection(Section):
    """Text messages and what travels with them; the content is sealed from device to device."""

    enabled: bool = True
    """Whether messages can be sent and fetched at all."""
    store_for_s: Annotated[int, Field(ge=60, le=31_536_000)] = 604_800
    """How long a message waits for a recipient who is not there, seconds; then it is given up, and its sender told."""
    queue_limit: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Messages that may wait for one recipient; the oldest go first, and their senders are told."""
    attachment_limit_kib: Annotated[int, Field(ge=0, le=2048)] = 512
    """Largest attachment, KiB; 0: none can be sent."""


class RecordingSection(Section):
    """Voice that a dispatcher's console records, on its own machine and encrypted. The server never records."""

    at_consoles: bool = False
    """Whether dispatchers may record what they hear."""
    on_alert: bool = True
    """Whether a console that may record begins by itself when an alert comes in."""
    keep_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    """After so many days a console erases a recording."""


class RolesSection(Section):
    """What dispatchers and managers may do beyond what every subscriber may, by scope."""

    dispatcher: Scopes = tuple(Scope)
    """Scopes of dispatchers: `alert`, `locate`, `call`, `oversee`, `remote_control`, `administer`, ..."""
    manager: Scopes = tuple(Scope)
    """Scopes of organisation managers."""


Categories: TypeAlias = Annotated[
    tuple[Annotated[Category, Field(strict=False)], ...], Field(strict=False, max_length=len(Category))
]


class SupportSection(Section):
    """The operator's staff. They see data of the organisation in a support session only, which ends by itself.

    What `visible_to` names technicians for is for the second tier; the first tier has the logs, which name nobody.
    """

    longest_minutes: Annotated[int, Field(ge=0, le=1_440)] = 60
    """How long a support session may last at most, minutes; 0: there are none."""
    first_tier: Categories = ()
    """Categories that technicians of the first tier see too, of those that `visible_to` names technicians for."""


class LoggingSection(Section):
    """Whether anything is recorded."""

    records: bool = True
    """`false`: nothing that happens is ever written, whatever the categories say."""


class Truncation(Section):
    """What is left of a truncated datum. Each category has its own measure."""

    characters: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Texts: the first so many code points."""
    ipv4_bits: Annotated[int, Field(ge=0, le=32)] | None = None
    """IP addresses: leading bits of IPv4 that stay; the others become 0."""
    ipv6_bits: Annotated[int, Field(ge=0, le=128)] | None = None
    """IP addresses: leading bits of IPv6 that stay."""
    decimals: Annotated[int, Field(ge=0, le=7)] | None = None
    """Positions: decimals of degrees that stay; 2 are about a kilometre."""
    metres: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Positions: size of the grid that they are rounded to."""


class CategoryRule(Section):
    """What happens to a category of data. What is left out is as in the `default` preset."""

    collect: bool | None = None
    """Whether the datum is processed at all; `false`: it is dropped where it comes in."""
    store: Annotated[Storage, Field(strict=False)] | None = None
    """In what form it is written down."""
    truncate: Truncation | None = None
    """What is left of it, with `store = "truncated"`."""
    keep: Keep | None = None
    """How long, as a text or a list of texts of which the earliest counts."""
    purpose: Purposes | None = None
    """What it is used for (GDPR Art. 5(1)(b)); it is kept for no other purpose."""
    legal_basis: Annotated[LegalBasis, Field(strict=False)] | None = None
    """Letter of GDPR Art. 6(1)."""
    visible_to: Tiers | None = None
    """Who may see it, besides the person whom it is about."""
