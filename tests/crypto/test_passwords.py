"""PIN hashes verify their own PIN, cost the same for everyone, and survive any input."""

import re

import pytest

from pttserver.crypto.passwords import PinHasher, random_pin


@pytest.fixture(scope="module")
def hasher():
    return PinHasher(memory_kib=8, passes=1)


@pytest.mark.parametrize("pin", ["4711", "", "correct horse", "пароль", "x" * 64, "\ud800"])
def test_verifies_its_own_pin_only(hasher, pin):
    pin_hash = hasher.hash(pin)
    assert hasher.verify(pin_hash, pin)
    assert not hasher.verify(pin_hash, pin + "1")


def test_hashes_are_salted_and_say_how_they_were_made(hasher):
    assert hasher.hash("4711") != hasher.hash("4711")
    assert hasher.hash("4711").startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert "4711" not in hasher.hash("4711")


def test_the_dummy_costs_what_a_pin_costs(hasher):
    assert hasher.dummy_hash.split("$")[:4] == hasher.hash("4711").split("$")[:4]
    assert len(hasher.dummy_hash) == len(hasher.hash("4711"))
    assert not hasher.verify(hasher.dummy_hash, "4711")
    assert PinHasher(8, 1).dummy_hash != hasher.dummy_hash


@pytest.mark.parametrize("damaged", ["", "x", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ", "$2b$12$abc", "\x00"])
def test_a_damaged_hash_verifies_nothing(hasher, damaged):
    assert not hasher.verify(damaged, "4711")


def test_composed_and_decomposed_are_one_passphrase(hasher):
    assert hasher.verify(hasher.hash("caf\u00e9-noir"), "cafe\u0301-noir")


def test_a_hash_outlives_a_change_of_settings(hasher):
    assert PinHasher(memory_kib=16, passes=2).verify(hasher.hash("4711"), "4711")


def test_random_pins():
    drawn = {random_pin() for _ in range(200)}
    assert all(re.fullmatch("[0-9]{6}", pin) for pin in drawn)
    assert len(drawn) > 190
