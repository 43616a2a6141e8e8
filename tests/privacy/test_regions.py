"""Countries are those of ISO 3166-1; what is often written instead is understood, to say what was meant."""

import json
import re
from pathlib import Path

import pytest
from policy_texts import policy_of

from pttserver.privacy.regions import ADEQUATE, COUNTRIES, EEA, meant_by

SCHEMA = Path(__file__).parents[2] / "proto" / "schemas" / "policy.json"


def test_the_countries() -> None:
    assert len(COUNTRIES) == 249
    assert COUNTRIES > EEA | ADEQUATE
    assert not COUNTRIES & {"EU", "UK", "EL", "XX", "ZZ", "XK", "AN"}


@pytest.mark.parametrize(
    ("text", "meant"), [("UK", "GB"), ("uk", "GB"), ("EL", "GR"), ("dk", "DK"), ("EU", None), ("XX", None), ("", None)]
)
def test_what_was_meant(text: str, meant: str | None) -> None:
    assert meant_by(text, COUNTRIES) == meant


def test_each_country_is_taken_and_the_schema_says_the_same() -> None:
    properties = json.loads(SCHEMA.read_text())["$defs"]["PolicySection"]["properties"]
    region = re.compile(properties["regions"]["items"]["pattern"])
    country = re.compile(properties["jurisdiction"]["pattern"])
    for code in sorted(COUNTRIES):
        policy = policy_of("", f'regions = ["{code}"]\njurisdiction = "{code}"')
        assert policy.policy.regions == (code,)
        assert region.fullmatch(code)
        assert country.fullmatch(code)
    assert region.fullmatch("EEA")
    assert country.fullmatch("")
    for wrong in ("EU", "UK", "XX"):
        assert not region.fullmatch(wrong)
        assert not country.fullmatch(wrong)
