"""What was done to devices from afar. Who has no row is neither disabled nor wiped."""

from sqlalchemy import Table

from pttserver.privacy.categories import Category
from pttserver.store import reasons
from pttserver.store.columns import lifecycle_moment, part_of
from pttserver.store.schema import metadata

device_controls = Table(
    "device_controls",
    metadata,
    part_of("devices", primary_key=True),
    lifecycle_moment("stunned", Category.CREDENTIAL, reasons.DEVICE, nullable=True),
    lifecycle_moment("wiped", Category.CREDENTIAL, reasons.DEVICE, nullable=True),
)
