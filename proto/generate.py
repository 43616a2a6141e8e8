"""Writes the generated files of this folder; `--check` writes nothing, names stale files and exits with 1.

    python proto/generate.py [--check]

Generated: schemas/*.json, asyncapi.json, openapi.json, vectors/*.json, floor-states.md, roles.md, walkthrough.md; and
the messages of the console, in TypeScript.
"""

import json
import sys
from pathlib import Path

from generator.asyncapi import asyncapi
from generator.floor_states import document as floor_states
from generator.policy_schema import policy_schema
from generator.roles import document as roles
from generator.schemas import schemas, subject_export
from generator.typescript import document as typescript
from generator.vectors import vector_files
from generator.walkthrough import document as walkthrough

from pttserver.net.pages import Pages
from pttserver.net.site import http_application

FOLDER = Path(__file__).resolve().parent
CONSOLE_MESSAGES = "../clients/console/src/protocol/messages.ts"


def documents() -> dict[str, str]:
    """Content by path within this folder."""
    found = {f"schemas/{kind}.json": _json(schema) for kind, schema in schemas().items()}
    found["schemas/policy.json"] = _json(policy_schema())
    found["schemas/subject-export.json"] = _json(subject_export())
    found |= {f"vectors/{name}": _json(content) for name, content in vector_files().items()}
    found["asyncapi.json"] = _json(asyncapi())
    found["openapi.json"] = _json(http_application(list, Pages({})).openapi())
    found["floor-states.md"] = floor_states()
    found["roles.md"] = roles()
    found["walkthrough.md"] = walkthrough()
    found[CONSOLE_MESSAGES] = typescript()
    return found


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def stale(wanted: dict[str, str]) -> list[str]:
    """Files that are missing, differ, or are left over."""
    differing = [
        name
        for name, text in wanted.items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_text(encoding="utf-8") != text
    ]
    present = {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("[sv]*/*.json")}
    return sorted([*differing, *(present - wanted.keys())])


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: generate.py [--check]\n")
        return 2
    wanted = documents()
    changed = stale(wanted)
    if arguments:
        sys.stdout.writelines(f"stale: {_shown(name)}\n" for name in changed)
        return 1 if changed else 0
    for name in changed:
        path = FOLDER / name
        if name not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(wanted[name], encoding="utf-8")
    sys.stdout.writelines(f"written: {_shown(name)}\n" for name in changed)
    return 0


def _shown(name: str) -> Path:
    """From the root of the repository on."""
    return (FOLDER / name).resolve().relative_to(FOLDER.parent)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
