"""The tables of location: where people were, and the fences of the organisation, which are about nobody."""

from typing import Final

from sqlalchemy import Index, Integer, Table, UniqueConstraint

from pttserver.privacy.categories import Category
from pttserver.privacy.purposes import Purpose
from pttserver.store.columns import (
    Happening,
    confidential,
    confidential_index,
    dated,
    identity,
    impersonal,
    moment,
    part_of,
    reference,
    sealed,
)
from pttserver.store.schema import metadata

FENCE_NAME: Final = "fence.name"
FENCE_SHAPE: Final = "fence.shape"

# `place`: degrees as text; `motion`: all else that a device tells, as JSON. A policy that truncates keeps no motion.
positions = Table(
    "positions",
    metadata,
    impersonal("id", Integer, primary_key=True),
    part_of("tenants"),
    reference("subject", Category.LOCATION),
    sealed("place", Category.LOCATION),
    sealed("motion", Category.LOCATION),
    dated("at_ms", Category.LOCATION),
    Index(None, "tenant_id", "at_ms"),
    Index(None, "subject", "at_ms"),
    info={"happening": Happening(Category.LOCATION, since="at_ms", purpose=Purpose.OPERATIONS)},
)

# One may be drawn around a home, and be called after who lives there.
fences = Table(
    "fences",
    metadata,
    identity(),
    part_of("tenants"),
    confidential("name", FENCE_NAME),
    confidential_index("name_index"),
    confidential("shape", FENCE_SHAPE),
    impersonal("dwell_s", Integer),
    moment("changed"),
    UniqueConstraint("tenant_id", "name_index"),
)
