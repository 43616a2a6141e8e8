"""A scenario: what `bench/scenarios/NAME.toml` says; its `[quick]` table replaces keys for a run of seconds."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("scenarios")


class ScenarioError(ValueError):
    """There is no such scenario, or a key of it is missing."""


@dataclass(slots=True)
class Scenario:
    """`kind` names the module of `bench.runs` that performs it; the other keys are its own."""

    name: str
    kind: str
    about: str
    keys: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        try:
            return self.keys[key]
        except KeyError:
            raise ScenarioError(f"{self.name}.toml has no key {key}") from None


def names() -> list[str]:
    """In the order of their importance, as the files say."""
    files = sorted(FOLDER.glob("*.toml"), key=lambda file: (tomllib.loads(file.read_text())["order"], file.stem))
    return [file.stem for file in files]


def load(name: str, *, quick: bool = False, changes: dict[str, Any] | None = None) -> Scenario:
    """`name` is a scenario's or the path of a TOML file. Raises ScenarioError."""
    file = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not file.is_file():
        raise ScenarioError(f"there is no scenario {name}; there are: {', '.join(names())}")
    keys = tomllib.loads(file.read_text())
    shorter = keys.pop("quick", {})
    for change in (shorter if quick else {}, changes or {}):
        keys.update(change)
    return Scenario(file.stem, keys.pop("kind"), keys.pop("about"), keys)
