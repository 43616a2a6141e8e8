"""What is in the repository: files, and the tests by name, read without running anything."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@cache
def known_tests() -> dict[str, frozenset[str]]:
    """Path of each test file, from the root -> names of the tests in it (`Class::name` within a class)."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return {str(file.relative_to(ROOT)): frozenset(_tests(file)) for file in files}


def _tests(file: Path) -> list[str]:
    found = []
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.ClassDef):
            found += [
                f"{node.name}::{part.name}"
                for part in node.body
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.append(node.targets[0].id)  # a state machine of Hypothesis: `TestFloor = Machine.TestCase`
    return [name for name in found if name.rpartition("::")[2].startswith("test_") or name.startswith("Test")]
