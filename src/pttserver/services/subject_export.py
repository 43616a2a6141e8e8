"""The export of all that is held about a person: read by the schema, cut by the policy as it is now, nobody else in it.

1. what has expired or is hidden is left out, as if it were gone already; not while processing is restricted
2. secrets are named and not given out; other people are `other participant n`, numbered anew in each call, and
   `other person n` where something names them
3. what was kept under a pseudonym stays apart: nothing on this server leads from the person to it
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pttserver.clock import Clock
from pttserver.ids import Personal, TenantId
from pttserver.privacy.categories import Category, about
from pttserver.privacy.explain import basis
from pttserver.privacy.notice import how_long, processed, rights, seen_by, source, written
from pttserver.privacy.policy import Policy, Storage
from pttserver.services.instructions import Instruction
from pttserver.services.policy_book import PolicyBook
from pttserver.services.rights import Rights
from pttserver.services.subject_document import (
    ExportedCall,
    ExportedController,
    ExportedLook,
    ExportedMembership,
    ExportedProcessing,
    ExportedProfile,
    ExportedRequest,
    ExportedRow,
    ExportedValue,
    SubjectExport,
)
from pttserver.services.subject_requests import SubjectRequest, SubjectRequests
from pttserver.services.visible import Visibility
from pttserver.services.withheld import Withheld
from pttserver.store.database import Database
from pttserver.store.holdings import Held, HeldValue, Holdings, Participation
from pttserver.store.looks import Looks, NotedLook
from pttserver.store.records import Tenant

_LEFT_OUT = (
    "What has expired, or what the organisation asked to be erased: it is not served any more.",
    "Other people: they appear as a number.",
    "Secrets, what is encrypted end to end, what is other people's: it is named with the reason, without its value.",
    "Voice: it is relayed and never recorded.",
)
_PSEUDONYMS = "Records under a pseudonym ({}): nothing on this server leads from a person to them (GDPR Art. 11)."


class SubjectExports:
    """Makes exports. Raises what `Rights` raises, and SealBroken."""

    def __init__(
        self, database: Database, policies: PolicyBook, rights_: Rights, requests: SubjectRequests, clock: Clock
    ) -> None:
        self._requests = requests
        self._holdings = Holdings(database)
        self._policies = policies
        self._looks = Looks(database)
        self._rights = rights_
        self._clock = clock

    async def kinds(self, tenant_id: TenantId, subject: str) -> set[tuple[Category, str]]:
        """The categories of what a copy would hold, and the names of the organisation's own fields."""
        held = await self._holdings.kinds(await self._rights.subject(tenant_id, subject))
        return held | {(Category.AUDIT_LOG, "")}

    async def export(
        self, tenant: Tenant, subject: str, by: Instruction, *, name_who_looked: bool = False
    ) -> SubjectExport:
        """Recorded before it is read. Who looked at the data is named if the controller wants that, else numbered."""
        tenant_id: TenantId = tenant.tenant_id
        who = await self._rights.subject(tenant_id, subject)
        note = self._rights.note("subject.export", tenant_id, who.subject_id, by)
        held = await self._holdings.of(who, note)
        policy, now_ms = self._policies.policy(tenant_id), self._clock.utc_ms()
        looks = await self._looks.at_data_of(tenant_id, who.subject_id, self._policies.log_over(tenant_id, now_ms))
        if not name_who_looked:
            looks = _numbered(looks)
        asked = await self._requests.of_subject(tenant_id, who.subject_id)
        return document_of(tenant, policy, held, now_ms, looks, asked)


def document_of(
    tenant: Tenant,
    policy: Policy,
    held: Held,
    now_ms: int,
    looks: Sequence[NotedLook] = (),
    asked: Sequence[SubjectRequest] = (),
) -> SubjectExport:
    visibility = Visibility(policy, held.events, now_ms, restricted=held.subject.restricted_ms is not None)
    return SubjectExport(
        made_ms=now_ms,
        subject=held.subject.subject_id,
        kind="subscriber" if held.subject.kind == "subscriber" else "other",
        restricted=held.subject.restriction,
        restricted_since_ms=held.subject.restricted_ms,
        controller=_controller(tenant, policy),
        profile=_profile(held, visibility),
        calls=[_call(call, visibility) for call in held.calls if _is_shown(call, visibility)],
        rows=list(_rows(held, visibility)),
        looks=[_look(look) for look in looks],
        requests=[_request(one) for one in asked],
        processing=[_processing(policy, *each) for each in processed(policy)],
        rights=rights(policy),
        left_out=[*_LEFT_OUT, *_pseudonymised(policy)],
    )


def _controller(tenant: Tenant, policy: Policy) -> ExportedController:
    head = policy.policy
    return ExportedController(
        tenant=tenant.name,
        controller=head.controller,
        contact=head.contact,
        data_protection_officer=head.data_protection_officer,
        policy=f"{head.title}, version {head.version}",
        policy_digest=policy.digest,
        regions=list(head.regions),
    )


