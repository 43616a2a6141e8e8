"""What cannot work under a policy. The organisation acknowledges each before the policy is applied."""

from collections.abc import Iterator
from dataclasses import dataclass

from pttserver.privacy.categories import Category
from pttserver.privacy.policy import Policy, Storage
from pttserver.privacy.purposes import WRITTEN_FOR
from pttserver.privacy.rules import Unwritten
from pttserver.privacy.sections import LimitationCode


@dataclass(frozen=True, slots=True)
class Limitation:
    code: LimitationCode
    text: str


_RECORDS = {
    Category.CALL_RECORD: LimitationCode.NO_CALL_HISTORY,
    Category.PARTICIPANTS: LimitationCode.NO_PARTICIPANTS,
    Category.MESSAGE_CONTENT: LimitationCode.NO_MESSAGE_HISTORY,
    Category.MESSAGE_METADATA: LimitationCode.NO_DELIVERY_REPORTS,
    Category.ATTACHMENT: LimitationCode.NO_ATTACHMENTS,
    Category.ALERT: LimitationCode.NO_ALERT_DEBRIEFING,
    Category.AUDIT_LOG: LimitationCode.NO_AUDIT,
    Category.BILLING: LimitationCode.NO_BILLING_RECORDS,
}

_LOOKED_UP = frozenset({Category.PARTICIPANTS, Category.ALERT})
"""By whom they are about: under a pseudonym nothing is found."""

_TEXTS = {
    LimitationCode.NO_RECORDS: "Nothing that happens is recorded: there is no history of calls and messages, no"
    " delivery report, no debriefing of alerts, no activity or audit log, no support session,"
    " no register of requests, no billing by use; nobody can tell what was.",
    LimitationCode.NO_CALL_HISTORY: "Calls are not recorded: nobody can look up later that they took place.",
    LimitationCode.NO_PARTICIPANTS: "Who takes part in calls is not recorded, or under pseudonyms only:"
    " nobody can look up who spoke or heard.",
    LimitationCode.NO_NAMES: "Display names are not kept in clear: members of a group and dispatchers see no names.",
    LimitationCode.NO_IDENTIFIERS: "Identifiers are not kept in clear: they can be compared at most, and not shown.",
    LimitationCode.NO_CONTACT_LISTS: "Contact data are not kept in clear: nobody has a list of contacts.",
    LimitationCode.NO_MESSAGE_HISTORY: "Messages are not kept: they reach only who is connected, and only once.",
    LimitationCode.NO_DELIVERY_REPORTS: "Records of messages are not kept: there are no delivery reports.",
    LimitationCode.NO_ATTACHMENTS: "Attachments are not kept until they are fetched: none can be sent.",
    LimitationCode.NO_ALERT_DEBRIEFING: "Alerts are not recorded, or under pseudonyms only: they are handled live, what"
    " was said about one is lost if the server stops meanwhile, and none can be debriefed.",
    LimitationCode.NO_AUDIT: "Access to personal data is not recorded: nobody can show who saw what (GDPR Art. 5(2)),"
    " and there are no support sessions and no register of requests.",
    LimitationCode.NO_BILLING_RECORDS: "Use is not recorded: it can be neither charged nor proved.",
}


def limitations(policy: Policy) -> list[Limitation]:
    """In the order of importance; none for the default preset."""
    return [Limitation(code, _TEXTS[code]) for code in _codes(policy)]


def unacknowledged(policy: Policy) -> list[Limitation]:
    """Those that the policy file itself does not acknowledge."""
    return [limitation for limitation in limitations(policy) if limitation.code not in policy.policy.acknowledged]


def _codes(policy: Policy) -> Iterator[LimitationCode]:
    if not policy.logging.records:
        yield LimitationCode.NO_RECORDS
    for category, code in _RECORDS.items():
        if policy.logging.records and _wanted(policy, category) and not _recorded(policy, category):
            yield code
    if not names_are_shown(policy):
        yield LimitationCode.NO_NAMES
    if not _in_clear(policy, Category.IDENTIFIER):
        yield LimitationCode.NO_IDENTIFIERS
    if not _in_clear(policy, Category.CONTACT_DATA):
        yield LimitationCode.NO_CONTACT_LISTS


def _recorded(policy: Policy, category: Category) -> bool:
    """So that it serves its use. What no version writes yet is no loss that a policy causes."""
    if category in _LOOKED_UP:  # if nothing is written of what it belongs to, the limitation of that says it
        rule = policy.rule(category)
        return rule.unwritten in (None, Unwritten.WITHOUT_WHOLE) and rule.storage is Storage.PLAIN
    if category is Category.MESSAGE_CONTENT:
        return policy.holds_messages
    if category is Category.ATTACHMENT:
        return policy.takes_attachments
    return policy.writes(category) if WRITTEN_FOR.get(category) else policy.keeps(category)


def _wanted(policy: Policy, category: Category) -> bool:
    """What the organisation switched off it does not miss."""
    messages = policy.messages
    switches = {
        Category.ALERT: policy.alerts.enabled,
        Category.MESSAGE_CONTENT: messages.enabled,
        Category.MESSAGE_METADATA: messages.enabled,
        Category.ATTACHMENT: messages.enabled and messages.attachment_limit_kib > 0,
    }
    return switches.get(category, True)


def names_are_shown(policy: Policy) -> bool:
    """Whether members of a group see each other's names."""
    return _in_clear(policy, Category.SUBSCRIBER_NAME)


def _in_clear(policy: Policy, category: Category) -> bool:
    return policy.writes(category) and policy.rule(category).storage in (Storage.PLAIN, Storage.TRUNCATED)
