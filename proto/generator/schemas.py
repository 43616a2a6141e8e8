"""JSON Schemas (2020-12) of all messages, from the pydantic models.

What pydantic says of the Python classes is put right for the wire: `type` must be there, a member is absent rather than
null, and clients let members pass that they do not know.
"""

import json
from collections.abc import Mapping
from typing import Any

from generator.docstrings import describe_members
from generator.examples import REQUESTS as REQUEST_EXAMPLES
from generator.examples import SERVER_MESSAGES as SERVER_EXAMPLES
from pttserver.services.subject_document import SubjectExport
from pttserver.wire.signalling import REQUESTS, SERVER_MESSAGES, Message

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """Schema by message type: requests first, then what the server sends."""
    describe_members()
    found = {kind: _schema(model, REQUEST_EXAMPLES[kind], closed=True) for kind, model in REQUESTS.items()}
    opened = {kind: _schema(model, SERVER_EXAMPLES[kind], closed=False) for kind, model in SERVER_MESSAGES.items()}
    return {**found, **opened}


def subject_export() -> dict[str, Any]:
    """The copy of all that is held about a person, as `pttserver subject export --format json` writes it."""
    schema = for_the_wire(SubjectExport.model_json_schema(), closed=True)
    head = {"$schema": DIALECT, "title": schema.pop("title"), "description": schema.pop("description")}
    schema["required"] = ["format", "version", *schema["required"]]
    return {**head, **schema}


def _schema(model: type[Message], example: Message, *, closed: bool) -> dict[str, Any]:
    schema = for_the_wire(model.model_json_schema(), closed=closed)
    head: dict[str, Any] = {"$schema": DIALECT, "title": schema.pop("title"), "description": schema.pop("description")}
    body = {**head, **schema, "examples": [json.loads(example.to_json())]}
    body["required"] = ["type", *(name for name in schema.get("required", []) if name != "type")]
    return body


def for_the_wire(value: Any, *, closed: bool) -> Any:
    """A schema of pydantic's put right, see above. `closed`: members that it does not know are refused."""
    if isinstance(value, list):
        return [for_the_wire(item, closed=closed) for item in value]
    if not isinstance(value, Mapping):
        return value
    kept = {name: for_the_wire(item, closed=closed) for name, item in value.items()}
    if "properties" in kept:
        if not closed:
            kept.pop("additionalProperties", None)
        kept["properties"] = {name: _member(member) for name, member in kept["properties"].items()}
    if isinstance(kept.get("description"), str):
        kept["description"] = " ".join(kept["description"].split())
    return kept


def _member(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the title that repeats the name, without the default, and never null."""
    plain = {name: item for name, item in schema.items() if name not in ("title", "default")}
    choices = plain.pop("anyOf", None)
    if choices is None:
        return plain
    real = [choice for choice in choices if choice != {"type": "null"}]
    return {**plain, **real[0]} if len(real) == 1 else {**plain, "anyOf": real}