def _profile(held: Held, visibility: Visibility) -> ExportedProfile:
    shown = {row.table: visibility.row(row) for row in held.rows if row.table == "subscribers"}
    own = {value.column: _text(value) for value in shown.get("subscribers") or ()}
    contact: dict[str, str] = {}
    extra: dict[str, str] = {}
    memberships = []
    for row in held.rows:
        values = {value.column: value.value for value in visibility.row(row) or ()}
        name = values.get("name")
        if row.table == "subscriber_fields" and isinstance(name, str):
            (contact if "contact" in values else extra)[name] = str(values.get("contact", values.get("extra")))
        elif row.table == "members" and values:
            group = held.groups[str(values["group_id"])]
            rank, listen_only = values["priority"], values["listen_only"]
            memberships.append(ExportedMembership(group=group, priority=int(rank or 0), listen_only=bool(listen_only)))
    return ExportedProfile(
        identifier=own.get("identifier"),
        display_name=own.get("display_name"),
        contact=contact,
        extra=extra,
        memberships=sorted(memberships, key=lambda one: one.group),
    )


def _text(value: HeldValue) -> str | None:
    return value.value if isinstance(value.value, str) else None


def _rows(held: Held, visibility: Visibility) -> Iterator[ExportedRow]:
    withheld = Withheld()
    for row in held.rows:
        values = visibility.row(row)
        if values is not None:
            told = [_value(row.table, value, held, visibility, withheld) for value in values]
            yield ExportedRow(table=row.table, recorded_ms=row.recorded_ms, values=told)


def _value(table: str, value: HeldValue, held: Held, visibility: Visibility, withheld: Withheld) -> ExportedValue:
    shown = held.groups.get(str(value.value), value.value) if value.column == "group_id" else value.value
    assert not isinstance(shown, bytes)
    category = visibility.category(value)
    goes_ms = visibility.goes_ms(category, value.recorded_ms, value.extra) if category else None
    return ExportedValue(
        column=value.column,
        category=category.value if category else None,
        value=shown,
        withheld=withheld.reason(table, value) if shown is None else None,
        goes_ms=goes_ms,
    )


def _is_shown(call: Participation, visibility: Visibility) -> bool:
    return visibility.shows(Category.PARTICIPANTS, call.recorded_ms)


def _call(call: Participation, visibility: Visibility) -> ExportedCall:
    recorded = call.started_ms is not None and visibility.shows(Category.CALL_RECORD, call.started_ms)
    others = [f"other participant {n}" for n in range(1, call.others + 1)]
    return ExportedCall(
        group=call.group_name if recorded else None,
        started_ms=call.recorded_ms,
        ended_ms=call.ended_ms if recorded else None,
        started_by=("you" if call.initiated else "somebody else") if recorded else None,
        bursts=call.bursts if recorded else 0,
        others=others,
        goes_ms=visibility.goes_ms(Category.PARTICIPANTS, call.recorded_ms),
    )


def _numbered(looks: Sequence[NotedLook]) -> list[NotedLook]:
    """The same number for the same person. When and why somebody looked is the person's to know; who it was only as far
    as it takes to exercise the rights (Court of Justice, C-579/21), which the controller weighs."""
    known = dict.fromkeys(look.actor for look in reversed(looks) if look.who)
    numbers = {actor: Personal(f"member of staff {number}") for number, actor in enumerate(known, start=1)}
    return [replace(look, who=numbers[look.actor] if look.who else None) for look in looks]


def _look(look: NotedLook) -> ExportedLook:
    return ExportedLook(
        at_ms=look.at_ms, what=look.what, who=look.who.reveal() if look.who else "", at_everybody=look.at_everybody
    )


def _request(one: SubjectRequest) -> ExportedRequest:
    return ExportedRequest(
        kind=one.kind,
        received_ms=one.received_ms,
        due_ms=one.due_ms,
        outcome=one.outcome,
        reason=one.reason,
        closed_ms=one.closed_ms,
    )


def _processing(policy: Policy, title: str, category: Category, extra: str) -> ExportedProcessing:
    rule = policy.rule(category, extra)
    return ExportedProcessing(
        category=f"extra.{extra}" if extra else category.value,
        title=title,
        description=about(category).description,
        purposes=sorted(purpose.value for purpose in rule.purposes),
        legal_basis=basis(rule.legal_basis),
        seen_by=seen_by(rule),
        written=written(policy, category, extra),
        kept=how_long(policy, category, extra),
        source=source(category),
    )


def _pseudonymised(policy: Policy) -> Iterator[str]:
    titles = [about(c).title for c in Category if policy.rule(c).storage is Storage.PSEUDONYMISED]
    if titles:
        yield _PSEUDONYMS.format(", ".join(titles))
