"""Policy files to start from: annotated, complete, and tested boundary by boundary."""

from collections.abc import Mapping
from importlib.resources import files

from pttserver.errors import NotFound

DEFAULT = "default"

PRESETS: Mapping[str, str] = {
    DEFAULT: "Privacy-friendly and finite: what a push-to-talk service needs, and nothing that it does not.",
}
"""What each is for, by name."""


def preset_text(name: str) -> str:
    """The file of a preset. Raises NotFound."""
    if name not in PRESETS:
        raise NotFound(f"there is no preset {name!r}; there are: {', '.join(PRESETS)}")
    return (files("pttserver.privacy") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
