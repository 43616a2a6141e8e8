"""The text of a policy file: what is refused as text and as TOML, and where a key is found again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.privacy.document import MAX_CHARACTERS, MAX_LINE_CHARACTERS, Document, PolicyFileInvalid, Problem


def problems(text: str) -> list[tuple[int | None, str]]:
    """Lines and texts of what is wrong."""
    with pytest.raises(PolicyFileInvalid) as refused:
        Document(text)
    return [(problem.line, problem.text) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a = 1", 1, "ends without a line end; is the file half written?"),
        ("a = 1\n[b", 2, "ends without a line end; is the file half written?"),
        ("\ufeffa = 1\n", 1, "begins with a byte order mark; save it as plain UTF-8"),
        (
            "a = 1\n# \u202e\n",
            2,
            "holds a character that cannot be seen: U+202E",
        ),  # right-to-left override, in a comment
        ("a = 1\n\nb\u200b = 1\n", 3, "holds a character that cannot be seen: U+200B"),
        ("a\u00a0= 1\n", 1, "holds a character that cannot be seen: U+00A0"),
        ("a = '\u3164'\n", 1, "holds a character that cannot be seen: U+3164"),
        ("a = '\u2028'\n", 1, "holds a character that cannot be seen: U+2028"),
        ("a = '\ue000'\n", 1, "holds a character that cannot be seen: U+E000"),
        ("a = '\ud800'\n", 1, "holds a character that cannot be seen: U+D800"),
        ("a = 1\x00\n", 1, "holds a character that cannot be seen: U+0000"),
        ("a = 1\rb = 2\n", 1, "holds a character that cannot be seen: U+000D"),
        ("a = 1\n\x0b\n", 2, "holds a character that cannot be seen: U+000B"),
        ("a = 1\nb = 'x\n", None, 'not valid TOML: Expected "\'" (at end of document)'),
        ("a = 1\nb = x\n", 2, "not valid TOML: Invalid value (at line 2, column 5)"),
        ("a = 1\n" + "b." * 100 + "b = 1\n", 2, "nested too deeply"),
        ("a = 1\n" + "b." * 20_000 + "b = 1\n", 2, f"longer than {MAX_LINE_CHARACTERS} characters"),
        ("a = 1\n#" + "x" * MAX_LINE_CHARACTERS + "\n", 2, f"longer than {MAX_LINE_CHARACTERS} characters"),
        ("a = 1\nb = " + "[" * 100 + "]" * 100 + "\n", 2, "nested too deeply"),
        ("a = 1\nb = " + "{b=" * 100 + "1" + "}" * 100 + "\n", 2, "nested too deeply"),
        ("\na = 1\na = 2\n", 3, "not valid TOML: Cannot overwrite a value (at line 3, column 6)"),
        ("[a]\n[b]\n[a]\n", 3, "not valid TOML: Cannot declare ('a',) twice (at line 3, column 3)"),
        ("a = " + "[\n" * 10_000 + "]" * 400 + "\n", None, "not valid TOML: nested too deeply"),
        ("#\n" * (MAX_CHARACTERS // 2) + "\n", None, f"larger than {MAX_CHARACTERS} characters"),
    ],
)
def test_what_is_no_clean_toml_is_refused(text: str, line: int | None, reason: str) -> None:
    assert problems(text) == [(line, reason)]


def test_the_largest_file_is_read() -> None:
    text = f"a = '{'x' * (MAX_LINE_CHARACTERS - 6)}'\n"
    assert len(Document("#\n" * ((MAX_CHARACTERS - len(text)) // 2) + text).data["a"]) == MAX_LINE_CHARACTERS - 6


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('\n"a\\u202e" = 1\n', 2),
        ('a = 1\n[b]\nc = "x\\u200by"\n', 3),
        ('[b]\nd = ["x",\n"\\n"]\n', 2),
        ('[b]\nc = { d = "\\u0000" }\n', 2),
        ("b = '''\nx\n'''\n", 1),
    ],
)
def test_what_hides_in_an_escape_is_found(text: str, line: int) -> None:
    ((found, reason),) = problems(text)
    assert found == line
    assert reason.startswith("holds a character that cannot be seen: U+")


def test_other_languages_tabs_and_windows_lines_are_welcome() -> None:
    assert Document("\ta = 'Ærø Brandvæsen 消防 🚒'\t# é\r\nb = 2\r\n").data == {"a": "Ærø Brandvæsen 消防 🚒", "b": 2}


TEXT = '''\
# a comment
[policy]
title = "x"

[categories.location]   # with [brackets]
keep = [
  "90 days", # more
  "until account_closed",
]
store = "plain"
truncate = { metres = 5, "decimals" = 2 }

[categories."ip_address"]
note = """\\
[categories.alert] \\
keep = 1\\
"""
visible_to = []
[extra]
shift.keep = "3 days"
[[policy.list]]
a = 1
'''


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("policy",), 2),
        (("policy", "title"), 3),
        (("policy", "missing"), 2),  # what lacks is told at its table
        (("categories",), 5),
        (("categories", "location"), 5),
        (("categories", "location", "keep"), 6),
        (("categories", "location", "keep", 1), 6),
        (("categories", "location", "store"), 10),
        (("categories", "location", "truncate"), 11),
        (("categories", "location", "truncate", "metres"), 11),
        (("categories", "location", "truncate", "decimals"), 11),
        (("categories", "ip_address"), 13),
        (("categories", "ip_address", "note"), 14),
        (("categories", "ip_address", "visible_to"), 18),
        (("categories", "alert"), 5),
        (("extra",), 19),
        (("extra", "shift"), 20),
        (("extra", "shift", "keep"), 20),
        (("policy", "list"), 21),
        (("policy", "list", 0, "a"), 22),
        (("nowhere",), None),
        ((), None),
    ],
)
def test_keys_are_found_again(path: tuple[str | int, ...], line: int | None, end: str) -> None:
    assert Document(TEXT.replace("\n", end)).line(path) == line


def test_a_monstrous_value_ends_the_search_and_not_the_day() -> None:
    document = Document("a = 1\nb = [\n" + "1,\n" * 20_000 + "]\nc = 1\n")
    assert document.line(("a",)) == 1
    assert document.line(("c",)) is None


@given(st.lists(st.sampled_from(["", "# [x]", "v = [1,\n2]", 'v = """\\\n[t]\\\n"""']), max_size=8), st.integers(0, 9))
def test_lines_are_right_whatever_stands_before(before: list[str], blank: int) -> None:
    lines = [text.replace("v", f"v{place}") for place, text in enumerate(before)]
    text = "\n".join([*lines, *[""] * blank, "[table]", "key = 1"]) + "\n"
    assert Document(text).line(("table", "key")) == text.count("\n")


def test_problems_are_told_in_the_order_of_lines() -> None:
    told = PolicyFileInvalid([Problem(9, "b", "is wrong"), Problem(None, "", "too large"), Problem(2, "a.1", "is bad")])
    assert told.message == "too large\nline 2: a.1: is bad\nline 9: b: is wrong"
    assert told.code == "policy.invalid"


def test_a_key_is_shown_as_what_it_is() -> None:
    document = Document('"l\\u043ecation" = 1\n')
    assert str(document.problem(("l\u043ecation", 2), "is wrong")) == "line 1: 'l\\u043ecation'.3: is wrong"
