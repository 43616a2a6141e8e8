"""Notes in the database: what was said with a step of the timeline, about the person who raised the alert."""

from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.ids import AlertId, SubscriberId, TenantId
from pttserver.privacy.released import Released
from pttserver.store.alert_schema import alert_notes, alerts
from pttserver.store.vault import SubjectVault


@dataclass(frozen=True, slots=True)
class NewNote:
    """What was said with the step of this number. `text`: for the raiser, whom it is about."""

    alert_id: AlertId
    tenant_id: TenantId
    raiser_id: SubscriberId
    subject: Released
    number: int
    text: Released
    at_ms: Released


def put_note(sql: Connection, raiser: SubjectVault, new: NewNote) -> None:
    """In the transaction of what was put before it; nothing if the alert is not the raiser's."""
    mine = (alerts.c.id == new.alert_id) & alerts.c.subject.in_(raiser.references())
    if sql.scalar(select(alerts.c.id).where(mine)) is None:
        return
    row = {
        "alert_id": new.alert_id,
        "number": new.number,
        "tenant_id": new.tenant_id,
        "subject": raiser.refer(new.subject),
        "text": raiser.seal(new.text),
        "at_ms": new.at_ms,
    }
    sql.execute(insert(alert_notes).on_conflict_do_nothing(), row)
