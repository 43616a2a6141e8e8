"""A policy in plain English: a sentence or two for each kind of data, and for each switch."""

from collections.abc import Iterable, Iterator

from pttserver.privacy import located_besides
from pttserver.privacy.categories import Category, about
from pttserver.privacy.limitations import Limitation, limitations, names_are_shown, unacknowledged
from pttserver.privacy.periods import Period
from pttserver.privacy.policy import Policy, Storage
from pttserver.privacy.purposes import WRITTEN_FOR, LegalBasis, Tier
from pttserver.privacy.retention import TAKEN_BACK_BY, Clause, EventKind, Retention
from pttserver.privacy.rules import WHOLE, Rule, Unwritten
from pttserver.privacy.sections import RecordingSection, RolesSection, Truncation

__all__ = ["Limitation", "explain", "limitations", "unacknowledged"]

_EVENTS = {
    EventKind.DELETION_REQUESTED: "deletion is requested",
    EventKind.ACCOUNT_CLOSED: "the account is closed",
    EventKind.CONTRACT_ENDED: "the contract ends",
    EventKind.BILLING_CLOSED: "billing is complete",
    EventKind.INVOICE_CLOSED: "the invoice is closed",
    EventKind.UNSUBSCRIBED: "the subscription ends",
    EventKind.CONSENT_WITHDRAWN: "consent is withdrawn",
}
_UNDO = {
    EventKind.DELETION_WITHDRAWN: "the request can be withdrawn",
    EventKind.REOPENED: "the account can be reopened",
}
_WHY_UNWRITTEN = {
    Unwritten.HELD_BY_NOTHING: "nothing in this version holds it",
    Unwritten.NOT_TAKEN: ("operations is not among its purposes, and an alert carries no position that is written"),
    Unwritten.ONLY_WHOLE: "devices seal it for each other, so the server can keep it as it is or not at all",
}
_IN_THE_WHOLE = {
    Category.PARTICIPANTS: "who started a call and who spoke in it no longer than the call record",
    Category.ATTACHMENT: "its key no longer than the message content",
}
_LETTERS = dict(zip(LegalBasis, "abcdef", strict=True))


def explain(policy: Policy) -> list[str]:
    """Sentences: whose policy, each datum, each field of the organisation's own, location, alerts, groups."""
    return [
        *_head(policy),
        *(_category(policy, category) for category in Category),
        *(_datum(policy, f"{name} (your field)", Category.EXTRA, name) for name in policy.extra),
        *_location(policy),
        *located_besides.explained(policy),
        *_alerts(policy),
        _messages(policy),
        recording(policy.recording),
        _support(policy),
        *_roles(policy.roles),
        _groups(policy),
        *(["Nothing that happens is ever written, whatever its category says."] if not policy.logging.records else []),
    ]


def _roles(roles: RolesSection) -> Iterator[str]:
    for name, scopes in (("Dispatchers", roles.dispatcher), ("Managers", roles.manager)):
        granted = words(scope.value.replace("_", " ") for scope in scopes) if scopes else "nothing"
        yield f"{name} may do more than others in: {granted}."


def words(items: Iterable[str], conjunction: str = "and") -> str:
    """`a, b and c`."""
    *first, last = list(items) or ["nobody"]
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def lasting(seconds: int) -> str:
    """In the greatest unit that it is a whole number of: `7 days`, `90 seconds`."""
    units = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
    unit = next(name for name, length_s in units.items() if seconds % length_s == 0)
    count = seconds // units[unit]
    return f"{count} {unit if count == 1 else unit + 's'}"


def kept(retention: Retention) -> str:
    """How long, as part of a sentence: `for 90 days, but no longer than ...`."""
    if not retention.clauses:
        return "without any end"
    phrases = [_clause(clause) for clause in retention.clauses]
    return phrases[0] if len(phrases) == 1 else f"{words(phrases, 'or')}, whichever ends first"


def kept_in_fact(policy: Policy, category: Category, extra: str = "") -> str:
    """The same of what is written, with what of it is gone earlier since it is in the record of its whole."""
    rule = policy.rule(category, extra)
    ends_in_part = rule.lasts_in_full != rule.lasts
    return kept(rule.lasts) + (f"; {_IN_THE_WHOLE[category]}" if ends_in_part else "")


def basis(legal_basis: LegalBasis | None) -> str:
    """`contract, GDPR Art. 6(1)(b)`."""
    if legal_basis is None:
        return "no legal basis is named"
    return f"{legal_basis.replace('_', ' ')}, GDPR Art. 6(1)({_LETTERS[legal_basis]})"


