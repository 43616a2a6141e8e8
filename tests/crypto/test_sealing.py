"""Sealing: what was sealed opens with the same key for the same purpose only, and every change is found."""

import pytest

from pttserver.crypto.sealing import MasterKey, SubjectKey, TenantKey
from pttserver.errors import SealBroken

KEY = SubjectKey(b"k" * 32)
VALUES = ("Anna", "", "Ünïcödé", 0, -7, 2**63, b"", b"\x00s")


@pytest.mark.parametrize("value", VALUES)
def test_what_is_sealed_opens(value):
    assert KEY.open(KEY.seal(value, "name"), "name") == value


def test_equal_values_are_sealed_differently():
    assert KEY.seal("Anna", "name") != KEY.seal("Anna", "name")


@pytest.mark.parametrize(("key", "context"), [(SubjectKey(b"x" * 32), "name"), (KEY, "identifier")])
def test_another_key_or_context_opens_nothing(key, context):
    with pytest.raises(SealBroken):
        key.open(KEY.seal("Anna", "name"), context)


def test_every_flipped_bit_is_found():
    octets = KEY.seal("Anna", "name")
    for place in range(8 * len(octets)):
        changed = bytearray(octets)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(SealBroken):
            KEY.open(bytes(changed), "name")


@pytest.mark.parametrize("length", [0, 1, 11, 12, 27])
def test_what_was_cut_off_is_refused(length):
    with pytest.raises(SealBroken):
        KEY.open(KEY.seal("Anna", "name")[:length], "name")


def test_references_and_pseudonyms_depend_on_the_key_and_on_what_they_are_for():
    other = SubjectKey(b"x" * 32)
    names = {KEY.reference("history"), KEY.reference("audit"), other.reference("history")}
    assert len(names) == 3
    assert KEY.reference("history") == SubjectKey(b"k" * 32).reference("history")
    assert KEY.pseudonym("Anna", "name") == KEY.pseudonym("Anna", "name")
    assert len({KEY.pseudonym("Anna", "name"), KEY.pseudonym("Anna", "x"), other.pseudonym("Anna", "name")}) == 3


def test_a_wrapped_key_belongs_to_its_subject_and_its_tenant():
    tenant = TenantKey(b"t" * 32)
    wrapped = tenant.draw_subject("sub_1")
    assert tenant.subject("sub_1", wrapped).reference("x") == tenant.subject("sub_1", wrapped).reference("x")
    for key, subject in ((tenant, "sub_2"), (TenantKey(b"u" * 32), "sub_1")):
        with pytest.raises(SealBroken):
            key.subject(subject, wrapped)


def test_a_tenant_key_belongs_to_its_tenant_and_its_master():
    master = MasterKey.draw()
    wrapped = master.draw_tenant("ten_1")
    assert len(master.unwrap("ten_1", wrapped)) == 32
    for key, tenant in ((master, "ten_2"), (MasterKey.draw(), "ten_1")):
        with pytest.raises(SealBroken):
            key.unwrap(tenant, wrapped)


def test_the_blind_index_is_of_the_tenant_and_the_context():
    tenant, other = TenantKey(b"t" * 32), TenantKey(b"u" * 32)
    index = tenant.blind_index("+491511234567", "identifier")
    assert index == tenant.blind_index("+491511234567", "identifier")
    assert len(index) == 16
    assert index not in {tenant.blind_index("+491511234567", "x"), other.blind_index("+491511234567", "identifier")}


def test_a_key_prints_nothing_of_itself():
    master = MasterKey(b"secret master key of 32 octets!!")
    assert "secret" not in repr(master)
    assert master.key.hex() not in repr(master)
    assert len(master.key_id) == 16
