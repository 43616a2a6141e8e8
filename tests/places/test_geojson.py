"""What drawing tools write becomes fences; what cannot be one is told by its number."""

import json

import pytest

from pttserver.errors import InvalidValue
from pttserver.places.geojson import fences_of
from pttserver.wire.signalling import CircleShape, CorridorShape, PolygonShape

RING = [[12.0, 55.0], [12.1, 55.0], [12.1, 55.1], [12.0, 55.0]]
OTHER = [[13.0, 55.0], [13.1, 55.0], [13.1, 55.1], [13.0, 55.0]]


def feature(kind: str, coordinates: object, **properties: object) -> dict:
    return {
        "type": "Feature",
        "properties": {"name": "Yard", **properties},
        "geometry": {"type": kind, "coordinates": coordinates},
    }


def collection(*features: dict) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


def test_every_kind():
    found = fences_of(
        collection(
            feature("Polygon", [RING], dwell_s=60),
            feature("Point", [12.5, 55.6], radius_m=100, name="Gate"),
            feature("LineString", [[12, 55], [12.5, 55.5]], width_m=200, name="Route"),
            feature("MultiPolygon", [[RING], [OTHER]], name="Sites"),
        )
    )
    assert [(drawn.name, type(drawn.shape), drawn.dwell_s) for drawn in found] == [
        ("Yard", PolygonShape, 60),
        ("Gate", CircleShape, 0),
        ("Route", CorridorShape, 0),
        ("Sites 1", PolygonShape, 0),
        ("Sites 2", PolygonShape, 0),
    ]
    assert found[1].shape.center.latitude == 55.6
    assert [point.longitude for point in found[0].shape.points] == [12.0, 12.1, 12.1]


def test_a_feature_alone():
    assert len(fences_of(json.dumps(feature("Polygon", [RING])))) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "no JSON"),
        ("[]", "no GeoJSON"),
        (json.dumps({"type": "Polygon", "coordinates": [RING]}), "no GeoJSON"),
        (collection(feature("Polygon", [RING]), feature("Polygon", [RING, RING])), "feature 2: a fence has no holes"),
        (collection(feature("Point", [12, 55])), "feature 1: it needs a property radius_m"),
        (collection(feature("LineString", [[12, 55], [13, 55]])), "needs a property width_m"),
        (collection(feature("MultiPoint", [[12, 55]])), "a fence is a Polygon"),
        (collection(feature("Point", [12, 95], radius_m=100)), "feature 1: .*less than or equal to 90"),
        (collection(feature("Point", [12, 55], radius_m=1)), "greater than or equal to 10"),
        (collection(feature("Polygon", [RING], name=5)), "needs a property name"),
        (collection(feature("Polygon", [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]])), "feature 1: .*crosses itself"),
    ],
)
def test_what_cannot_be_a_fence_is_told(text, reason):
    with pytest.raises(InvalidValue, match=reason):
        fences_of(text)
