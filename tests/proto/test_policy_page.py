"""policy.md and schemas/policy.json say what the code says."""

import json
import re
import tomllib
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pttserver.errors import PolicyInvalid
from pttserver.privacy.categories import Category, about
from pttserver.privacy.difference import SECTIONS
from pttserver.privacy.document import MAX_CHARACTERS, MAX_LINE_CHARACTERS
from pttserver.privacy.duty_hours import DutySpan
from pttserver.privacy.periods import LONGEST_YEARS
from pttserver.privacy.policy import Policy, parse_policy
from pttserver.privacy.presets import DEFAULT, PRESETS, preset_text
from pttserver.privacy.purposes import LegalBasis, Purpose, Tier
from pttserver.privacy.retention import CLOCK_STARTERS, TAKEN_BACK_BY
from pttserver.privacy.sections import CategoryRule, LimitationCode, PolicySection, Storage, Truncation

FOLDER = Path(__file__).parents[2] / "proto"
PAGE = (FOLDER / "policy.md").read_text(encoding="utf-8")
SCHEMA = json.loads((FOLDER / "schemas" / "policy.json").read_text(encoding="utf-8"))
DEFAULTS = parse_policy(preset_text(DEFAULT))


def table(heading: str) -> dict[str, list[str]]:
    """Cells by the first one, of the table that begins with `heading`."""
    _, _, rest = PAGE.partition(f"| {heading} |")
    lines = takewhile(lambda line: line.startswith("|"), rest.splitlines()[2:])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {cells[0].strip("`"): cells[1:] for cells in rows}


def keys() -> dict[str, str]:
    """Defaults by dotted key, of all tables of keys that have one."""
    found = re.findall(r"^\| `([a-z_.]+)` \| (none|`[^`]*`) \|", PAGE, re.MULTILINE)
    return {name if "." in name else f"policy.{name}": default.strip("`") for name, default in found}


def test_every_key_of_the_sections_is_described_with_its_default() -> None:
    expected = {}
    for section in SECTIONS:
        for name, field in Policy.model_fields[section].annotation.model_fields.items():
            value = list(field.default) if isinstance(field.default, tuple) else field.default
            expected[f"{section}.{name}"] = "none" if field.is_required() else json.dumps(value)
    assert keys() == expected


def test_every_key_of_a_rule_is_described_with_its_values() -> None:
    described = table("key | meaning")
    assert described.keys() == CategoryRule.model_fields.keys()
    for key, values in (("store", Storage), ("purpose", Purpose), ("legal_basis", LegalBasis), ("visible_to", Tier)):
        assert set(re.findall("`([a-z_]+)`", described[key][0])) >= set(values)
    assert all(name in described["truncate"][0] for name in Truncation.model_fields)


def test_every_category_is_described_with_its_default() -> None:
    described = table("category | nature | kept by default")
    assert described.keys() == set(Category)
    for category in Category:
        nature, kept = described[category]
        assert nature == {"standing": "stands", "happening": "happens"}[about(category).nature]
        keep = DEFAULTS.categories[category].keep
        assert keep is not None
        assert kept == ", ".join(keep.texts)


def test_every_event_and_limitation_is_described() -> None:
    events = table("event | of | started clock can be stopped by")
    assert events.keys() == set(CLOCK_STARTERS)
    for event, cells in events.items():
        undo = TAKEN_BACK_BY.get(event)
        assert cells[1].startswith(f"`{undo}`" if undo else "nothing")
    assert table("code | when").keys() == set(LimitationCode)


def test_numbers_and_examples_are_those_of_the_code() -> None:
    assert f"at most {MAX_CHARACTERS:,} characters, at most {MAX_LINE_CHARACTERS} in a line" in PAGE
    assert f"{LONGEST_YEARS} years" in PAGE
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert parse_policy(example).policy.title == "Fire brigade"
    for span in re.findall(r"`((?:mon|sat)[a-z-]* [0-9:-]+)`", PAGE):
        DutySpan.parse(span)


# The schema


def errors(policy: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(policy)]


def test_the_schema_is_valid_and_takes_every_preset() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert errors(SCHEMA["examples"][0]) == []
    for name in PRESETS:
        assert errors(tomllib.loads(preset_text(name))) == []


@pytest.mark.parametrize(
    "more",
    [
        "[categories.locaton]",
        "[kategories]",
        "[categories.alert]\nstore = 'open'",
        "[categories.alert]\nkeep = 90",
        "[categories.alert]\npurpose = []",
        "[roster]\nnames_up_to = -1",
        "[roster]\nnames_up_to = true",
        "[location]\nenabled = 'yes'",
        "[location]\ninterval_s = 1",
        "[extra.Shift]",
    ],
)
def test_the_schema_refuses_what_the_server_refuses(more: str) -> None:
    text = f"[policy]\ntitle = 'x'\nversion = '1'\n{more}\n"
    with pytest.raises(PolicyInvalid):
        parse_policy(text)
    assert errors(tomllib.loads(text))


def test_the_schema_demands_whose_policy_it_is() -> None:
    assert errors({})
    assert errors({"policy": {"title": "x"}})
    assert errors({"policy": {"title": "x", "version": "1"}}) == []
    assert SCHEMA["$defs"]["PolicySection"]["properties"].keys() == PolicySection.model_fields.keys()
