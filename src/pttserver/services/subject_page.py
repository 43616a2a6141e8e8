"""The export of a person's data as a page for that person to read."""

from datetime import UTC, datetime

from pttserver.privacy.explain import words
from pttserver.privacy.pages import Page, Section
from pttserver.services import subject_words
from pttserver.services.subject_document import ExportedProfile, ExportedRow, ExportedValue, SubjectExport


def subject_page(export: SubjectExport) -> Page:
    """All that the export says, in the order in which people ask."""
    return Page(
        title="What is held about you",
        lead=f"Copy of your data at {export.controller.tenant}, made on {moment(export.made_ms)} (GDPR Art. 15).",
        sections=[
            Section("About this copy", _restricted(export), _head(export)),
            Section("You", facts=_profile(export.profile)),
            _calls(export),
            Section(
                "What happens to your data, and why",
                headings=["Data", "Used for", "On which basis", "From where", "Seen by", "Written", "Kept"],
                rows=[
                    [p.title, words(p.purposes).replace("_", " "), p.legal_basis, p.source, words(p.seen_by), p.written,
                     p.kept]
                    for p in export.processing
                ],
            ),
            _looks(export),
            _requests(export),
            Section("Your rights", export.rights),
            Section("What is not in this copy", export.left_out),
            Section(
                "Every record",
                ["The records as the database has them; a date tells when each will be erased, if that is known."],
                headings=["Record", "Since", "Content"],
                rows=[[subject_words.record(row.table), moment(row.recorded_ms), _content(row)] for row in export.rows],
            ),
        ],
    )  # fmt: skip


def moment(utc_ms: int | None) -> str:
    """`1 May 2026, 12:00:00 UTC`."""
    if utc_ms is None:
        return "-"
    at = datetime.fromtimestamp(utc_ms / 1000, UTC)
    return f"{at.day} {at:%B %Y, %H:%M:%S} UTC"


def _restricted(export: SubjectExport) -> list[str]:
    if export.restricted is None:
        return []
    since = f" since {moment(export.restricted_since_ms)}" if export.restricted_since_ms is not None else ""
    ground = subject_words.words(export.restricted)
    return [f"Use of your data is restricted{since} ({ground}): they are held, and not used."]


def _head(export: SubjectExport) -> dict[str, str]:
    controller = export.controller
    facts = {
        "Controller": controller.controller,
        "Contact": controller.contact,
        "Data protection officer": controller.data_protection_officer,
        "Policy": f"{controller.policy} ({controller.policy_digest[:16]})",
        "Held in": words(controller.regions) if controller.regions else "the policy names no region",
        "Your number": export.subject,
    }
    return {name: value or "not named by the organisation" for name, value in facts.items()}


def _profile(profile: ExportedProfile) -> dict[str, str]:
    groups = [f"{m.group} (priority {m.priority}{', listen only' * m.listen_only})" for m in profile.memberships]
    facts = {"Identifier": profile.identifier or "not held", "Name": profile.display_name or "not held"}
    facts |= {subject_words.words(name).capitalize(): text for name, text in (profile.contact | profile.extra).items()}
    return facts | {"Groups": words(groups) if groups else "none"}


def _calls(export: SubjectExport) -> Section:
    rows = [
        [
            moment(call.started_ms),
            moment(call.ended_ms),
            call.group or "-",
            call.started_by or "-",
            str(call.bursts),
            words(call.others) if call.others else "-",
            moment(call.goes_ms),
        ]
        for call in export.calls
    ]
    headings = ["Began", "Ended", "Group", "Started by", "You spoke", "With", "Erased on"]
    return Section("Your calls", [] if rows else ["No calls are held."], headings=headings, rows=rows)


def _looks(export: SubjectExport) -> Section:
    rows = [
        [
            moment(look.at_ms),
            look.who or "not known any more",
            look.what.replace(".", ": ", 1).replace(".", " ").replace("_", " "),
            "everybody of the organisation" if look.at_everybody else "you",
        ]
        for look in export.looks
    ]
    nobody = [] if rows else ["Nobody, as far as the audit log is kept."]
    return Section("Who looked at your data", nobody, headings=["When", "Who", "What was done", "At whom"], rows=rows)


def _requests(export: SubjectExport) -> Section:
    rows = [
        [
            subject_words.words(one.kind),
            moment(one.received_ms),
            moment(one.due_ms),
            subject_words.words(one.outcome) if one.outcome else "open",
            one.reason or "-",
        ]
        for one in export.requests
    ]
    headings = ["Asked", "Received", "To be answered by", "Outcome", "Why"]
    return Section("What you asked", [] if rows else ["Nothing is noted."], headings=headings, rows=rows)


def _content(row: ExportedRow) -> str:
    return "; ".join(_value(row.table, value) for value in row.values) or "that it is there"


def _value(table: str, value: ExportedValue) -> str:
    text = f"{subject_words.datum(table, value.column)}: {_shown(table, value)}"
    return f"{text} (erased on {moment(value.goes_ms)})" if value.goes_ms is not None else text


def _shown(table: str, value: ExportedValue) -> str:
    if value.withheld is not None:
        return value.withheld
    if isinstance(value.value, bool):
        return "yes" if value.value else "no"
    if value.column.endswith("_ms") and value.column != "duration_ms" and isinstance(value.value, int):
        return moment(value.value)
    text = str(value.value)
    if subject_words.is_state(table, value.column):
        return subject_words.words(text)
    return f"{text} ms" if value.column == "duration_ms" else text
