"""JSON text to one plain object, refusing what a lenient parser lets through.

Refused: anything but an object, duplicate keys, NaN and infinities (also `1e999`), nesting that would exhaust the
stack, integers of thousands of digits. The size is capped before this is called.
"""

import json
import math
from typing import Any, NoReturn

from pttserver.errors import MalformedMessage


def parse_object(text: str) -> dict[str, Any]:
    """The object that `text` holds. Raises MalformedMessage."""
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise MalformedMessage("The message is nested too deeply.") from None
    except ValueError:
        raise MalformedMessage("The message is not valid JSON.") from None
    if not isinstance(value, dict):
        raise MalformedMessage("The message is not a JSON object.")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedMessage("The message has a key twice.")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedMessage("NaN and infinities are not JSON numbers.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise MalformedMessage("NaN and infinities are not JSON numbers.")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)
