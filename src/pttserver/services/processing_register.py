"""The record of processing activities (GDPR Art. 30), from the schema, the policies and the settings as they are.

The operator is the processor (Art. 30(2)); of each tenant, the controller, it has what Art. 30(1) asks for and a policy
knows. Nothing in it is written by hand, so nothing in it is out of date.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pttserver.config import Settings
from pttserver.privacy.categories import Category, about
from pttserver.privacy.explain import basis, words
from pttserver.privacy.notice import NOT_NAMED, how_long, written
from pttserver.privacy.pages import Page, Section
from pttserver.privacy.policy import Policy
from pttserver.privacy.purposes import Tier
from pttserver.store.inventory import InventoryRow, confidential, personal
from pttserver.store.records import Tenant

_SUBJECTS = "subscribers"
_ACTORS = "subscribers, and who acts for the organisation"
_LIFECYCLE = (
    "States in the life of accounts, devices and codes stand in clear, since the server acts by them before any key is "
    "opened: when something was made, enrolled, restricted, disabled, revoked or removed, when a code ends, which "
    "events and holds there are of a person, and what they cover. Each is told below with what it belongs to, and is "
    "kept as long as that, whatever else the policy does not keep; who administers may see it, as the person may."
)


@dataclass(frozen=True, slots=True)
class Activity:
    """What is done with a category of data. `places`: columns that hold it; none if nothing here ever writes it."""

    category: str
    title: str
    purposes: Sequence[str]
    legal_basis: str
    subjects: str
    seen_by: Sequence[str]
    written: str
    kept: str
    places: Sequence[str]


@dataclass(frozen=True, slots=True)
class Controller:
    """A tenant with its policy in force; None: it is refused until one is applied."""

    tenant: str
    tenant_id: str
    controller: str
    contact: str
    data_protection_officer: str
    policy: str
    regions: Sequence[str]
    transfers: str
    activities: Sequence[Activity]


@dataclass(frozen=True, slots=True)
class ProcessingRegister:
    controllers: Sequence[Controller]
    security: Sequence[str]


def processing_register(tenants: Sequence[tuple[Tenant, Policy | None]], settings: Settings) -> ProcessingRegister:
    return ProcessingRegister([_controller(*tenant) for tenant in tenants], list(security_measures(settings)))


def security_measures(settings: Settings) -> Iterator[str]:
    """What this installation has (Art. 30(2)(d), Art. 32(1)); each is there, whatever a policy says."""
    yield "Personal values are encrypted at rest (AES-256-GCM) under a key of each person; destroying it erases them."
    yield f"These keys are wrapped by a key of the tenant, and that by the operator's master key, {_source(settings)}."
    yield "Policies and what operators wrote are encrypted in the database under a key of the tenant."
    places = words(f"{row.table}.{row.column}" for row in confidential())
    yield f"So is what a tenant writes that is about nobody but may hint at people, until it is removed: {places}."
    yield "Dates and states that the server acts by stand in clear, beside random numbers; whose they are is sealed."
    yield "Histories name people by references that mean nothing without the person's key."
    yield "Signalling and administration run over TLS 1.3 with AES-256; voice over SRTP with AES-256-GCM."
    yield "Voice is relayed and never decoded, recorded or stored."
    yield "Log-in needs a device key (Ed25519) and a PIN (Argon2id), with throttling; one device at a time."
    yield "Files are readable by the server's user only; the server refuses to start if they are open to others."
    yield "What is deleted is overwritten (SQLite secure_delete)."
    yield "Where a tenant gave no policy yet, nothing is collected, and what is there is erased by the default policy."
    yield "Acts on people's data are in an audit log, chained by digests and signed."
    yield "Logs and metrics hold nothing personal."


def _source(settings: Settings) -> str:
    if settings.keys.master_key is not None:
        return "given in the server's settings or environment"
    if settings.keys.master_key_command is not None:
        return "given by a command of the operator"
    return "kept in a file beside the database" if settings.keys.master_key_file is None else "kept in a file"


def _controller(tenant: Tenant, policy: Policy | None) -> Controller:
    if policy is None:
        none = "none in force: nobody of this tenant can log in"
        return Controller(tenant.name, tenant.tenant_id, NOT_NAMED, NOT_NAMED, NOT_NAMED, none, [], "none", [])
    head = policy.policy
    return Controller(
        tenant=tenant.name,
        tenant_id=tenant.tenant_id,
        controller=head.controller or NOT_NAMED,
        contact=head.contact or NOT_NAMED,
        data_protection_officer=head.data_protection_officer or NOT_NAMED,
        policy=f"{head.title}, version {head.version} ({policy.digest[:16]})",
        regions=list(head.regions),
        transfers="none by the server: it sends data to nobody but the tenant's own devices",
        activities=list(_activities(policy)),
    )


def _activities(policy: Policy) -> Iterator[Activity]:
    for category in Category:
        if category is not Category.EXTRA:
            yield _activity(policy, about(category).title, category)
    for name in policy.extra:
        yield _activity(policy, name, Category.EXTRA, name)


def _activity(policy: Policy, title: str, category: Category, extra: str = "") -> Activity:
    name, rule = f"extra.{extra}" if extra else category.value, policy.rule(category, extra)
    if not rule.collect:
        return Activity(name, title, [], "-", "-", [], "not collected", "-", [])
    places = [row for row in personal() if category in _rules(policy, row)] if policy.writes(category, extra) else []
    return Activity(
        category=name,
        title=title,
        purposes=sorted(purpose.value for purpose in rule.purposes),
        legal_basis=basis(rule.legal_basis),
        subjects=_ACTORS if category is Category.AUDIT_LOG else _SUBJECTS,
        seen_by=[*(f"{tier}s" for tier in Tier if tier in rule.visible_to), "the person"],
        written=written(policy, category, extra),
        kept=how_long(policy, category, extra),
        places=[f"{row.table}.{row.column}" for row in places],
    )


def _rules(policy: Policy, row: InventoryRow) -> set[Category | None]:
    """The categories by whose rules a column lives. An account has an end although no identifiers are kept."""
    if row.lifecycle and row.category is Category.IDENTIFIER:
        return {policy.account}
    return {row.category, row.or_else}


def register_page(register: ProcessingRegister, made: str) -> Page:
    """For people."""
    sections = [section for controller in register.controllers for section in _sections(controller)]
    return Page(
        title="Record of processing activities",
        lead=f"GDPR Art. 30; made on {made} from the database's schema and the policies in force.",
        sections=[*sections, Section("Security of processing", register.security)],
    )


def _sections(controller: Controller) -> Iterator[Section]:
    facts = {
        "Controller": controller.controller,
        "Contact": controller.contact,
        "Data protection officer": controller.data_protection_officer,
        "Policy": controller.policy,
        "Data held in": words(controller.regions) if controller.regions else "the policy names no region",
        "Transfers to third countries": controller.transfers,
    }
    yield Section(f"{controller.tenant} ({controller.tenant_id})", facts=facts)
    headings = ["Data", "Purposes", "Legal basis", "Of whom", "Seen by", "Written", "Kept", "Where"]
    rows = [_row(activity) for activity in controller.activities]
    if rows:
        yield Section(f"What is processed for {controller.tenant}", [_LIFECYCLE], headings=headings, rows=rows)


def _row(activity: Activity) -> list[str]:
    return [
        activity.title,
        words(activity.purposes).replace("_", " ") if activity.purposes else "-",
        activity.legal_basis,
        activity.subjects,
        words(activity.seen_by) if activity.seen_by else "-",
        activity.written,
        activity.kept,
        _by_table(activity.places) or "-",
    ]


def _by_table(places: Sequence[str]) -> str:
    """`devices (label, public_key), rights (role)`."""
    found: dict[str, list[str]] = {}
    for table, _, column in (place.partition(".") for place in places):
        found.setdefault(table, []).append(column)
    return ", ".join(f"{table} ({', '.join(columns)})" for table, columns in found.items())
