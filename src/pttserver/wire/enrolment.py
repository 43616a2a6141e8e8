"""The text of the enrolment QR code: where the server is, how to know it, and the one-time code.

    ptt:enroll?url=wss://HOST:PORT/v1/ptt&pin=PIN&code=CODE

    PIN    base64url without padding of SHA-256 of the certificate's SubjectPublicKeyInfo, as in RFC 7469 §2.4
    CODE   80 random bits in Crockford's base32, in groups of four: `7K3Q-0F9A-XWZ2-M4TB`

The three are there exactly once, in any order, and nothing else is. Nothing is percent-encoded: none of the
three can hold a character that would need it.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import NoReturn

from pttserver.errors import MalformedMessage
from pttserver.wire.signalling import PATH

CODE_BYTES = 10
PIN_BYTES = 32
MAX_TEXT_LENGTH = 512

_PREFIX = "ptt:enroll?"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOK_ALIKES = str.maketrans("OIL", "011", "- ")
_CODE_LENGTH = CODE_BYTES * 8 // 5
_URL = re.compile(r"wss://([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([1-9][0-9]{0,4})" + PATH)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a handset reads from the QR code. `pin` is the text form, `code` in groups of four."""

    url: str
    pin: str
    code: str = field(repr=False)


def server_url(host: str, port: int) -> str:
    """`wss://HOST:PORT/v1/ptt`; an IPv6 address gets its brackets. Raises MalformedMessage."""
    bare = host.strip("[]")
    return _checked_url(f"wss://{f'[{bare}]' if ':' in bare else bare}:{port}{PATH}")


def build_enrolment(enrolment: Enrolment) -> str:
    """The text for the QR code. Raises MalformedMessage if a part is not what it should be."""
    url, pin = _checked_url(enrolment.url), _checked_pin(enrolment.pin)
    return f"{_PREFIX}url={url}&pin={pin}&code={_grouped(normal_code(enrolment.code))}"


def parse_enrolment(text: str) -> Enrolment:
    """Reads what `build_enrolment` gives, with blanks around it. Raises MalformedMessage."""
    text = text.strip()
    if len(text) > MAX_TEXT_LENGTH or not text.startswith(_PREFIX):
        _refuse(f"it starts with {_PREFIX} and has at most {MAX_TEXT_LENGTH} characters")
    pairs = [part.partition("=")[::2] for part in text.removeprefix(_PREFIX).split("&")]
    if sorted(key for key, _ in pairs) != ["code", "pin", "url"]:
        _refuse("url, pin and code must each be there once, and nothing else")
    found = dict(pairs)
    code = _grouped(normal_code(found["code"]))
    return Enrolment(_checked_url(found["url"]), _checked_pin(found["pin"]), code)


def normal_code(code: str) -> str:
    """16 symbols without dashes, from what a person typed: any case, O for 0, I and L for 1.

    Raises MalformedMessage.
    """
    symbols = code.upper().translate(_LOOK_ALIKES) if len(code) <= MAX_TEXT_LENGTH else ""
    if len(symbols) != _CODE_LENGTH or not set(symbols) <= set(_CROCKFORD):
        _refuse(f"the code has {_CODE_LENGTH} letters and digits")
    return symbols


def group_code(secret: bytes) -> str:
    """Ten bytes as `7K3Q-0F9A-XWZ2-M4TB`."""
    number, shifts = int.from_bytes(secret), range(len(secret) * 8 - 5, -1, -5)
    return _grouped("".join(_CROCKFORD[number >> shift & 31] for shift in shifts))


def _grouped(symbols: str) -> str:
    return "-".join(symbols[at : at + 4] for at in range(0, len(symbols), 4))


def _checked_url(url: str) -> str:
    match = _URL.fullmatch(url)
    if match is None or int(match[2]) > 65535:
        _refuse(f"the url is wss://HOST:PORT{PATH}")
    if match[1].startswith("["):
        try:
            IPv6Address(match[1][1:-1])
        except ValueError:
            _refuse("the url holds a wrong IPv6 address")
    return url


def _checked_pin(pin: str) -> str:
    try:
        digest = base64.b64decode(pin + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != PIN_BYTES or base64.urlsafe_b64encode(digest).decode().rstrip("=") != pin:
        _refuse(f"the pin is the base64url of {PIN_BYTES} bytes, without padding")
    return pin


def _refuse(reason: str) -> NoReturn:
    raise MalformedMessage(f"not an enrolment text: {reason}")
