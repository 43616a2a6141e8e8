"""The privacy notice of an organisation, from its policy: short, simple, and true as long as the policy is in force."""

from collections.abc import Iterable, Iterator
from typing import Final

from pttserver.privacy import located_besides
from pttserver.privacy.categories import Category, about
from pttserver.privacy.explain import basis, form, kept_in_fact, recording, why_unwritten, words
from pttserver.privacy.limitations import names_are_shown
from pttserver.privacy.pages import Page, Section
from pttserver.privacy.policy import Policy, Rule, Storage
from pttserver.privacy.purposes import LegalBasis, Purpose, Tier
from pttserver.privacy.sections import AlertTarget

NOT_NAMED: Final = "not named by the organisation"
_MEANING = {
    Purpose.SERVICE: "to carry calls, messages, alerts and positions and know who may take part",
    Purpose.SECURITY: "to keep out who does not belong",
    Purpose.OPERATIONS: "to run the organisation's work",
    Purpose.SUPPORT: "to find and mend technical problems",
    Purpose.BILLING: "to charge for use",
    Purpose.LEGAL_DUTY: "to do what a law demands",
    Purpose.SAFETY: "to protect life",
}
_SOURCES = {
    Category.DEVICE_TYPE: "your device",
    Category.IP_ADDRESS: "your device's connection",
    Category.LAST_LOGIN: "your log-ins",
    Category.CALL_RECORD: "calls that you took part in",
    Category.PARTICIPANTS: "calls that you took part in",
    Category.LOCATION: "your device",
    Category.ALERT: "alerts that you raised",
    Category.ACTIVITY_LOG: "your log-ins",
    Category.AUDIT_LOG: "what the organisation's people did",
    Category.CREDENTIAL: "you, your device and the organisation",
    Category.MESSAGE_CONTENT: "messages that you sent or received",
    Category.MESSAGE_METADATA: "messages that you sent or received",
    Category.ATTACHMENT: "messages that you sent or received",
    Category.BILLING: "your use of the service",
}


def notice(policy: Policy) -> Page:
    """What GDPR Art. 13 and 14 demand to tell, as far as a policy knows it."""
    return Page(
        title="Privacy notice",
        lead=f"Push-to-talk service of {policy.policy.controller or NOT_NAMED}; {policy.policy.title},"
        f" version {policy.policy.version}.",
        sections=[
            Section("Who is responsible", facts=responsible(policy)),
            Section("What is processed, why, and for how long", [f"Voice is relayed. {recording(policy.recording)}"],
                    headings=["Data", "What for", "On which basis", "From where", "Seen by", "Written", "Kept"],
                    rows=list(_rows(policy))),
            Section("Location", [_location(policy), *located_besides.noticed(policy)]),
            *_alerts(policy),
            *_ambient_listening(policy),
            Section("Where, and who else", list(_recipients(policy))),
            Section("Your rights", rights(policy)),
        ],
    )  # fmt: skip


def responsible(policy: Policy) -> dict[str, str]:
    head = policy.policy
    facts = {
        "Controller": head.controller or NOT_NAMED,
        "Contact": head.contact or NOT_NAMED,
        "Data protection officer": head.data_protection_officer or NOT_NAMED,
    }
    return facts | ({"More": head.privacy_notice_url} if head.privacy_notice_url else {})


def rights(policy: Policy) -> list[str]:
    """Sentences; what depends on a legal basis is told only where the policy has it (GDPR Art. 7(3), 20, 21)."""
    bases = {policy.rule(category, extra).legal_basis for _, category, extra in processed(policy)}
    where = f" Turn to {policy.policy.contact}." if policy.policy.contact else ""
    told = [
        "You may ask for a copy of what is held about you, have it put right or erased, and have its use restricted"
        f" (GDPR Art. 15 to 18).{where}",
    ]
    if bases & {LegalBasis.LEGITIMATE_INTERESTS, LegalBasis.PUBLIC_TASK}:
        told.append("You may object to what is based on legitimate interests or a public task (Art. 21).")
    if bases & {LegalBasis.CONSENT, LegalBasis.CONTRACT}:
        told.append("You may take what you gave along to somebody else, in a form that machines read (Art. 20).")
    if LegalBasis.CONSENT in bases:
        told.append("You may withdraw your consent at any time; what was done until then stays lawful (Art. 7(3)).")
    country = f" of {policy.policy.jurisdiction}" if policy.policy.jurisdiction else ""
    told.append(f"You may complain to a data protection authority{country or ' of the country you live or work in'}.")
    return [*told, "Nothing is decided about you by a machine alone, and no profile of you is made."]


def processed(policy: Policy) -> Iterator[tuple[str, Category, str]]:
    """What is processed, also if it is never written: title, category, and the name of an own field; these last."""
    for category in Category:
        if policy.rule(category).collect and category is not Category.EXTRA:
            yield about(category).title, category, ""
    for name in policy.extra:
        if policy.rule(Category.EXTRA, name).collect:
            yield name, Category.EXTRA, name


