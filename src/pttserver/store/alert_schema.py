"""The tables of emergency alerts: a row for an alert, one for each step of its timeline and each point of its track.

All belong to the person who raised it, so holds, events and erasure of that person cover the whole of it. Another
person who did a step is named by a reference too, which dies with that person's key; a hold on that person keeps the
alert with its steps and notes. What was said with a step (a note,
a reason, how it ended) is about the person who raised the alert, whoever said it.
"""

from sqlalchemy import Boolean, Index, Integer, Table, Text, UniqueConstraint

from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.store import reasons
from pttserver.store.columns import Happening, Shared, dated, identity, impersonal, in_clear, part_of, reference, sealed
from pttserver.store.schema import metadata


def _by_a_step(key: str) -> Shared:
    """An alert is about everybody who did a step of it; where it was raised is about who raised it."""
    return Shared("alert_steps", "actor", by="alert_id", key=key, covers=frozenset({Category.ALERT}))


alerts = Table(
    "alerts",
    metadata,
    identity(),
    part_of("tenants"),
    reference("subject", Category.ALERT),
    in_clear("drill", Boolean(), Category.ALERT, reasons.ALERT),
    sealed("position", Category.LOCATION, purpose=Purpose.SAFETY),
    dated("raised_ms", Category.ALERT),
    dated("closed_ms", Category.ALERT, nullable=True),
    Index(None, "tenant_id", "raised_ms"),
    Index(None, "subject"),
    info={"happening": Happening(Category.ALERT, since="raised_ms", shared=_by_a_step("id"))},
)

alert_steps = Table(
    "alert_steps",
    metadata,
    part_of("alerts", primary_key=True),
    impersonal("number", Integer, primary_key=True),
    part_of("tenants"),
    reference("subject", Category.ALERT),
    reference("actor", Category.ALERT),
    in_clear("kind", Text(), Category.ALERT, reasons.ALERT),
    dated("at_ms", Category.ALERT),
    Index(None, "tenant_id", "at_ms"),
    Index(None, "subject"),
    Index(None, "actor"),
    info={"happening": Happening(Category.ALERT, since="at_ms", shared=_by_a_step("alert_id"))},
)

# What was said with a step. A table of its own: its rows name nobody but whom they are about, so one key opens all.
alert_notes = Table(
    "alert_notes",
    metadata,
    part_of("alerts", primary_key=True),
    impersonal("number", Integer, primary_key=True),
    part_of("tenants"),
    reference("subject", Category.ALERT),
    sealed("text", Category.ALERT),
    dated("at_ms", Category.ALERT),
    Index(None, "tenant_id", "at_ms"),
    Index(None, "subject"),
    info={"happening": Happening(Category.ALERT, since="at_ms", shared=_by_a_step("alert_id"))},
)

# Where the raiser was while the alert was open: it lives by the rule for positions, and no longer than its alert, since
# nobody could find it without that, or have a reason to keep it.
alert_points = Table(
    "alert_points",
    metadata,
    impersonal("id", Integer, primary_key=True),
    part_of("alerts"),
    part_of("tenants"),
    reference("subject", Category.LOCATION),
    sealed("place", Category.LOCATION),
    dated("at_ms", Category.LOCATION),
    Index(None, "tenant_id", "at_ms"),
    Index(None, "subject"),
    UniqueConstraint("alert_id", "at_ms"),
    info={"happening": Happening(Category.LOCATION, since="at_ms", purpose=Purpose.SAFETY)},
)
