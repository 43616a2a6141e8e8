"""What a data protection officer would ask about a policy: valid, but touching an article of the GDPR.

Each check is a function from the policy to findings, in the order of the articles; `findings` runs them all.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pttserver.privacy.categories import Category, about
from pttserver.privacy.explain import why_unwritten
from pttserver.privacy.periods import Period
from pttserver.privacy.policy import Policy, Rule
from pttserver.privacy.purposes import WRITTEN_FOR, LegalBasis, Tier
from pttserver.privacy.regions import ADEQUATE, within_eea
from pttserver.privacy.retention import EventKind, Retention
from pttserver.privacy.rules import ENDS_WITH_ITS_WHOLE, WHOLE, Unwritten
from pttserver.privacy.sections import AlertTarget, Storage


class Severity(StrEnum):
    """`serious`: hard to defend. `warning`: needs a reason. `notice`: know it."""

    SERIOUS = "serious"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Finding:
    """`category`: of the policy file, `extra.NAME`, or the section in brackets. `article`: of the GDPR."""

    severity: Severity
    category: str
    text: str
    article: str


_ACCOUNTABILITY = Period(years=1)  # shorter than a year, a yearly review cannot look back to the one before
_SHORT_LIVED = {
    Category.DEBUG_CAPTURE: Period(days=30),
    Category.IMPORT_FILE: Period(days=60),
    Category.ATTACHMENT: Period(months=3),
    Category.LOCATION: Period(days=30),
}
_INTIMATE = (Category.MESSAGE_CONTENT, Category.ATTACHMENT, Category.LOCATION, Category.CONTACT_DATA)
_SPECIAL = (
    "race",
    "racial",
    "ethnic",
    "politic",
    "party",
    "religio",
    "belief",
    "union",
    "genetic",
    "biometric",
    "blood",
)
_SPECIAL_HEALTH = ("finger", "health", "disease", "medic", "disab", "sex", "gender", "orientation", "pregnan")


def findings(policy: Policy) -> list[Finding]:
    """The most serious first."""
    found = [finding for check in _CHECKS for finding in check(policy)]
    return sorted(found, key=lambda finding: list(Severity).index(finding.severity))


def in_short(found: Iterable[Finding]) -> str:
    """For records: `serious location Art. 6(1); warning [policy] Art. 13`."""
    return "; ".join(f"{one.severity} {one.category} {one.article}" for one in found)


def rules(policy: Policy) -> Iterator[tuple[str, Category, Rule]]:
    """Every rule with its name in the file: the categories, then the organisation's own fields."""
    yield from ((category.value, category, policy.rule(category)) for category in Category)
    yield from ((f"extra.{name}", Category.EXTRA, policy.rule(Category.EXTRA, name)) for name in policy.extra)


def _kept(policy: Policy) -> Iterator[tuple[str, Category, Rule]]:
    return (found for found in rules(policy) if not found[2].over_at_once)


def _can_outlast(one: Retention, other: Retention) -> bool:
    """By age; what has no age outlasts everything."""
    age, limit = one.clause(None), other.clause(None)
    return limit is not None and (age is None or not age.period.never_outlasts(limit.period))


def _parts_outlast_the_whole(policy: Policy) -> Iterator[Finding]:
    for part in filter(policy.keeps, WHOLE):
        whole = _kept_whole(policy, part)
        kept = f"Its period is longer than that of the {about(whole).title.lower()} that it belongs to"
        if not policy.writes(whole):
            text = f"It is not written, since nothing is of the {about(whole).title.lower()} that it belongs to."
        elif not _can_outlast(policy.rule(part).retention, policy.lasts(whole)):
            continue
        else:
            text = f"{kept}, and goes with." if part in ENDS_WITH_ITS_WHOLE else f"{kept}; what is it for then?"
        yield Finding(Severity.WARNING, part, text, "Art. 5(1)(c), (e)")


def _kept_whole(policy: Policy, part: Category) -> Category:
    """What it belongs to. That there are no participants, or no texts, limitations tell: then what these belong to."""
    whole = WHOLE[part]
    return whole if policy.keeps(whole) or whole not in WHOLE else _kept_whole(policy, whole)


def _kept_for_nothing(policy: Policy) -> Iterator[Finding]:
    for category, wanted in WRITTEN_FOR.items():
        why = why_unwritten(category, policy.rule(category))
        if wanted and why is not None and policy.rule(category).unwritten is not Unwritten.WITHOUT_WHOLE:
            yield Finding(Severity.WARNING, category, f"Nothing of it is written: {why}.", "Art. 5(1)(b)")


