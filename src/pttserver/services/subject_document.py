"""The copy of all that is held about a person (GDPR Art. 15(3)), which another system can read too (Art. 20).

Times are UTC milliseconds since 1970. proto/schemas/subject-export.json is made from these models.
"""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

FORMAT: Final = "pttserver/subject-export"


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


class ExportedController(_Part):
    """Who decides why and how the data are processed."""

    tenant: str
    """Name of the organisation on this server."""
    controller: str
    """The organisation with its address, as its policy says."""
    contact: str
    """Where to turn to with requests."""
    data_protection_officer: str
    policy: str
    """Title and version of the policy in force."""
    policy_digest: str
    """SHA-256 of the policy's text, hexadecimal."""
    regions: list[str]
    """Where data may be held; empty: the policy does not limit it."""


class ExportedMembership(_Part):
    """A group that the person belongs to."""

    group: str
    priority: int
    """0 to 255; 255 goes first."""
    listen_only: bool


class ExportedProfile(_Part):
    """What the person, or the organisation on its behalf, gave: what another organisation can take over."""

    identifier: str | None = None
    display_name: str | None = None
    contact: dict[str, str] = {}
    """Contact data by name: `email`, `phone`, `address`, `country`."""
    extra: dict[str, str] = {}
    """Fields of the organisation's own, by name."""
    memberships: list[ExportedMembership] = []


class ExportedValue(_Part):
    """A datum in a row of a table."""

    column: str
    category: str | None = None
    """Category of personal data; absent if the datum says nothing about a person by itself."""
    value: str | int | bool | None = None
    withheld: str | None = None
    """Why the value is not given out."""
    goes_ms: int | None = None
    """When it will be erased; absent: no period runs yet, see `processing`."""


class ExportedRow(_Part):
    """A row that is about the person."""

    table: str
    recorded_ms: int
    values: list[ExportedValue]


class ExportedCall(_Part):
    """A call that the person took part in. Others are told apart within the call only."""

    group: str | None = None
    """Absent if the group does not exist any more."""
    started_ms: int
    ended_ms: int | None = None
    started_by: str | None = None
    bursts: int
    """How often the person spoke."""
    others: list[str]
    goes_ms: int | None = None


class ExportedLook(_Part):
    """Somebody looked at data of the person."""

    at_ms: int
    what: str
    """The operation in the audit log, such as `call.list`, `location.look.last`."""
    who: str
    """Who looked: a name if the organisation tells it, else a number in this copy; empty if that is not known."""
    at_everybody: bool
    """At the people of the organisation together, of whom the person is one."""


class ExportedRequest(_Part):
    """What the person asked of the organisation about the data (Art. 15 to 22)."""

    kind: str
    received_ms: int
    due_ms: int
    """By when it had or has to be answered (Art. 12(3))."""
    outcome: str | None = None
    """Absent: it is open."""
    reason: str = ""
    """Why it ended so, or was extended."""
    closed_ms: int | None = None


class ExportedProcessing(_Part):
    """What happens to a category of data under the policy in force."""

    category: str
    title: str
    description: str
    purposes: list[str]
    legal_basis: str
    seen_by: list[str]
    written: str
    kept: str
    source: str
    """Where the data come from (Art. 15(1)(g))."""


class SubjectExport(_Part):
    """All that is held about a person, what happens to it, and why."""

    format: Literal["pttserver/subject-export"] = FORMAT
    version: Literal[1] = 1
    made_ms: int
    subject: str
    """Number of the person on this server."""
    kind: Literal["subscriber", "other"]
    restricted: str | None = None
    """Ground on which processing is restricted (Art. 18(1)); absent: it is not."""
    restricted_since_ms: int | None = None
    """Absent: it is not restricted."""
    controller: ExportedController
    profile: ExportedProfile
    calls: list[ExportedCall]
    rows: list[ExportedRow]
    looks: list[ExportedLook] = []
    """Who looked at the data, as far as the audit log is kept, newest first."""
    requests: list[ExportedRequest] = []
    """What the person asked, as far as the audit log is kept; the one that is due first on top."""
    processing: list[ExportedProcessing]
    rights: list[str]
    left_out: list[str]
    """What is not in this copy, and why."""
