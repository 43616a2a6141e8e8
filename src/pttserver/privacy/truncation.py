"""Truncation: what is left of a value, as a rule says. It is done before anything is written, and twice is as once."""

import math
from ipaddress import IPv4Address, ip_address, ip_network

from pttserver.privacy.categories import Category
from pttserver.privacy.policy import Rule
from pttserver.privacy.sections import Truncation

METRES_PER_DEGREE = 111_195  # of latitude, on a sphere of 6,371 km

Value = str | int | bytes


def truncate(category: Category, value: Value, rule: Rule) -> Value:
    """`rule.storage` is TRUNCATED. A position is a text of decimal degrees, `55.676,12.568`; its moment is a number.

    Raises ValueError for a value that it does not understand: such a value is not kept.
    """
    if category is Category.LOCATION and isinstance(value, int):
        return value
    if rule.truncate is None or not isinstance(value, str):
        raise ValueError(f"{category} cannot be truncated")
    if category is Category.IP_ADDRESS:
        return _address(value, rule.truncate)
    if category is Category.LOCATION:
        latitude, longitude = map(float, value.split(","))
        return "{:.7f},{:.7f}".format(*coarse_position(latitude, longitude, rule.truncate))
    return value[: rule.truncate.characters]


def coarse_position(latitude: float, longitude: float, left: Truncation) -> tuple[float, float]:
    """Degrees, rounded to decimals or to a grid of metres. Raises ValueError for what is no place on Earth."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError("no place on Earth")
    if left.decimals is not None:
        return round(latitude, left.decimals), round(longitude, left.decimals)
    return on_grid(latitude, longitude, left.metres or 0)


def on_grid(latitude: float, longitude: float, metres: int) -> tuple[float, float]:
    """The nearest point of a grid of `metres`; 0: the point itself. A grid's row has its own width of a degree."""
    if not metres:
        return latitude, longitude
    rows = round(latitude * METRES_PER_DEGREE / metres)
    south_north = max(-90.0, min(90.0, rows * metres / METRES_PER_DEGREE))
    degree_m = METRES_PER_DEGREE * math.cos(math.radians(south_north))
    if degree_m * 360 < metres:
        return south_north, 0.0  # at a pole all meridians meet
    west_east = round(longitude * degree_m / metres) * metres / degree_m
    return south_north, max(-180.0, min(180.0, west_east))


def _address(text: str, left: Truncation) -> str:
    address = ip_address(text)
    bits = left.ipv4_bits if isinstance(address, IPv4Address) else left.ipv6_bits
    return str(ip_network(f"{address}/{bits}", strict=False).network_address)
