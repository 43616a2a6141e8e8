"""Subscribers, devices, enrolment codes and resume tokens, as rows."""

import asyncio

import pytest

from pttserver.errors import AlreadyExists, NotFound
from pttserver.ids import DeviceId, Personal, SubscriberId, TenantId
from pttserver.privacy.categories import Category
from pttserver.privacy.cutoffs import Events
from pttserver.privacy.purposes import Purpose
from pttserver.roles import Rights
from pttserver.store.records import IdentifierKind, LoginCandidate, ResumeToken, Returning
from pttserver.store.resume import ResumeTokens
from store.organisation import GATE, credential, device, new_key, subscriber


@pytest.fixture
def resume(database):
    return ResumeTokens(database)


async def test_a_subscriber_is_found_by_identifier_and_id(acme):
    anna = await acme.subscribers.find(acme.tenant_id, "+491511234567")
    assert anna == await acme.subscribers.find(acme.tenant_id, acme.anna)
    assert anna.identifier_kind is IdentifierKind.PHONE
    assert [s.subscriber_id for s in await acme.subscribers.of_tenant(acme.tenant_id)] == [acme.anna, acme.bert]
    assert await acme.subscribers.find(TenantId("ten_2"), acme.anna) is None


async def test_identifiers_are_unique_in_the_tenant(acme):
    with pytest.raises(AlreadyExists, match="identifier"):
        await acme.subscribers.add(subscriber(SubscriberId("sub_2"), "Gate 4"))


async def test_the_identifier_of_a_removed_subscriber_is_free_again(acme):
    assert await acme.subscribers.remove(acme.bert, 50)
    assert not await acme.subscribers.remove(acme.bert, 60)
    assert await acme.subscribers.find(acme.tenant_id, "Gate 4") is None
    assert await acme.subscribers.find(acme.tenant_id, acme.bert) is None
    await acme.subscribers.add(subscriber(SubscriberId("sub_2"), "Gate 4"))
    assert (await acme.subscribers.find(acme.tenant_id, "Gate 4")).subscriber_id == "sub_2"


async def test_rename_and_login(acme):
    assert await acme.subscribers.rename(acme.anna, None, 5)
    await acme.subscribers.record_login(acme.anna, GATE.release(Category.LAST_LOGIN, Purpose.SECURITY, acme.anna, 99))
    await acme.subscribers.record_login(acme.anna, None)
    anna = await acme.subscribers.find(acme.tenant_id, acme.anna)
    assert (anna.display_name, anna.last_login_ms) == (None, 99)
    assert not await acme.subscribers.rename(SubscriberId("none"), None, 5)


async def test_only_an_enrolled_device_can_log_in(acme):
    assert await acme.devices.login_candidate(acme.radio) is None
    await acme.enrol()
    candidate = await acme.devices.login_candidate(acme.radio)
    assert candidate == LoginCandidate(
        device_id=acme.radio,
        subscriber_id=acme.anna,
        tenant_id=acme.tenant_id,
        display_name=Personal("Anna"),
        device_type=Personal("ptt cli"),
        public_key=acme.public_key,
        pin_hash="hash of 4711",
        revoked=False,
        rights=Rights(),
        created_ms=3,
        events=Events(),
        enrolled_ms=candidate.enrolled_ms,
    )
    assert isinstance(candidate.public_key, bytes)
    assert "4711" not in repr(candidate)
    assert await acme.devices.login_candidate(DeviceId("none")) is None


async def test_one_of_a_hundred_claims_wins(acme):
    claims = (acme.enrolments.claim(acme.code_hash, bytes([n]) * 32, 20, new_key(bytes([n]) * 32)) for n in range(100))
    won = [n for n, device in enumerate(await asyncio.gather(*claims)) if device is not None]
    assert len(won) == 1
    candidate = await acme.devices.login_candidate(acme.radio)
    assert candidate.public_key == bytes(won) * 32


async def test_a_claim_tells_whose_device_it_is(acme):
    enrolled = await acme.enrolments.claim(acme.code_hash, acme.public_key, 20, new_key())
    assert (enrolled.device_id, enrolled.subscriber_id, enrolled.tenant_name) == (acme.radio, acme.anna, "ACME")


@pytest.mark.parametrize("now_ms", [1000, 5000])
async def test_an_expired_code_is_worth_nothing(acme, now_ms):
    assert await acme.enrolments.claim(acme.code_hash, acme.public_key, now_ms, new_key()) is None
    assert await acme.enrolments.claim(acme.code_hash, acme.public_key, 999, new_key())


async def test_an_unknown_code_is_worth_nothing(acme):
    assert await acme.enrolments.claim(b"?" * 32, acme.public_key, 20, new_key()) is None


