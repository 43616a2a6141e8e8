"""The generated part of proto/ is up to date and valid, and its examples are what it says."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from pttserver.wire import signalling

FOLDER = Path(__file__).parents[2] / "proto"
SCHEMAS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (FOLDER / "schemas").glob("*.json")}
POLICY, EXPORT = SCHEMAS.pop("policy"), SCHEMAS.pop("subject-export")
ASYNCAPI = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
MESSAGES = json.loads((FOLDER / "vectors" / "messages.json").read_text(encoding="utf-8"))


def test_nothing_is_stale() -> None:
    check = subprocess.run(
        [sys.executable, str(FOLDER / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stdout) == (0, ""), check.stdout + check.stderr


# JSON Schemas


def test_every_message_has_a_schema_and_nothing_else_has() -> None:
    assert SCHEMAS.keys() == signalling.REQUESTS.keys() | signalling.SERVER_MESSAGES.keys()


@pytest.mark.parametrize("kind", SCHEMAS)
def test_schemas_are_valid_and_fit_their_examples(kind: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[kind])
    assert SCHEMAS[kind]["examples"]
    for example in SCHEMAS[kind]["examples"]:
        Draft202012Validator(SCHEMAS[kind]).validate(example)


@pytest.mark.parametrize("schema", [POLICY, EXPORT], ids=["policy", "subject-export"])
def test_schemas_of_files_are_valid(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


def test_the_examples_of_the_vectors_fit_their_schemas() -> None:
    frames = [*MESSAGES["requests"].values(), *MESSAGES["server"].values(), *MESSAGES["server_variants"]]
    for frame in frames:
        message = json.loads(frame)
        Draft202012Validator(SCHEMAS[message["type"]]).validate(message)


def test_a_schema_demands_the_type_and_never_allows_null() -> None:
    for kind, schema in SCHEMAS.items():
        assert schema["required"][0] == "type"
        assert schema["properties"]["type"]["const"] == kind
        assert '{"type": "null"}' not in json.dumps(schema)


@pytest.mark.parametrize("kind", signalling.REQUESTS)
def test_unknown_members_are_refused_in_requests(kind: str) -> None:
    request = {**json.loads(MESSAGES["requests"][kind]), "more": 1}
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMAS[kind]).validate(request)


@pytest.mark.parametrize("kind", signalling.SERVER_MESSAGES)
def test_unknown_members_are_allowed_in_what_the_server_says(kind: str) -> None:
    message = {**json.loads(MESSAGES["server"][kind]), "member_of_a_later_version": 1}
    Draft202012Validator(SCHEMAS[kind]).validate(message)


# AsyncAPI


# What AsyncAPI 3.0 demands of the objects that we use: their required members, and no member that it does not know
# (specification extensions begin with "x-").
ASYNCAPI_OBJECTS = {
    "document": (
        {"asyncapi", "info"},
        {"id", "servers", "defaultContentType", "channels", "operations", "components"},
    ),
    "info": ({"title", "version"}, {"description", "license", "contact", "termsOfService", "tags", "externalDocs"}),
    "server": (
        {"host", "protocol"},
        {"protocolVersion", "pathname", "description", "title", "summary", "variables", "security", "tags", "bindings"},
    ),
    "channel": (
        set(),
        {"address", "messages", "title", "summary", "description", "servers", "parameters", "tags", "bindings"},
    ),
    "operation": (
        {"action", "channel"},
        {"title", "summary", "description", "security", "tags", "bindings", "traits", "messages", "reply"},
    ),
    "reply": (set(), {"address", "channel", "messages"}),
    "message": (
        set(),
        {
            "headers", "payload", "correlationId", "contentType", "name", "title", "summary", "description", "tags",
            "bindings", "examples", "traits",
        },
    ),
}  # fmt: skip


def asyncapi_objects() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "document", ASYNCAPI
    yield "info", ASYNCAPI["info"]
    yield from (("server", server) for server in ASYNCAPI["servers"].values())
    yield from (("channel", channel) for channel in ASYNCAPI["channels"].values())
    yield from (("message", message) for message in ASYNCAPI["components"]["messages"].values())
    for operation in ASYNCAPI["operations"].values():
        yield "operation", operation
        if "reply" in operation:
            yield "reply", operation["reply"]


def test_asyncapi_has_the_shape_of_version_3() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    for kind, members in asyncapi_objects():
        required, optional = ASYNCAPI_OBJECTS[kind]
        assert required <= members.keys(), kind
        assert {name for name in members if not name.startswith("x-")} <= required | optional, kind
    assert {operation["action"] for operation in ASYNCAPI["operations"].values()} == {"send", "receive"}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_every_reference_of_asyncapi_leads_somewhere() -> None:
    found = list(references(ASYNCAPI))
    assert found
    for reference in found:
        file, _, pointer = reference.partition("#")
        if file:
            assert (FOLDER / file).is_file(), reference
            continue
        target = ASYNCAPI
        for part in pointer.strip("/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        assert isinstance(target, dict)


def test_every_message_is_in_an_operation_and_every_request_has_its_reply() -> None:
    named = set(references(ASYNCAPI["operations"]))
    for kind in SCHEMAS:
        assert f"#/channels/ptt/messages/{kind}" in named
    for kind in signalling.REQUESTS:
        replies = ASYNCAPI["operations"][f"send_{kind}"]["reply"]["messages"]
        answer = replies[0]["$ref"].rpartition("/")[2]
        assert issubclass(signalling.SERVER_MESSAGES[answer], signalling.Reply)
        assert replies[1]["$ref"].endswith("/error")


# OpenAPI


OPENAPI = json.loads((FOLDER / "openapi.json").read_text(encoding="utf-8"))


def test_openapi_has_the_health_of_the_server_and_the_console() -> None:
    assert OPENAPI["openapi"].startswith("3.1")
    told = {
        _path(part, path)
        for part in ("console", "manage")
        for path in re.findall(r"^\| `(?:GET|POST) ([a-z/{}.]+)`", _page(part), re.MULTILINE)
    }
    assert set(OPENAPI["paths"]) == {"/health", *told}
    assert len(told) == 12 + 29
    for schema in OPENAPI["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def _page(part: str) -> str:
    return (FOLDER / f"{part}.md").read_text(encoding="utf-8")


def _path(part: str, path: str) -> str:
    return path if path.startswith("/") else f"/v1/{part}/{path}"


@pytest.mark.parametrize("part", ["console", "manage"])
def test_what_openapi_says_of_a_request_is_what_the_page_says(part) -> None:
    rows = r"^\| `(GET|POST) ([a-z/{}]+)` \|([^|]*)\|[^|]*\|$"  # path, body, answer
    for method, path, body in re.findall(rows, _page(part), re.MULTILINE):
        operation = OPENAPI["paths"][f"/v1/{part}/{path}"][method.lower()]
        assert "422" not in operation["responses"]
        if "requestBody" not in operation:
            assert body.strip() == ""
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert re.findall(r"`(\w+)`", body) == list(OPENAPI["components"]["schemas"][schema]["properties"])
