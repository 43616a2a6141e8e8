"""The text of a policy file: refused if it is no clean text or no TOML, and its keys found again by line.

1. as text: not too large, no line too long, complete to its last line end, and no character that cannot be seen
2. as TOML, with every key and string looked at once more, since `\\u202e` hides well in an escape
3. a key's line: TOML's statements end with a line, so each is parsed by itself and tells which keys it sets
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from pttserver.errors import PolicyInvalid
from pttserver.privacy.periods import shown

MAX_CHARACTERS = 65_536
MAX_LINE_CHARACTERS = 500  # tomllib takes quadratic time for a key of many parts, and minutes for a line of them
_LONGEST_STATEMENT_LINES = 50
_MOST_PROBLEMS = 50  # told of one file
_DEEPEST = 16  # tables and lists within each other
_BLANKS_TO_THE_EYE = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters by category

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a policy file. `key`: dotted; `line`: from 1, None if it cannot be told."""

    line: int | None
    key: str
    text: str

    def __str__(self) -> str:
        where = "" if self.line is None else f"line {self.line}: "
        return f"{where}{self.key}: {self.text}" if self.key else f"{where}{self.text}"


class PolicyFileInvalid(PolicyInvalid):
    """The policy file is not valid."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        super().__init__("\n".join(map(str, self.problems)))


class Document:
    """`data`: what the TOML says. Making one raises PolicyFileInvalid."""

    def __init__(self, text: str) -> None:
        self._lines = text.replace("\r\n", "\n").split("\n")
        _check_as_text(text, self._lines)
        self.data = _parsed(text)
        self.refuse_if(self._hidden(self.data, ()))

    def refuse_if(self, problems: Iterable[Problem]) -> None:
        """Raises PolicyFileInvalid if there are any, with the first of them."""
        if found := list(islice(problems, _MOST_PROBLEMS)):
            raise PolicyFileInvalid(found)

    def problem(self, path: Path, text: str) -> Problem:
        """A problem with the key at `path`, or with what lacks there."""
        key = ".".join(map(_key_shown, path))
        return Problem(self.line(path), key, text)

    def line(self, path: Path) -> int | None:
        """Line of the key, else of the table or list that it would be in."""
        keys = tuple(part for part in path if isinstance(part, str))
        return next((self._index[keys[:end]] for end in range(len(keys), 0, -1) if keys[:end] in self._index), None)

    @cached_property
    def _index(self) -> dict[tuple[str, ...], int]:
        """Line by key, and by table."""
        index: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, statement, said in _statements(self._lines):
            if statement.lstrip().startswith("["):
                (table,) = _leaves(said, ())
                paths = [table]
            else:
                paths = [table + path for path in _leaves(said, ())]
            for path in paths:
                for end in range(1, len(path) + 1):
                    index.setdefault(path[:end], number)
        return index

    def _hidden(self, value: Any, path: Path) -> Iterator[Problem]:
        if len(path) > _DEEPEST and not isinstance(value, str):
            yield self.problem(path[:2], "nested too deeply")
        elif isinstance(value, Mapping):
            for key, item in value.items():
                yield from self._hidden(key, (*path, key))
                yield from self._hidden(item, (*path, key))
        elif isinstance(value, list):
            for place, item in enumerate(value):
                yield from self._hidden(item, (*path, place))
        elif isinstance(value, str) and (character := _unseen(value)):
            yield self.problem(path, f"holds a character that cannot be seen: {character}")


def _check_as_text(text: str, lines: list[str]) -> None:
    if len(text) > MAX_CHARACTERS:
        raise PolicyFileInvalid([Problem(None, "", f"larger than {MAX_CHARACTERS} characters")])
    if text.startswith("\ufeff"):
        raise PolicyFileInvalid([Problem(1, "", "begins with a byte order mark; save it as plain UTF-8")])
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise PolicyFileInvalid([Problem(number, "", f"longer than {MAX_LINE_CHARACTERS} characters")])
        if character := _unseen(line.replace("\t", "")):
            raise PolicyFileInvalid([Problem(number, "", f"holds a character that cannot be seen: {character}")])
    if lines[-1]:
        raise PolicyFileInvalid([Problem(len(lines), "", "ends without a line end; is the file half written?")])


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise PolicyFileInvalid([Problem(None, "", "not valid TOML: nested too deeply")]) from None
    except ValueError as error:  # TOMLDecodeError, and int() about too many digits
        raise PolicyFileInvalid([Problem(_line_told(str(error)), "", f"not valid TOML: {error}")]) from None


def _line_told(message: str) -> int | None:
    """The line in `... (at line 3, column 5)`."""
    number = message.rpartition("(at line ")[2].partition(",")[0]
    return int(number) if number.isdecimal() else None


def _unseen(text: str) -> str | None:
    """The first character that nobody sees, or that turns the text round, as `U+202E`."""
    found = (character for character in text if not character.isprintable() or character in _BLANKS_TO_THE_EYE)
    return next((f"U+{ord(character):04X}" for character in found), None)


def _statements(lines: list[str]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Line, text and content of each: lines are taken together until they parse. Ends at a monstrous one."""
    begin = 0
    for end in range(1, len(lines) + 1):
        statement = "\n".join(lines[begin:end])
        try:
            said = tomllib.loads(statement)
        except ValueError:
            if end - begin > _LONGEST_STATEMENT_LINES:
                return
            continue
        if said:
            yield begin + 1, statement, said
        begin = end


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Paths of all that is no table."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]
    if not isinstance(value, dict) or not value or len(path) > _DEEPEST:
        yield path
        return
    for key, item in value.items():
        yield from _leaves(item, (*path, key))


def _key_shown(part: str | int) -> str:
    if isinstance(part, int):
        return str(part + 1)
    return part if part.isascii() and part.replace("_", "").isalnum() and len(part) <= 64 else shown(part)
