"""The tables of location: where people were, and the fences of the organisation, which are about nobody."""

from sqlalchemy import Index, Integer, Table, Text, UniqueConstraint

from pttserver.privacy.categories import Category
from pttserver.store.columns import Happening, dated, identity, impersonal, moment, part_of, reference, sealed
from pttserver.store.schema import metadata

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
    info={"happening": Happening(Category.LOCATION, since="at_ms")},
)

fences = Table(
    "fences",
    metadata,
    identity(),
    part_of("tenants"),
    impersonal("name", Text),
    impersonal("shape", Text),
    impersonal("dwell_s", Integer),
    moment("changed"),
    UniqueConstraint("tenant_id", "name"),
)
