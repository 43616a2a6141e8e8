"""JSON of the managers' REST interface (proto/manage.md): the policy, its versions, and what it erases."""

from typing import Annotated

from pydantic import Field

from pttserver.wire.manage_people import Reason
from pttserver.wire.signalling.parts import Part

Code = Annotated[str, Field(min_length=1, max_length=64)]
PolicyText = Annotated[str, Field(min_length=1, max_length=65_536)]


class FindingInfo(Part):
    """What of a policy touches an article of the GDPR."""

    severity: str
    category: str
    text: str
    article: str


class LimitationInfo(Part):
    """What cannot work under a policy."""

    code: str
    text: str
    acknowledged: bool
    """In the text itself; of the policy in force, also when it was put in force."""


class PolicyInfo(Part):
    """The policy in force."""

    title: str
    version: str
    digest: str
    """SHA-256 of the text, hexadecimal."""
    text: str
    sentences: list[str]
    """What happens to each datum, in plain words."""
    limitations: list[LimitationInfo]
    findings: list[FindingInfo]
    file: str
    """How the policy file stands to it: `in force`, `changed`, `not written yet`, `missing`, `invalid`."""
    problem: str | None = None
    """What is wrong with the file."""
    may_apply: bool
    """Whether the operator lets managers put a policy in force from here."""


class VersionInfo(Part):
    """A policy that was put in force. `text`: absent once it was replaced for so long that it is over."""

    number: int
    at_ms: int
    digest: str
    by: str | None = None
    """Who gave it: a number of a subscriber, or a name."""
    reason: str | None = None
    acknowledged: list[str]
    text: str | None = None


class VersionList(Part):
    """Newest first."""

    versions: list[VersionInfo]


class SweepInfo(Part):
    """A round in which what is over was erased."""

    started_ms: int
    ended_ms: int | None = None
    policy_digest: str
    erased: dict[str, int]
    """Rows by category."""
    outcome: str
    """`done` only if no file holds any of them."""


class SweepList(Part):
    """`halted`: the clock is doubted, or a backup was restored; nothing is erased until the operator confirms it."""

    halted: bool
    sweeps: list[SweepInfo]


class CheckPolicy(Part):
    text: PolicyText


class PolicyProblem(Part):
    """`line`: from 1; absent if it cannot be told."""

    line: int | None = None
    key: str
    text: str


class PolicyChange(Part):
    """`stricter`: absent if it is neither stricter nor laxer."""

    category: str
    what: str
    before: str
    after: str
    stricter: bool | None = None


class DueInfo(Part):
    """What the next sweep would erase or rewrite: `rows` of a table, or as many values of a column named after it."""

    category: str
    where: str
    rows: int


class PolicyCheck(Part):
    """`valid`: it could be put in force, once its limitations are acknowledged."""

    valid: bool
    problems: list[PolicyProblem]
    beyond_bounds: list[str]
    """What the operator does not let a policy choose."""
    findings: list[FindingInfo]
    limitations: list[LimitationInfo]
    sentences: list[str]
    changes: list[PolicyChange]
    """Against the policy in force."""
    due: list[DueInfo]


class ApplyPolicy(Part):
    text: PolicyText
    replaces: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Digest of the policy that was edited."""
    reason: Reason
    acknowledged: Annotated[list[Code], Field(max_length=64)]
    """Codes of limitations."""


class PolicyApplied(Part):
    """It is in force. `written`: the policy file says so too; if not, the server tries again."""

    digest: str
    at_ms: int
    written: bool
