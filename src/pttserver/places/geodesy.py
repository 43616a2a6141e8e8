"""Distances on WGS 84, good for fences: no iteration, no library, an error that is told.

Between points up to 200 km apart the mid-latitude formula takes the two radii of curvature of the ellipsoid at the
latitude between them. Farther apart a sphere has to do, with an error of up to 0.6 %. Against the geodesic (pyproj)
the mid-latitude formula is off by less than 0.1 mm at 1 km and by 0.1 % at 200 km, up to 78° of latitude
(tests/places/test_geodesy.py, test_areas.py).
"""

import math

EQUATOR_M = 6_378_137.0  # semi-major axis a
FLATTENING = 1 / 298.257223563
ECCENTRICITY_2 = FLATTENING * (2 - FLATTENING)
MEAN_RADIUS_M = 6_371_008.8
NEAR_M = 200_000
NEAR_DEGREES = 10  # east: beyond, the way over the pole may be shorter


def scale(latitude: float) -> tuple[float, float]:
    """Metres of a degree to the north, and of a degree to the east, at this latitude."""
    sine = math.sin(math.radians(latitude))
    curve = 1 - ECCENTRICITY_2 * sine * sine
    prime_vertical = EQUATOR_M / math.sqrt(curve)
    meridian = prime_vertical * (1 - ECCENTRICITY_2) / curve
    return math.radians(meridian), math.radians(prime_vertical * math.cos(math.radians(latitude)))


def eastward(from_longitude: float, to_longitude: float) -> float:
    """Degrees to the east, by the shorter way: -180 to 180."""
    return (to_longitude - from_longitude + 180) % 360 - 180


def distance_m(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Metres between two points."""
    north_m, east_m = scale((latitude + other_latitude) / 2)
    north, east = other_latitude - latitude, eastward(longitude, other_longitude)
    near = math.hypot(north * north_m, east * east_m)
    return near if near <= NEAR_M and abs(east) <= NEAR_DEGREES else _on_a_sphere(latitude, other_latitude, east)


def _on_a_sphere(latitude: float, other_latitude: float, east: float) -> float:
    """Haversine."""
    one, other = math.radians(latitude), math.radians(other_latitude)
    half = math.sin((other - one) / 2) ** 2 + math.cos(one) * math.cos(other) * math.sin(math.radians(east) / 2) ** 2
    return 2 * MEAN_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))
