"""Policy files to start from: annotated, complete, and tested boundary by boundary."""

from collections.abc import Mapping
from importlib.resources import files

from pttserver.errors import NotFound

DEFAULT = "default"

PRESETS: Mapping[str, str] = {
    DEFAULT: "Privacy-friendly and finite: what a push-to-talk service needs, and nothing that it does not.",
    "strict": "As little as can be: calls work, nothing that happens is written.",
    "mobile_tornado": "Push-to-talk for organisations: call logs, location that can be switched off, alerts.",
    "processor": "A generic processor: only what the agreed service needs, no longer than the law allows.",
    "sendsmsgate": "Messages to customers: deletion in 60 + 60 days, imports 60 days, activity 1 month, audit 2 years.",
    "mobitech": "Message platform: history 3 months, texts of 160 characters, debug copies 3 days, invoices 5 years.",
    "message_people": "Message platform: traffic data until billing is complete, pseudonymised view until the invoice.",
}
"""What each is for, by name."""


def preset_text(name: str) -> str:
    """The file of a preset. Raises NotFound."""
    if name not in PRESETS:
        raise NotFound(f"there is no preset {name!r}; there are: {', '.join(PRESETS)}")
    return (files("pttserver.privacy") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
