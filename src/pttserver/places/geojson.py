"""Fences from GeoJSON (RFC 7946): what drawing tools and geographic information systems write.

| geometry | property | becomes |
|---|---|---|
| Polygon, MultiPolygon | | polygons; holes are refused |
| Point | `radius_m` | a circle |
| LineString | `width_m` | a corridor |

Properties `name` (needed) and `dwell_s` are those of the fence.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from geojson_pydantic import FeatureCollection
from geojson_pydantic.geometries import LineString, MultiPolygon, Point, Polygon
from pydantic import ValidationError

from pttserver.errors import InvalidValue
from pttserver.places.areas import area
from pttserver.wire import signalling


def fences_of(text: str) -> list[signalling.PutFence]:
    """As requests to put them (their `id` means nothing); of a Feature or a FeatureCollection.

    Raises InvalidValue; its message says which feature, and what is wrong.
    """
    try:
        document = json.loads(text)
        if isinstance(document, dict) and document.get("type") == "Feature":
            document = {"type": "FeatureCollection", "features": [document]}
        features: list[Any] = FeatureCollection.model_validate(document).features
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise InvalidValue(f"no GeoJSON: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError as error:
        raise InvalidValue(f"no JSON: {error}") from None
    drawn: list[signalling.PutFence] = []
    for number, feature in enumerate(features, 1):
        try:
            drawn += _of_feature(feature.geometry, feature.properties or {})
        except InvalidValue as error:
            raise InvalidValue(f"feature {number}: {error.message}") from None
        except ValidationError as error:
            raise InvalidValue(f"feature {number}: {error.errors(include_input=False)[0]['msg']}") from None
    return drawn


def _of_feature(geometry: Any, properties: Any) -> Iterator[signalling.PutFence]:
    told = dict(properties)
    name, dwell_s = told.get("name"), told.get("dwell_s", 0)
    if not isinstance(name, str):
        raise InvalidValue("it needs a property name")
    shapes = list(_shapes(geometry, told))
    for number, shape in enumerate(shapes, 1):
        area(shape)
        called = name if len(shapes) == 1 else f"{name} {number}"
        yield signalling.PutFence(id=number, name=called, shape=shape, dwell_s=dwell_s)


def _shapes(geometry: Any, told: dict[str, Any]) -> Iterator[signalling.Shape]:
    match geometry:
        case Polygon(coordinates=rings):
            yield _polygon(rings)
        case MultiPolygon(coordinates=polygons):
            yield from map(_polygon, polygons)
        case Point(coordinates=place):
            (center,) = _points([place])
            yield signalling.CircleShape(center=center, radius_m=_metres(told, "radius_m"))
        case LineString(coordinates=line):
            yield signalling.CorridorShape(points=_points(line), width_m=_metres(told, "width_m"))
        case _:
            raise InvalidValue("a fence is a Polygon, a MultiPolygon, a Point or a LineString")


def _polygon(rings: Sequence[Sequence[Any]]) -> signalling.PolygonShape:
    if len(rings) != 1:
        raise InvalidValue("a fence has no holes")
    return signalling.PolygonShape(points=_points(rings[0])[:-1])


def _points(line: Sequence[Any]) -> list[signalling.Point]:
    return [signalling.Point(latitude=place.latitude, longitude=place.longitude) for place in line]


def _metres(told: dict[str, Any], name: str) -> float:
    value = told.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue(f"it needs a property {name}")
    return float(value)
