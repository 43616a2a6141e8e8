"""Who is shown what of others: by role and policy, and every text of every message is accounted for."""

from typing import get_args

import pytest
from pydantic.fields import FieldInfo

from privacy.policy_texts import policy_of
from pttserver.ids import SubscriberId
from pttserver.privacy.categories import Category
from pttserver.privacy.sight import AMONG_COLLEAGUES, SHOWN, as_seen, categories_of, may_see
from pttserver.roles import Role
from pttserver.wire import signalling
from pttserver.wire.signalling.parts import Part, Request

ANNA, BERT = SubscriberId("sub_00000000000000aa"), SubscriberId("sub_00000000000000bb")
NOBODY_S_OR_ONE_S_OWN = {
    "Affiliation.name": "of a group",
    "AlertStep.kind": "a word of the protocol",
    "AlertStep.note": "goes with its alert",
    "CallEnded.reason": "a word of the protocol",
    "Contact.alias": "the reader's own",
    "Enrolled.name": "the reader's own",
    "Enrolled.tenant_name": "of an organisation",
    "Error.code": "a word of the protocol",
    "Error.message": "repeats nothing personal",
    "Error.details": "numbers",
    "Fence.name": "of a fence",
    "FenceEvent.fence_name": "of a fence",
    "GroupInfo.name": "of a group",
    "GroupRemoved.reason": "a word of the protocol",
    "GroupState.name": "of a group",
    "LocationTaken.dropped": "words of the protocol",
    "Look.what": "a word of the protocol",
    "Look.who": "the person's right to know who looked",
    "MediaEndpoint.host": "of the server",
    "SessionEnded.reason": "a word of the protocol",
    "SessionStarted.name": "the reader's own",
    "SessionSuperseded.device_type": "the reader's own",
    "Superseded.device_type": "the reader's own",
    "Welcome.server": "of the server",
}
"""Texts of messages of the server that need no decision, each with the reason."""


def message_parts() -> set[type[Part]]:
    """All that the server sends, and what it is made of."""
    found: set[type[Part]] = set()
    waiting = [
        kind
        for kind in vars(signalling).values()
        if isinstance(kind, type) and issubclass(kind, signalling.Message) and not issubclass(kind, Request)
    ]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting += [part for field in kind.model_fields.values() for part in parts_in(field.annotation)]
    return found


def parts_in(annotation: object) -> list[type[Part]]:
    own = [annotation] if isinstance(annotation, type) and issubclass(annotation, Part) else []
    return own + [part for inner in get_args(annotation) for part in parts_in(inner)]


def is_free_text(field: FieldInfo) -> bool:
    """Not a number of ours, not one of a few words, not octets."""
    said = f"{field.annotation} {field.metadata}"
    return "str" in said and "Literal" not in said and "_[0-9a-f]{16}" not in said


def test_every_text_of_every_message_is_accounted_for() -> None:
    texts = {
        (kind, name) for kind in message_parts() for name, field in kind.model_fields.items() if is_free_text(field)
    }
    named = {f"{kind.__name__}.{name}" for kind, name in texts - SHOWN.keys()}
    assert named == NOBODY_S_OR_ONE_S_OWN.keys()
    assert len(texts) > len(named) > 20


def test_what_is_named_is_there() -> None:
    for (kind, name), shown in SHOWN.items():
        assert name in kind.model_fields
        assert shown.of is None or shown.of in kind.model_fields
        assert not kind.model_fields[name].is_required() or shown.otherwise == "", (kind, name)


@pytest.mark.parametrize("category", Category)
@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.MANAGER])
def test_a_role_sees_what_it_is_named_for(category: Category, role: Role) -> None:
    if category is Category.EXTRA:
        return
    other = Role.MANAGER if role is Role.DISPATCHER else Role.DISPATCHER
    basis = 'legal_basis = "consent"\n' if category is Category.LOCATION else ""
    policy = policy_of(f'[categories.{category}]\n{basis}visible_to = ["{role}"]\n')
    assert may_see(policy, role, category)
    assert not may_see(policy, other, category)
    assert may_see(policy, Role.SUBSCRIBER, category) is (category in AMONG_COLLEAGUES)
    assert not any(may_see(None, each, category) for each in Role)


def overview() -> signalling.Overview:
    person = signalling.OnlineSubscriber(
        subscriber=ANNA,
        name="Anna",
        role="subscriber",
        device="dev_00000000000000aa",
        device_type="radio",
        connected=True,
        via="udp",
        fraction_lost=0,
        jitter_ms=0,
    )
    talker = signalling.Party(subscriber=ANNA, name="Anna")
    group = signalling.GroupState(
        group="grp_00000000000000aa",
        name="Patrol",
        temporary=False,
        affiliated=1,
        talker=talker,
        waiting=0,
        imminent_peril=False,
    )
    return signalling.Overview(re=1, people=[person], groups=[group], online=1, last=True)


def test_a_message_is_cut_at_every_depth_and_else_the_same() -> None:
    names = policy_of("[categories.subscriber_name]\nvisible_to = []\n")
    seen = as_seen(overview(), names, Role.MANAGER, BERT)
    assert (seen.people[0].name, seen.people[0].device_type) == ("", "radio")
    assert seen.groups[0].talker == signalling.Party(subscriber=ANNA, name="")
    talkers = policy_of("[categories.participants]\nvisible_to = []\n")
    assert as_seen(overview(), talkers, Role.MANAGER, BERT).groups[0].talker is None
    whole = overview()
    assert as_seen(whole, policy_of(), Role.MANAGER, BERT) is whole


def test_ones_own_is_shown() -> None:
    hidden = policy_of("[categories.subscriber_name]\nvisible_to = []\n[categories.device_type]\nvisible_to = []\n")
    seen = as_seen(overview(), hidden, Role.DISPATCHER, ANNA)
    assert (seen.people[0].name, seen.people[0].device_type) == ("Anna", "radio")


def test_the_default_shows_a_dispatcher_no_device_type() -> None:
    assert as_seen(overview(), policy_of(), Role.DISPATCHER, BERT).people[0].device_type == ""


def test_what_tells_nothing_of_others_is_never_looked_through() -> None:
    assert not categories_of(signalling.Pong)
    assert not categories_of(signalling.SessionEnded)
    assert categories_of(signalling.SessionStarted) == {Category.MEMBERSHIP, Category.SUBSCRIBER_NAME}