def form(rule: Rule) -> str:
    """In what form it is written: `as it is`, `as a pseudonym`, `cut to 160 characters`."""
    if rule.storage is Storage.TRUNCATED and rule.truncate:
        return _cut(rule.truncate)
    return {Storage.PLAIN: "as it is", Storage.PSEUDONYMISED: "as a pseudonym"}.get(rule.storage, "in no form")


def _head(policy: Policy) -> Iterator[str]:
    head = policy.policy
    owner = head.controller or "an organisation that it does not name"
    yield f"This is the policy {head.title}, version {head.version}, of {owner}."
    if head.regions:
        yield f"Data are held in {words(head.regions)} only."


def _category(policy: Policy, category: Category) -> str:
    told, rule = _datum(policy, about(category).title, category), policy.rule(category)
    why = why_unwritten(category, rule)
    if why is not None:
        told += f" But nothing of it is written: {why}."
    if category is Category.IDENTIFIER and any(len(clause.phases) > 1 for clause in rule.lasts.clauses):
        told += " Until it is gone it is still shown: by it the account is found, for whoever takes that back."
    return told.replace("Seen by the person", "Seen by nobody") if category is Category.CREDENTIAL else told


def why_unwritten(category: Category, rule: Rule) -> str | None:
    """Why nothing of a category is written though the policy keeps it; None: it is written, or is not to be kept."""
    if rule.unwritten is Unwritten.OTHER_PURPOSE:
        server = " or ".join(sorted(WRITTEN_FOR[category])).replace("_", " ")
        return f"the server writes it for {server}, which is not among its purposes"
    if rule.unwritten is Unwritten.WITHOUT_WHOLE:
        return f"it belongs to {about(WHOLE[category]).title.lower()}, of which nothing is written"
    return _WHY_UNWRITTEN.get(rule.unwritten) if rule.unwritten else None


def _datum(policy: Policy, title: str, category: Category, extra: str = "") -> str:
    rule = policy.rule(category, extra)
    if not rule.collect:
        return f"{title}: not collected."
    purposes = words(sorted(purpose.replace("_", " ") for purpose in rule.purposes))
    used = f"{title}: used for {purposes} ({basis(rule.legal_basis)})"
    seen = f"Seen by {words([*(f'{tier}s' for tier in Tier if tier in rule.visible_to), 'the person'])}."
    if rule.storage is Storage.NONE:
        return f"{used}, and never written. {seen}"
    if rule.unwritten is not None:
        return f"{used}, to be written {form(rule)}, and kept {kept(rule.retention)}. {seen}"
    return f"{used}, written {form(rule)}, kept {kept_in_fact(policy, category, extra)}. {seen}"


def _clause(clause: Clause) -> str:
    if clause.event is None:
        return f"for {clause.period}"
    if not clause.phases:
        return f"until {_EVENTS[clause.event]}"
    if len(clause.phases) > 1:
        first, second = clause.phases
        undo = _UNDO[TAKEN_BACK_BY[clause.event]]
        return f"until {first + second} after {_EVENTS[clause.event]} (in the first {first} {undo})"
    return f"until {clause.period} after {_EVENTS[clause.event]}"


def _cut(left: Truncation) -> str:
    if left.characters is not None:
        return f"cut to {left.characters} characters"
    if left.ipv4_bits is not None:
        return f"cut to {left.ipv4_bits} bits of IPv4 or {left.ipv6_bits} bits of IPv6"
    return f"rounded to {left.metres} m" if left.decimals is None else f"rounded to {left.decimals} decimals of degrees"


def _location(policy: Policy) -> Iterator[str]:
    location = policy.location
    sos = policy.alerts.enabled and location.sos_exception
    if not policy.locates:
        off = "Location is off: coordinates are neither sent nor relayed nor stored."
        yield f"{off} An emergency alert carries a position all the same." if sos else off
        yield "Fences that were drawn before stay, and tell nothing; no other is taken until location is on."
        return
    when = f"in {words(location.duty_hours)} ({location.time_zone})" if location.duty_hours else "at any hour"
    exact = f", rounded to {location.precision_m} m" if location.precision_m else ""
    yield f"Location is on {when}, at most every {location.interval_s} s{exact}."
    yield f"Positions are {'written' if policy.writes(Category.LOCATION) else 'shown live and never written'}."
    yield f"A subscriber {'may' if location.subscriber_may_switch_off else 'may not'} switch location off."
    if sos:
        yield "An emergency alert carries a position also while location is off for who raises it."
    elif policy.alerts.enabled and not policy.locates_in_need:
        yield "An emergency alert carries no position: safety is not among the purposes of location."


