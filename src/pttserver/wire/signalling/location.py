"""Location: where a device is.

Angles are degrees on WGS 84 (EPSG:4326), north and east positive, as in GeoJSON (RFC 7946), but by name: so latitude
and longitude cannot be exchanged.
"""

from typing import Annotated, TypeAlias

from pydantic import Field

from pttserver.wire.signalling.parts import Part

Latitude: TypeAlias = Annotated[float, Field(ge=-90, le=90)]
Longitude: TypeAlias = Annotated[float, Field(ge=-180, le=180)]
UtcMs: TypeAlias = Annotated[int, Field(ge=0, le=2**53)]


class Position(Part):
    """Where a device was at a moment. It prints nothing of it."""

    latitude: Latitude
    """Degrees north."""
    longitude: Longitude
    """Degrees east."""
    accuracy_m: Annotated[float, Field(ge=0, le=100_000)]
    """Radius in metres that the device is in with a probability of 68 %."""
    at_ms: UtcMs
    """When, in UTC milliseconds."""
    altitude_m: Annotated[float, Field(ge=-12_000, le=100_000)] | None = None
    """Metres above the ellipsoid."""
    speed_mps: Annotated[float, Field(ge=0, le=2_000)] | None = None
    """Metres a second over ground."""
    heading_deg: Annotated[float, Field(ge=0, lt=360)] | None = None
    """Direction of the movement, degrees from true north, clockwise."""

    def __repr__(self) -> str:
        return "[position]"

    __str__ = __repr__
