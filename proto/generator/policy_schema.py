"""JSON Schema (2020-12) of the policy file: TOML has no null, so a key is absent instead; unknown keys are errors."""

import tomllib
from typing import Any

from generator.schemas import DIALECT, for_the_wire
from pttserver.privacy.policy import Policy
from pttserver.privacy.presets import DEFAULT, preset_text


def policy_schema() -> dict[str, Any]:
    """With the default preset as the example. What a schema cannot say, such as periods, is prose in policy.md."""
    schema = for_the_wire(Policy.model_json_schema(), closed=True)
    schema["properties"]["extra"]["additionalProperties"] = False  # names that do not fit the pattern
    head = {"$schema": DIALECT, "title": "Privacy policy", "description": "A policy file, read as TOML; see policy.md."}
    rest = {key: value for key, value in schema.items() if key not in head}
    return {**head, **rest, "examples": [tomllib.loads(preset_text(DEFAULT))]}