def source(category: Category) -> str:
    """Where data of a category come from."""
    return _SOURCES.get(category, "you or the organisation")


def seen_by(rule: Rule) -> list[str]:
    return [*(f"{tier}s" for tier in Tier if tier in rule.visible_to), "you"]


def written(policy: Policy, category: Category, extra: str = "") -> str:
    """In what form, and why not if it is never written although the policy keeps it."""
    rule = policy.rule(category, extra)
    if policy.writes(category, extra):
        return form(rule)
    if rule.storage is Storage.NONE:
        return "never"
    return f"never: {why_unwritten(category, rule)}"


def how_long(policy: Policy, category: Category, extra: str = "") -> str:
    """How long it is kept, as part of a sentence."""
    return kept_in_fact(policy, category, extra) if policy.writes(category, extra) else "not at all"


def _rows(policy: Policy) -> Iterator[list[str]]:
    for title, category, extra in processed(policy):
        rule = policy.rule(category, extra)
        yield [
            title,
            words(_MEANING[purpose] for purpose in Purpose if purpose in rule.purposes),
            basis(rule.legal_basis),
            source(category),
            words(_shown_to(category, rule)),
            written(policy, category, extra),
            how_long(policy, category, extra),
        ]


def _location(policy: Policy) -> str:
    location = policy.location
    sos = policy.alerts.enabled and location.sos_exception
    if not policy.locates:
        off = "Your location is not processed."
        return f"{off} An emergency alert that you raise carries it all the same." if sos else off
    switch = "You may switch it off." if location.subscriber_may_switch_off else "You cannot switch it off."
    when = f"in {words(location.duty_hours)} ({location.time_zone})" if location.duty_hours else "while you are on"
    return f"Your location is shared {when}, at most every {location.interval_s} seconds. {switch}" + (
        " An emergency alert that you raise carries it also while it is off." if sos else ""
    )


def _shown_to(category: Category, rule: Rule) -> list[str]:
    return seen_by(rule) + (["those whom it is told to (see Alerts)"] if category is Category.ALERT else [])


def _alerts(policy: Policy) -> Iterator[Section]:
    """Whom an alert is told to: more people than those who may look at its record."""
    alerts = policy.alerts
    if not alerts.enabled:
        return
    at_once, stages = _told_to(policy, alerts.route), _told_to(policy, alerts.escalate_to)
    later = ", then ".join(stages) or "nobody else"
    yield Section(
        "Alerts",
        [
            f"An alert that you raise is told at once to {words(at_once)}; if no dispatcher answers within"
            f" {alerts.acknowledge_within_s} seconds, to {later}.",
            "They are told that you raised it, when, and what becomes of it. Where you are is told only to those of"
            " them who may see your location.",
            *_track(policy),
        ],
    )


def _track(policy: Policy) -> Iterator[str]:
    if located_besides.tracks_are_written(policy):
        yield (
            "Where you were while it was open is part of the alert: it is kept as your location is, and no longer than"
            " the alert. When location is switched off after that, by you or the organisation, or you are off duty, it"
            " stays until then, and is shown with the alert to those who may see your location."
        )


def _told_to(policy: Policy, targets: Iterable[AlertTarget]) -> list[str]:
    """In words. Dispatchers and managers whom the policy does not let see alerts are left out."""
    groups = f"the groups {words(policy.alerts.groups)}" if policy.alerts.groups else "the groups that you take part in"
    called = {AlertTarget.GROUP: f"everybody in {groups}", AlertTarget.EVERYBODY: "everybody in the organisation"}
    seen = policy.rule(Category.ALERT).visible_to
    staff = {AlertTarget.DISPATCHERS: Tier.DISPATCHER, AlertTarget.MANAGERS: Tier.MANAGER}
    called |= {target: f"{tier}s" for target, tier in staff.items() if tier in seen}
    return [called[target] for target in targets if target in called]


def _ambient_listening(policy: Policy) -> Iterator[Section]:
    """What people must know of it beforehand, all the more if their device will not show it."""
    alerts = policy.alerts
    if not (alerts.enabled and alerts.ambient_listening):
        return
    told = (
        "While an alert that you raised is open, a dispatcher may listen to the microphone of your device, for"
        f" {alerts.ambient_listening_at_most_s} seconds at a time. Who listened, when and why stands in the log of"
        " the alert."
    )
    if alerts.shows_ambient_listening:
        shown = "Your device shows who listens."
    else:
        shown = f"Your device does not show it. Reason: {alerts.ambient_listening_hidden_because}"
    yield Section("Listening in an emergency", [told, shown])


def _recipients(policy: Policy) -> Iterator[str]:
    regions = policy.policy.regions
    yield f"Data are held in {words(regions)} only." if regions else "The policy names no region that data stay in."
    seen = "your name" if names_are_shown(policy) else "a number, not your name,"
    yield (
        f"Members of your groups see {seen} while you take part. The operator of the server processes the data on"
        " behalf of the organisation and on its instruction only (GDPR Art. 28), and passes nothing on to others."
    )
