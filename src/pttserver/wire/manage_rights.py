"""JSON of the managers' REST interface (proto/manage.md): what people may ask for, the audit log, the data register."""

from typing import Annotated, Any, Literal

from pydantic import Field

from pttserver.wire.manage_people import Reason, Text
from pttserver.wire.signalling.parts import Part


class FindSubject(Part):
    text: Text
    """Part of an identifier, a name, contact data or a field of the organisation's own."""
    reason: Reason


class SubjectInfo(Part):
    """Somebody of whom something is held, also without an account."""

    subject: str
    kind: str
    matched: list[str]
    """In which kinds of data."""
    identifier: str | None = None
    name: str | None = None
    restriction: str | None = None
    """Its ground; what is restricted is not shown."""


class SubjectList(Part):
    subjects: list[SubjectInfo]


class ExportSubject(Part):
    reason: Reason
    form: Literal["json", "html"]
    name_who_looked: bool = False
    """Name who looked at the data, instead of a number for each."""


class EraseSubject(Part):
    reason: Reason
    confirm: str
    """The number of the person, typed: it cannot be undone."""
    despite_restriction: bool = False
    """Erase although processing is restricted; it is recorded."""


class Erased(Part):
    """Erased for ever. `certificate`: absent while it is not proven, since somebody still reads a state from before."""

    subject: str
    certificate: dict[str, Any] | None = None
    """Signed by this server; names nobody."""


class Restrict(Part):
    ground: Literal["accuracy_dispute", "unlawful", "legal_claims", "objection"]
    """GDPR Art. 18(1) a to d."""
    reason: Reason


class Rectify(Part):
    values: Annotated[dict[str, Annotated[str, Field(max_length=500)]], Field(min_length=1, max_length=64, repr=False)]
    """Of identifier, display_name, email, phone, address, country, or own fields; an empty text takes one away."""
    reason: Reason


class AuditEntryInfo(Part):
    number: int
    at_ms: int
    operation: str
    by: str | None = None
    """A number of a subscriber, or a name; absent: somebody whose data were erased."""
    subject: str | None = None
    """Number of the person; absent: about nobody, or about somebody whose data were erased."""
    details: dict[str, str | int]


class AuditPage(Part):
    """Newest first. `next`: give it as `before` for the older ones; absent: there are none."""

    entries: list[AuditEntryInfo]
    next: int | None = None


class AuditVerdict(Part):
    """`problems`: none if the log is whole. `first`, `last`: numbers of the entries that are there."""

    entries: int
    first: int | None = None
    last: int | None = None
    checkpoints: int
    problems: list[str]


class RegisterActivity(Part):
    """What is done with a category of data."""

    category: str
    title: str
    purposes: list[str]
    legal_basis: str
    subjects: str
    seen_by: list[str]
    written: str
    kept: str
    places: list[str]
    """Columns that hold it."""


class DataRegister(Part):
    """The record of processing activities (GDPR Art. 30) of the organisation."""

    controller: str
    contact: str
    data_protection_officer: str
    policy: str
    regions: list[str]
    transfers: str
    activities: list[RegisterActivity]
    security: list[str]
