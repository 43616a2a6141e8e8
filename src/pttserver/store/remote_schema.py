"""What was done to devices from afar. Who has no row is neither disabled nor wiped."""

from sqlalchemy import Table

from pttserver.store.columns import moment, part_of
from pttserver.store.schema import metadata

device_controls = Table(
    "device_controls",
    metadata,
    part_of("devices", primary_key=True),
    moment("stunned", nullable=True),
    moment("wiped", nullable=True),
)