def _alerts(policy: Policy) -> Iterator[str]:
    alerts = policy.alerts
    if not alerts.enabled:
        yield "Alerts are off."
        return
    who = "every subscriber" if alerts.allowed_by_default else "only subscribers who are allowed to"
    ears = "may" if alerts.ambient_listening else "may not"
    yield f"Alerts can be raised by {who}; dispatchers {ears} open the microphone of a device while its alert is open."
    if alerts.ambient_listening:
        hidden = alerts.ambient_listening_hidden_because
        shown = f"does not show it (reason given: {hidden})" if hidden else "shows who listens"
        longest = f"{alerts.ambient_listening_at_most_s} seconds at a time"
        yield f"They may listen for {longest}, with a reason that the log of the alert keeps; the device {shown}."
    groups = f" ({words(alerts.groups)})" if alerts.groups else ""
    further = words(alerts.escalate_to, "then") if alerts.escalate_to else "nobody else"
    within_s = alerts.acknowledge_within_s
    yield f"They go to {words(alerts.route)}{groups}; if no dispatcher answers within {within_s} s, to {further}."
    if alerts.group_emergency:
        yield "The groups of a person in distress are in emergency until the alert is closed."
    yield (
        "An alert that is open is told to those whom it concerns until it is closed, however long that takes; the time"
        " after which its record goes counts from when it was raised."
    )
    if not policy.writes(Category.ALERT):
        yield "Alerts live in memory only: one that is open when the server stops is lost, and none can be debriefed."
    elif policy.rule(Category.ALERT).storage is not Storage.PLAIN:
        yield "Alerts are kept under pseudonyms: none can be debriefed, and what is said about one is not written."
    if located_besides.tracks_are_written(policy):
        yield (
            "Where somebody was while an alert was open is part of the alert: it is kept as positions are, and no"
            " longer than the alert. It stays, and is shown with the alert, also when location goes off for that person"
            " later."
        )


def _groups(policy: Policy) -> str:
    if not names_are_shown(policy):
        return "Groups: no names are kept in clear, so members see none of each other, nor what devices are called."
    return f"Groups: members see the names of up to {policy.roster.names_up_to} participants, and the number of more."


def _messages(policy: Policy) -> str:
    messages = policy.messages
    if not messages.enabled:
        return "Messages are off."
    size = messages.attachment_limit_kib
    files = f"attachments of up to {size} KiB" if size and policy.takes_attachments else "no attachments"
    wait = f"wait for up to {_wait(policy)} for who is not there, {messages.queue_limit} at most"
    if not policy.holds_messages:
        wait = "reach only who is connected, and are not kept"
    return f"Messages {wait}, with {files}; only the devices of those who take part can read them."


def _wait(policy: Policy) -> str:
    """What is over waits no longer."""
    longest = Period(minutes=policy.messages.store_for_s // 60)
    ages = (clause.period for clause in policy.lasts(Category.MESSAGE_CONTENT).clauses if clause.event is None)
    shorter = [age for age in ages if age.never_outlasts(longest)]
    return str(shorter[0]) if shorter else lasting(policy.messages.store_for_s)


def recording(section: RecordingSection) -> str:
    """Whether voice is recorded, and where, in a sentence or two."""
    if not section.at_consoles:
        return "Voice is recorded nowhere: neither by the server nor at a console."
    start = "by themselves when an alert comes in, and " if section.on_alert else ""
    days = f"{section.keep_days} {'day' if section.keep_days == 1 else 'days'}"
    return (
        f"The server records no voice. Consoles of dispatchers may record, {start}when a dispatcher says so, "
        f"encrypted on the console's own machine; a recording is erased after {days}."
    )


def _support(policy: Policy) -> str:
    """What the operator's staff may do."""
    support = policy.support
    if not support.longest_minutes:
        return "Technicians of the operator see nothing: there are no support sessions."
    if not policy.writes(Category.AUDIT_LOG):
        return "Technicians of the operator see nothing: without an audit log no support session can be recorded."
    first = words(about(category).title.lower() for category in support.first_tier) if support.first_tier else "nothing"
    return (
        f"Technicians of the operator see data in a support session of at most {support.longest_minutes} minutes: "
        f"those of the first tier {first}, those of the second all that names them."
    )
