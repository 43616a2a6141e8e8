"""What people may ask for, as managers carry it out: what the policy does not show to managers stays hidden here too.

A copy of all that is held is the person's own. It is made for an open request of the person, who was identified;
without one only if managers may see all that is in it.
"""

from typing import Final

from pttserver.errors import PolicyForbids
from pttserver.privacy.categories import Category, about
from pttserver.privacy.subject_requests import RequestKind
from pttserver.services.instructions import Instruction
from pttserver.services.management import Manager
from pttserver.services.office import Office
from pttserver.services.rights import Hit
from pttserver.services.subject_document import SubjectExport
from pttserver.services.subject_requests import SubjectRequest

_COPIES: Final = frozenset({RequestKind.ACCESS, RequestKind.PORTABILITY})


async def found_subjects(manager: Manager, text: str, by: Instruction) -> list[Hit]:
    """What managers may not see is not shown, and found to the letter only. Raises InvalidValue."""
    return await manager.office().views.find(manager.tenant_id, text, by)


async def copy_of_subject(
    manager: Manager, subject: str, by: Instruction, *, name_who_looked: bool = False
) -> SubjectExport:
    """Raises NotFound; PolicyForbids: something of it may not be seen, and the person did not ask for the copy."""
    office = manager.office()
    await _require_shown(manager, office, subject)
    if name_who_looked:
        await office.sight.require(manager.tenant_id, Category.SUBSCRIBER_NAME)
    owner = await office.provisioning.tenant(manager.tenant_id)
    return await office.exports.export(owner, subject, by, name_who_looked=name_who_looked)


async def _require_shown(manager: Manager, office: Office, subject: str) -> None:
    held = await office.exports.kinds(manager.tenant_id, subject)
    if any(map(_asks_for_a_copy, await office.requests.of_subject(manager.tenant_id, subject))):
        return
    sees = await office.sight.of(manager.tenant_id)
    unseen = {about(category).title.lower() for category, extra in held if not sees(category, extra)}
    if unseen:
        raise PolicyForbids(
            f"the copy holds what the policy does not show to managers: {', '.join(sorted(unseen))}; it is made for a "
            "request of the person, noted with how the person was identified: pttserver subject request open --help"
        )


def _asks_for_a_copy(request: SubjectRequest) -> bool:
    return request.outcome is None and bool(request.identified) and request.kind in _COPIES