def _around_the_clock(policy: Policy) -> Iterator[Finding]:
    location = policy.location
    if location.enabled and not location.duty_hours:
        text = "People are located at any hour; name duty_hours, if they are on duty at some only."
        yield Finding(Severity.NOTICE, "[location]", text, "Art. 5(1)(c)")


def _no_end(policy: Policy) -> Iterator[Finding]:
    for name, category, rule in _kept(policy):
        standing = about(category).nature == "standing"
        if not rule.retention.clauses:
            yield Finding(Severity.SERIOUS, name, "There is no limit: it is kept for ever.", "Art. 5(1)(e)")
        elif standing and not rule.retention.clause(EventKind.UNSUBSCRIBED):
            text = "It stays when the person is no subscriber any more; add while_subscribed, or a time after it."
            yield Finding(Severity.WARNING, name, text, "Art. 5(1)(e)")
        elif not standing and not rule.retention.clause(None):
            text = "It ends with an event only, which may never come; add an age."
            yield Finding(Severity.WARNING, name, text, "Art. 5(1)(e)")


def _too_long_for_its_kind(policy: Policy) -> Iterator[Finding]:
    for category, usual in _SHORT_LIVED.items():
        rule = policy.rule(category)
        age = rule.retention.clause(None)
        if age is not None and policy.keeps(category) and not age.period.never_outlasts(usual):
            text = f"{about(category).title}: {age.period} is long; {usual} serve most."
            yield Finding(Severity.NOTICE, category, text, "Art. 5(1)(e)")


def _accountability(policy: Policy) -> Iterator[Finding]:
    age = policy.rule(Category.AUDIT_LOG).retention.clause(None)
    if not policy.writes(Category.AUDIT_LOG):
        text = "Nothing shows who saw or changed personal data."
        yield Finding(Severity.SERIOUS, Category.AUDIT_LOG, text, "Art. 5(2)")
    elif age is not None and not _ACCOUNTABILITY.never_outlasts(age.period):
        text = f"{age.period} are short: misuse that is found later cannot be traced."
        yield Finding(Severity.WARNING, Category.AUDIT_LOG, text, "Art. 5(2)")


def _legal_basis(policy: Policy) -> Iterator[Finding]:
    for name, category, rule in rules(policy):
        sos = category is Category.LOCATION and policy.location.sos_exception
        if rule.legal_basis is None and (rule.collect or sos):
            severity = Severity.SERIOUS if category is Category.LOCATION else Severity.WARNING
            yield Finding(severity, name, "It is processed, but no legal basis is named.", "Art. 6(1)")


def _consent(policy: Policy) -> Iterator[Finding]:
    for name, _, rule in _kept(policy):
        if rule.legal_basis is LegalBasis.CONSENT and not rule.retention.clause(EventKind.CONSENT_WITHDRAWN):
            text = "It rests on consent, but nothing happens when consent is withdrawn; add: until consent_withdrawn."
            yield Finding(Severity.SERIOUS, name, text, "Art. 7(3)")


def _special_categories(policy: Policy) -> Iterator[Finding]:
    for name in policy.extra:
        suspect = any(part.startswith(_SPECIAL) for part in name.split("_"))
        if suspect and policy.rule(Category.EXTRA, name).collect:
            text = "The name sounds like a special category of data; processing these is forbidden, with exceptions."
            yield Finding(Severity.SERIOUS, f"extra.{name}", text, "Art. 9(1)")


def _information(policy: Policy) -> Iterator[Finding]:
    head = policy.policy
    if not head.controller:
        yield Finding(Severity.WARNING, "[policy]", "People must be told who the controller is.", "Art. 13(1)(a)")
    if not head.contact:
        yield Finding(Severity.WARNING, "[policy]", "People must be told how to reach the controller.", "Art. 13(1)(a)")
    if not head.privacy_notice_url:
        yield Finding(Severity.WARNING, "[policy]", "There is no privacy notice that clients could show.", "Art. 13")
    if not head.data_protection_officer:
        text = "No data protection officer is named; most who monitor people regularly must have one."
        yield Finding(Severity.NOTICE, "[policy]", text, "Art. 37(1)")


def _objection(policy: Policy) -> Iterator[Finding]:
    basis = policy.rule(Category.LOCATION).legal_basis
    forced = policy.location.enabled and not policy.location.subscriber_may_switch_off
    if forced and basis in (LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTERESTS):
        text = "Nobody may switch location off, though the legal basis lets people say no."
        article = "Art. 7(3)" if basis is LegalBasis.CONSENT else "Art. 21(1)"
        yield Finding(Severity.WARNING, "[location]", text, article)


