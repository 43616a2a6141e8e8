"""What names, identifiers and PINs may look like; everything else about a text stays inert."""

import re
import unicodedata

from pttserver.errors import InvalidValue
from pttserver.ids import Personal
from pttserver.store.records import IdentifierKind

MAX_CODE_POINTS = 64
MAX_BYTES = 200
MAX_REMARK_CODE_POINTS = 500
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 128
FEWEST_CHARACTERS = 5
SHORTEST_NAME_LOOKED_FOR = 4

# Controls, bidi and zero-width characters, lone surrogates, private use, line and paragraph ends.
_FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_INVISIBLE = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters by category, blanks to the eye
_OUR_ID = re.compile(r"(ten|grp|sub|dev)_[0-9a-f]{16}")
_PHONE_PUNCTUATION = str.maketrans("", "", " -()")
_DIALLED = re.compile(r"\+?[0-9 ()-]+")
_PHONE = re.compile(r"\+?[0-9]{7,15}")
_DIGITS = re.compile(r"[0-9]+")


def name(text: str, what: str = "the name") -> str:
    """`text` without blanks around it, in NFC. Raises InvalidValue that says what is wrong with `what`."""
    plain = unicodedata.normalize("NFC", text.strip())
    _check_characters(plain, what)
    _check_length(plain, what)
    if _OUR_ID.fullmatch(plain):
        raise InvalidValue(f"{what} looks like an identifier of the server; choose another")
    return plain


def remark(text: str, what: str) -> str:
    """A sentence or two about what is done, without what cannot be seen. Raises InvalidValue."""
    plain = unicodedata.normalize("NFC", text.strip())
    _check_characters(plain, what)
    if not plain:
        raise InvalidValue(f"{what} is empty")
    if len(plain) > MAX_REMARK_CODE_POINTS:
        raise InvalidValue(f"{what} is longer than {MAX_REMARK_CODE_POINTS} characters")
    return plain


def personal_name(text: str | None, what: str) -> Personal | None:
    """The same for a text about a person; None and blanks give None. Raises InvalidValue."""
    return Personal(name(text, what)) if text is not None and text.strip() else None


def identifier(text: str) -> tuple[Personal, IdentifierKind]:
    """A phone number without its punctuation, or any name. Raises InvalidValue.

    A phone number has 7 to 15 digits (E.164), with or without a leading `+`; shorter ones, such as an
    extension, are artificial. What starts with `+` is meant to be a phone number, so a wrong one is refused.
    """
    plain = name(text, "the identifier")
    dialled = undialled(plain)
    if _PHONE.fullmatch(dialled):
        return Personal(dialled), IdentifierKind.PHONE
    if _DIALLED.fullmatch(plain) and plain.startswith("+"):
        raise InvalidValue("a phone number has 7 to 15 digits after the +")
    return Personal(plain), IdentifierKind.CUSTOM


def undialled(plain: str) -> str:
    """What looks like a phone number without its punctuation; anything else as it is."""
    return plain.translate(_PHONE_PUNCTUATION) if _DIALLED.fullmatch(plain) else plain


def name_or_id(text: str) -> str:
    """What to look an object up by: the form that its name was stored in, or an identifier as it is."""
    return unicodedata.normalize("NFC", text.strip())


def identifier_or_id(text: str) -> str:
    """The same for a subscriber: also a part of an identifier, where no more is kept."""
    plain = name_or_id(text)
    dialled = undialled(plain)
    return dialled if _PHONE.fullmatch(dialled) else plain


def pin(text: str) -> str:
    """4 to 12 digits, or a passphrase of 6 to 64 characters. Raises InvalidValue without repeating it."""
    plain = unicodedata.normalize("NFC", text)
    _check_characters(plain, "the PIN")
    shortest, longest = (4, 12) if _DIGITS.fullmatch(plain) else (6, MAX_CODE_POINTS)
    if not shortest <= len(plain) <= longest:
        raise InvalidValue("a PIN has 4 to 12 digits; a passphrase has 6 to 64 characters")
    return plain


def password(text: str, *others: str | None) -> str:
    """12 to 128 characters (NIST SP 800-63B §3.1.1.2), and none of `others`: names that go with the account.

    Which kinds of characters is not asked for. Raises InvalidValue without repeating it.
    """
    plain = unicodedata.normalize("NFC", text)
    if not SHORTEST_PASSWORD <= len(plain) <= LONGEST_PASSWORD:
        raise InvalidValue(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if len(set(plain)) < FEWEST_CHARACTERS:
        raise InvalidValue("the password is made of too few different characters")
    if any(
        other and len(other) >= SHORTEST_NAME_LOOKED_FOR and other.casefold() in plain.casefold() for other in others
    ):
        raise InvalidValue("the password holds the name that it goes with")
    return plain


def priority(value: int) -> int:
    """0 to 255. Raises InvalidValue."""
    if not 0 <= value <= 255:
        raise InvalidValue("a priority is 0 to 255; 255 goes first")
    return value


def _check_characters(text: str, what: str) -> None:
    for character in text:
        if unicodedata.category(character) in _FORBIDDEN or character in _INVISIBLE:
            raise InvalidValue(f"{what} holds a character that cannot be seen: U+{ord(character):04X}")


def _check_length(text: str, what: str) -> None:
    if not text:
        raise InvalidValue(f"{what} is empty")
    if len(text) > MAX_CODE_POINTS or len(text.encode()) > MAX_BYTES:
        raise InvalidValue(f"{what} is longer than {MAX_CODE_POINTS} characters or {MAX_BYTES} bytes of UTF-8")