async def test_a_new_code_replaces_the_old_and_then_the_key(acme, resume):
    await acme.enrol()
    await resume.put_resume(acme.anna, acme.radio, b"t" * 32, 9)
    await acme.enrolments.issue(acme.radio, b"n" * 32, 2000, 30)
    await acme.enrolments.issue(acme.radio, b"m" * 32, 2000, 30)
    assert (await acme.devices.login_candidate(acme.radio)).public_key == acme.public_key
    assert await acme.enrolments.claim(b"n" * 32, b"z" * 32, 40, new_key(b"z" * 32)) is None
    assert await acme.enrolments.claim(b"m" * 32, b"z" * 32, 40, new_key(b"z" * 32))
    assert (await acme.devices.login_candidate(acme.radio)).public_key == b"z" * 32
    assert await resume.resume_token(acme.anna) is None


async def test_revoking_ends_code_and_token_and_keeps_the_row(acme, resume):
    await acme.enrol()
    await acme.enrolments.issue(acme.radio, b"n" * 32, 2000, 30)
    await resume.put_resume(acme.anna, acme.radio, b"t" * 32, 9)
    assert await acme.devices.revoke(acme.radio, 50)
    assert not await acme.devices.revoke(acme.radio, 60)
    assert (await acme.devices.login_candidate(acme.radio)).revoked
    assert (await acme.devices.find(acme.tenant_id, "Radio 7"))[0].revoked_ms == 50
    assert await resume.resume_token(acme.anna) is None
    assert await acme.enrolments.claim(b"n" * 32, b"z" * 32, 40, new_key(b"z" * 32)) is None
    with pytest.raises(NotFound):
        await acme.enrolments.issue(acme.radio, b"o" * 32, 2000, 30)


async def test_devices_of_tenant_and_subscriber(acme):
    other = device(DeviceId("dev_2"), acme.bert)
    await acme.devices.add(other, b"d" * 32, 9)
    assert [d.device_id for d in await acme.devices.of_tenant(acme.tenant_id)] == [acme.radio, other.device_id]
    (found,) = await acme.devices.of_tenant(acme.tenant_id, acme.bert)
    assert (found.device_id, found.label, found.created_ms) == (other.device_id, None, 4)
    assert await acme.devices.remove(other.device_id, 5)
    assert await acme.devices.of_tenant(acme.tenant_id, acme.bert) == []


async def test_a_device_and_its_code_are_added_together(acme):
    with pytest.raises(AlreadyExists):
        await acme.devices.add(device(DeviceId("dev_2"), acme.bert), acme.code_hash, 9)
    assert len(await acme.devices.of_tenant(acme.tenant_id)) == 1


async def test_one_resume_token_per_subscriber(acme, resume):
    await resume.put_resume(acme.anna, acme.radio, b"a" * 32, 9)
    await resume.put_resume(acme.anna, acme.radio, b"b" * 32, 3_600_001)
    assert await resume.resume_token(acme.anna) == ResumeToken(acme.anna, acme.radio, b"b" * 32, 7_200_000)
    await resume.delete_resume(acme.anna)
    assert await resume.resume_token(acme.anna) is None


async def test_a_token_goes_within_an_hour_of_its_end_and_does_not_tell_it(acme, resume):
    await resume.put_resume(acme.anna, acme.radio, b"a" * 32, 7_200_000)
    await resume.put_resume(acme.bert, acme.radio, b"b" * 32, 3_600_001)
    assert (await resume.resume_token(acme.anna)).expires_ms == (await resume.resume_token(acme.bert)).expires_ms
    await resume.delete_expired(7_199_999)
    assert await resume.resume_token(acme.anna)
    await resume.delete_expired(7_200_000)
    assert await resume.resume_token(acme.anna) is await resume.resume_token(acme.bert) is None


async def test_what_a_resumption_needs_comes_in_one_read(acme, resume):
    await acme.enrol()
    await resume.put_resume(acme.anna, acme.radio, b"a" * 32, 9)
    returning = await resume.returning(acme.radio)
    assert returning.candidate == await acme.devices.login_candidate(acme.radio)
    assert returning.token == await resume.resume_token(acme.anna)
    assert returning.memberships == await acme.groups.memberships(acme.anna) != []
    assert await resume.returning(DeviceId("none")) == Returning(None, None, [])


@pytest.mark.parametrize("end", ["set_pin", "remove_device", "remove_subscriber"])
async def test_what_ends_a_resume_token(acme, resume, end):
    await resume.put_resume(acme.anna, acme.radio, b"a" * 32, 9)
    if end == "set_pin":
        assert await acme.subscribers.set_pin(acme.anna, credential(acme.anna, "other hash"))
    elif end == "remove_device":
        assert await acme.devices.remove(acme.radio, 5)
    else:
        assert await acme.subscribers.remove(acme.anna, 50)
    assert await resume.resume_token(acme.anna) is None
