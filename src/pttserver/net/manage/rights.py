"""REST of managers: what people may ask of an organisation that holds data about them (GDPR Art. 15 to 18, 20)."""

from typing import Annotated, Any, Final

from fastapi import Path, Response

from pttserver.errors import InvalidValue
from pttserver.net.manage.door import AsManager, file_answer, manage_router, plain
from pttserver.privacy.pages import as_html
from pttserver.privacy.restriction import Restriction
from pttserver.services.erasure import Outcome
from pttserver.services.managed_rights import copy_of_subject, found_subjects
from pttserver.services.subject_page import subject_page
from pttserver.wire import manage_rights as wire
from pttserver.wire.manage_people import Because

Subject = Annotated[str, Path(pattern="^[a-z]{3}_[0-9a-f]{16}$")]
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}, "text/html": {}}, "description": "A file."}
}
router = manage_router()


@router.post("/subjects/find", summary="Find people of whom something is held", response_model_exclude_none=True)
async def find_subjects(body: wire.FindSubject, manager: AsManager) -> wire.SubjectList:
    """Also without an account."""
    hits = await found_subjects(manager, body.text, manager.instruction(body.reason))
    return wire.SubjectList(
        subjects=[
            wire.SubjectInfo(
                subject=hit.subject_id,
                kind=hit.kind,
                matched=list(hit.matched),
                identifier=plain(hit.identifier),
                name=plain(hit.display_name),
                restriction=hit.restriction,
            )
            for hit in hits
        ]
    )


@router.post("/subjects/{subject}/export", summary="All that is held about a person", responses=_FILE)
async def export_subject(subject: Subject, body: wire.ExportSubject, manager: AsManager) -> Response:
    """For machines, or as a page to read. If it holds what managers may not see: for a request of the person only."""
    instruction = manager.instruction(body.reason)
    document = await copy_of_subject(manager, subject, instruction, name_who_looked=body.name_who_looked)
    if body.form == "html":
        return file_answer(as_html(subject_page(document)), "text/html", f"{document.subject}.html")
    text = document.model_dump_json(indent=2, exclude_none=True) + "\n"
    return file_answer(text, "application/json", f"{document.subject}.json")


@router.post("/subjects/{subject}/rectify", status_code=204, summary="Put right what is held")
async def rectify_subject(subject: Subject, body: wire.Rectify, manager: AsManager) -> None:
    """All of it or nothing."""
    instruction = manager.instruction(body.reason)
    await manager.office().rights.rectify(manager.tenant_id, subject, body.values, instruction)


@router.post("/subjects/{subject}/restrict", status_code=204, summary="Restrict processing")
async def restrict_subject(subject: Subject, body: wire.Restrict, manager: AsManager) -> None:
    """Nothing new is recorded, what is held is neither shown, changed nor deleted; calls go on."""
    instruction = manager.instruction(body.reason)
    await manager.office().rights.restrict(manager.tenant_id, subject, Restriction(body.ground), instruction)


@router.post("/subjects/{subject}/lift", status_code=204, summary="End a restriction")
async def lift_restriction(subject: Subject, body: Because, manager: AsManager) -> None:
    """The person was told before (Art. 18(3))."""
    await manager.office().rights.lift(manager.tenant_id, subject, manager.instruction(body.reason))


@router.post("/subjects/{subject}/erase", summary="Erase a person for ever", response_model_exclude_none=True)
async def erase_subject(subject: Subject, body: wire.EraseSubject, manager: AsManager) -> wire.Erased:
    """In every copy; its sessions end within a second or two. Whom is restricted only if that is said."""
    manager.refuse_oneself(subject)
    if body.confirm != subject:
        raise InvalidValue("type the number of the person to confirm")
    instruction = manager.instruction(body.reason)
    despite = body.despite_restriction
    erasure = manager.office().erasure
    return _erased(await erasure.erase(manager.tenant_id, subject, instruction, despite_restriction=despite))


@router.post("/subjects/{subject}/prove", summary="Prove an erasure", response_model_exclude_none=True)
async def prove_erasure(subject: Subject, manager: AsManager) -> wire.Erased:
    """Of somebody who was erased, and it was not proven yet."""
    return _erased(await manager.office().erasure.prove(manager.tenant_id, subject))


def _erased(outcome: Outcome) -> wire.Erased:
    return wire.Erased(subject=outcome.subject_id, certificate=outcome.certificate)
