"""Codes are 80 random bits, and their digest forgives how people type."""

import hashlib

import pytest

from pttserver.crypto.enrolment_code import code_digest, draw_code
from pttserver.errors import MalformedMessage


def test_drawn_codes_differ():
    assert len({draw_code() for _ in range(1000)}) == 1000


def test_a_digest_is_of_the_normal_form():
    code = draw_code()
    assert code_digest(code) == code_digest(code.lower().replace("-", " "))
    assert code_digest(code) == hashlib.sha256(code.replace("-", "").encode()).digest()


def test_what_cannot_be_a_code():
    with pytest.raises(MalformedMessage):
        code_digest("nonsense")
