"""JSON text: what a lenient parser would let through is refused, and nothing but MalformedMessage is ever raised."""

import contextlib
import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.errors import MalformedMessage
from pttserver.wire.strict_json import parse_object

REFUSED = [
    "", " ", "null", "true", "5", '"text"', "[]", "[{}]", "{", "}", "{}{}", "{} x", "{'a':1}", "{a:1}", '{"a":1,}',
    '{"a":}', '{"a" 1}', '{"a":01}', '{"a":+1}', '{"a":.5}', '{"a":1.}', '{"a":0x10}', '{"a":NaN}', '{"a":Infinity}',
    '{"a":-Infinity}', '{"a":1e999}', '{"a":-1e999}', '{"a":[1e400]}', '{"a":yes}', '{"a":undefined}', '{"a":1,"a":1}',
    '{"a":{"b":1,"b":2}}', '{"a":1,"\\u0061":2}', '{"a":"\n"}', '{"a":"\x00"}', '\ufeff{"a":1}', '{"a":1}/**/',
    '{"a":' + "9" * 5_000 + "}", '{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "[" * 100_000, '{"a":' * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20])
def test_is_refused(text: str) -> None:
    """T-052, T-053."""
    with pytest.raises(MalformedMessage):
        parse_object(text)


def test_deep_nesting_is_refused_in_no_time() -> None:
    """T-052: nesting 5,000 and 100,000 costs milliseconds."""
    for depth in (5_000, 100_000):
        started = time.perf_counter()
        with pytest.raises(MalformedMessage):
            parse_object('{"a":' + "[" * depth)
        assert time.perf_counter() - started < 0.1


@given(st.text())
def test_any_text_is_an_object_or_malformed(text: str) -> None:
    """T-053."""
    with contextlib.suppress(MalformedMessage):
        assert isinstance(parse_object(text), dict)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), _values, max_size=5))
def test_what_is_right_comes_through_unchanged(value: dict[str, object]) -> None:
    found = parse_object(json.dumps(value))
    assert found == value
    assert all(math.isfinite(number) for number in found.values() if isinstance(number, float))