def _by_design(policy: Policy) -> Iterator[Finding]:
    if policy.holds_messages:
        text = "The server keeps what people write to each other; keep it for as long as delivery needs."
        yield Finding(Severity.NOTICE, Category.MESSAGE_CONTENT, text, "Art. 25(1)")
    if policy.rule(Category.SUBSCRIBER_NAME).storage is Storage.PSEUDONYMISED:
        for category in (Category.NICKNAME, Category.CONTACT_DATA, Category.IDENTIFIER):
            if policy.rule(category).storage is Storage.PLAIN:
                text = f"Names are pseudonyms, but {about(category).title.lower()} in clear can tell who it is."
                yield Finding(Severity.NOTICE, category, text, "Art. 4(5), 25(1)")


def _end_of_contract(policy: Policy) -> Iterator[Finding]:
    ends = (None, EventKind.CONTRACT_ENDED, EventKind.ACCOUNT_CLOSED)
    for name, _, rule in _kept(policy):
        if rule.retention.clauses and not any(map(rule.retention.clause, ends)):
            text = "It outlives the contract; add a time after contract_ended."
            yield Finding(Severity.WARNING, name, text, "Art. 28(3)(g)")


def _who_sees(policy: Policy) -> Iterator[Finding]:
    for category in _INTIMATE:
        if policy.keeps(category) and Tier.TECHNICIAN in policy.rule(category).visible_to:
            text = "Technicians can see it; support seldom needs to."
            yield Finding(Severity.WARNING, category, text, "Art. 25(2), 32(1)")


def _alerts_unseen(policy: Policy) -> Iterator[Finding]:
    seen, told = policy.rule(Category.ALERT).visible_to, {*policy.alerts.route, *policy.alerts.escalate_to}
    for target, tier in ((AlertTarget.DISPATCHERS, Tier.DISPATCHER), (AlertTarget.MANAGERS, Tier.MANAGER)):
        if policy.alerts.enabled and target in told and tier not in seen:
            text = f"Alerts are routed to {target}, who are told none: categories.alert.visible_to does not name them."
            yield Finding(Severity.SERIOUS, "[alerts]", text, "Art. 6(1)(d)")


def _impact_assessment(policy: Policy) -> Iterator[Finding]:
    if policy.alerts.enabled and policy.alerts.ambient_listening:
        text = "Opening microphones from afar needs an impact assessment, and the people must know it."
        yield Finding(Severity.WARNING, "[alerts]", text, "Art. 35(1)")
        if not policy.alerts.shows_ambient_listening:
            text = "Devices do not show that somebody listens; only a law, or the life of the person, can allow that."
            yield Finding(Severity.SERIOUS, "[alerts]", text, "Art. 5(1)(a), 23")
    if policy.recording.at_consoles:
        text = "What people say is recorded at consoles: they must know it before they speak."
        yield Finding(Severity.WARNING, "[recording]", text, "Art. 13, 35(1)")
    if policy.writes(Category.LOCATION):
        text = "Where people were is recorded; that is systematic monitoring and needs an impact assessment."
        yield Finding(Severity.WARNING, "[location]", text, "Art. 35(1)")


def _transfers(policy: Policy) -> Iterator[Finding]:
    if not policy.policy.regions:
        text = "No regions are named: data may be held in any country that the operator has a server in."
        yield Finding(Severity.WARNING, "[policy]", text, "Art. 44")
    for region in policy.policy.regions:
        if region in ADEQUATE:
            text = f"{region} is outside the EEA, with an adequacy decision; decisions can be limited, expire or fall."
            yield Finding(Severity.NOTICE, "[policy]", text, "Art. 45")
        elif not within_eea(region):
            text = f"{region} is outside the EEA, without a general adequacy decision: safeguards are needed."
            yield Finding(Severity.SERIOUS, "[policy]", text, "Art. 44, 46")


_CHECKS: tuple[Callable[[Policy], Iterator[Finding]], ...] = (
    _parts_outlast_the_whole,
    _kept_for_nothing,
    _around_the_clock,
    _no_end,
    _too_long_for_its_kind,
    _accountability,
    _legal_basis,
    _consent,
    _special_categories,
    _information,
    _objection,
    _by_design,
    _end_of_contract,
    _who_sees,
    _alerts_unseen,
    _impact_assessment,
    _transfers,
)
