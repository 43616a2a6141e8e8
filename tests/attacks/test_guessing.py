"""Who tries to get in without the right: every way is refused, none tells anything, none locks the owner out."""

import ast
import asyncio
import base64
import json
import math
import random
import statistics
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import pttserver
from attacks.bare_radio import PIN, BareRadio, Refusal
from attacks.live_call import LiveCall
from attacks.raw_websocket import RawWebSocket
from ptthandset.credentials import Credentials
from pttserver.config import AuthenticationSettings
from pttserver.crypto.device_keys import proof
from pttserver.privacy.operations import OPERATIONS
from pttserver.roles import Role
from pttserver.wire import signalling
from pttserver.wire.floor_control import MessageType
from repository import ROOT
from running_server import Platform, running_platform


@pytest.fixture
async def anna(platform: Platform) -> Credentials:
    await platform.organise("Patrol")
    return await platform.enrol("Anna", "Patrol")


async def greeted(platform: Platform) -> BareRadio:
    radio = await BareRadio.open(platform.url)
    await radio.hello()
    return radio


async def refusal(platform: Platform, credentials: Credentials, pin: str = PIN) -> str:
    """The error that a log-in gets, as it came."""
    radio = await greeted(platform)
    with pytest.raises(Refusal):
        await radio.login(credentials, pin)
    await radio.closed()
    radio.udp.close()
    return radio.texts[-1]


async def test_all_refusals_of_a_log_in_look_the_same(platform: Platform, anna: Credentials) -> None:
    """T-065: unknown device, wrong PIN, wrong signature, revoked device, device of another tenant, not enrolled yet."""
    await platform.organise("Patrol", tenant="Umbrella")
    foreign = await platform.enrol("Eve", "Patrol", tenant="Umbrella")
    revoked = await platform.another_device("Anna")
    await platform.devices.revoke("ACME", revoked.device)
    waiting = (await platform.devices.add("ACME", "Anna")).device.device_id
    answers = {
        await refusal(platform, replace(anna, device="dev_0123456789abcdef")),
        await refusal(platform, anna, "0000"),
        await refusal(platform, replace(anna, private_key=Ed25519PrivateKey.generate().private_bytes_raw())),
        await refusal(platform, replace(anna, private_key=foreign.private_key)),
        await refusal(platform, replace(anna, device=foreign.device)),
        await refusal(platform, replace(anna, device=waiting)),
        await refusal(platform, revoked),
        await refusal(platform, revoked, "0000"),
    }
    assert answers == {'{"type":"error","re":2,"code":"auth.failed","message":"The log-in was refused."}'}


def kolmogorov_smirnov_p(one: list[float], other: list[float]) -> float:
    """Probability of a distance as great as this if both come from one distribution (asymptotic)."""
    points = sorted(one + other)
    distance = max(
        abs(sum(x <= point for x in one) / len(one) - sum(x <= point for x in other) / len(other)) for point in points
    )
    scaled = distance * math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    return min(1.0, max(0.0, 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))))


@pytest.mark.alone
async def test_refusals_of_a_log_in_take_the_same_time(tmp_path: Path) -> None:
    """T-065: sampled in random order with a PIN hash of some milliseconds; ratio of the medians and KS test."""
    cost = AuthenticationSettings(
        pin_hash_memory_kib=16_384, pin_hash_passes=1, failures_per_address=10_000, failures_per_subscriber=10_000
    )
    async with running_platform(tmp_path, authentication=cost) as platform:
        await platform.organise("Patrol")
        anna = await platform.enrol("Anna", "Patrol")
        revoked = await platform.another_device("Anna")
        await platform.devices.revoke("ACME", revoked.device)
        cases = {
            "wrong PIN": (anna, "0000"),
            "unknown device": (replace(anna, device="dev_0123456789abcdef"), PIN),
            "wrong signature": (replace(anna, private_key=bytes(32)), PIN),
            "revoked": (revoked, PIN),
        }
        took: dict[str, list[float]] = {name: [] for name in cases}
        order = list(cases) * 120
        random.Random(2).shuffle(order)
        for name in order:
            credentials, pin = cases[name]
            radio = await greeted(platform)
            text = radio.login_request(credentials, pin).model_copy(update={"id": 5}).to_json()
            started = time.perf_counter()
            with pytest.raises(Refusal):
                await radio.ask_text(text, 5, signalling.SessionStarted)
            took[name].append(time.perf_counter() - started)
            radio.vanish()
        reference = took.pop("wrong PIN")
        figures = []
        for name, samples in took.items():
            ratio = statistics.median(samples) / statistics.median(reference)
            p = kolmogorov_smirnov_p(samples, reference)
            figures.append((name, round(ratio, 3), round(p, 4)))
        print(f"\nT-065 (n=120, {statistics.median(reference) * 1000:.1f} ms), median ratio and KS p: {figures}")
        assert all(0.9 < ratio < 1.1 for _, ratio, _ in figures)
        assert all(p > 0.0005 for _, _, p in figures)


async def test_a_signature_is_worth_nothing_on_another_connection(platform: Platform, anna: Credentials) -> None:
    """Issue 2 part 5: a recorded log-in, replayed: the challenge is another."""
    first = await greeted(platform)
    recorded = first.login_request(anna).model_copy(update={"id": 9}).to_json()
    assert isinstance(await first.ask_text(recorded, 9, signalling.SessionStarted), signalling.SessionStarted)
    second = await greeted(platform)
    with pytest.raises(Refusal, match=r"auth\.failed"):
        await second.ask_text(recorded, 9, signalling.SessionStarted)
    assert first.is_open
    assert platform.server.services.attendance.takeovers == 0
    await first.close()


@pytest.mark.parametrize(
    "changed",
    ["purpose resume", "purpose enroll", "version", "challenge", "certificate", "device", "nothing"],
)
async def test_a_signature_binds_purpose_version_connection_certificate_and_device(
    platform: Platform, anna: Credentials, changed: str
) -> None:
    """Issue 2 part 5: each part that is signed counts; with another certificate it is a man in the middle's."""
    radio = await greeted(platform)
    purpose = changed.removeprefix("purpose ") if changed.startswith("purpose") else "login"
    signed = proof(
        purpose,  # type: ignore[arg-type]
        2 if changed == "version" else 1,
        bytes(32) if changed == "challenge" else radio.challenge,
        bytes(32) if changed == "certificate" else radio.certificate_digest,
        "dev_0123456789abcdef" if changed == "device" else anna.device,
    )
    request = signalling.Login(id=5, device=anna.device, pin=PIN, signature=anna.sign(signed))
    if changed == "nothing":
        assert await radio.ask_text(request.to_json(), 5, signalling.SessionStarted)
        return
    with pytest.raises(Refusal, match=r"auth\.failed"):
        await radio.ask_text(request.to_json(), 5, signalling.SessionStarted)


async def test_a_stranger_cannot_lock_the_owner_out(tmp_path: Path) -> None:
    """T-064: guesses without the device's key are charged to the address of the stranger only."""
    limits = AuthenticationSettings(
        pin_hash_memory_kib=8, failures_per_address=5, failures_per_address_refill_s=1000, failures_per_subscriber=2
    )
    async with running_platform(tmp_path, authentication=limits) as platform:
        await platform.organise("Patrol")
        anna = await platform.enrol("Anna", "Patrol")
        owner = await BareRadio.log_in(anna)
        thief = replace(anna, private_key=bytes(32))
        for _ in range(5):
            assert "auth.failed" in await refusal(platform, thief, "0000")
        throttled = await refusal(platform, thief, "0000")
        assert '"auth.throttled"' in throttled
        assert "retry_after_s" in throttled
        assert await owner.ask_ping() < 1  # who is in stays in
        await owner.close()
        elsewhere = await BareRadio.open(platform.url, local_addr=("127.0.0.2", 0))
        await elsewhere.hello()
        await elsewhere.login(anna)
        await elsewhere.close()


async def test_wrong_pins_of_the_owner_throttle_and_recover(tmp_path: Path) -> None:
    """T-064: ten wrong PINs, say, then a pause; never for ever, and never somebody else."""
    limits = AuthenticationSettings(
        pin_hash_memory_kib=8, failures_per_subscriber=3, failures_per_subscriber_refill_s=0.7
    )
    async with running_platform(tmp_path, authentication=limits) as platform:
        await platform.organise("Patrol")
        anna, bert = await platform.enrol("Anna", "Patrol"), await platform.enrol("Bert", "Patrol")
        for _ in range(3):
            assert "auth.failed" in await refusal(platform, anna, "0000")
        assert "auth.throttled" in await refusal(platform, anna)
        await (await BareRadio.log_in(bert)).close()
        await asyncio.sleep(0.8)
        await (await BareRadio.log_in(anna)).close()


async def test_guesses_from_many_addresses_are_throttled_by_the_device_that_signs_them(tmp_path: Path) -> None:
    """T-064: a stolen handset with the key in it, used from many networks: the subscriber's bucket ends it."""
    limits = AuthenticationSettings(
        pin_hash_memory_kib=8, failures_per_subscriber=5, failures_per_subscriber_refill_s=1000
    )
    async with running_platform(tmp_path, authentication=limits) as platform:
        await platform.organise("Patrol")
        stolen = await platform.enrol("Anna", "Patrol")
        codes = []
        for host in range(2, 22):
            radio = await BareRadio.open(platform.url, local_addr=(f"127.0.0.{host}", 0))
            await radio.hello()
            with pytest.raises(Refusal) as refused:
                await radio.login(stolen, "0000")
            codes.append(refused.value.code)
            radio.vanish()
        assert codes == ["auth.failed"] * 5 + ["auth.throttled"] * 15


SAMPLES: dict[str, dict[str, object]] = {
    "hello": {"protocol": 1, "client": "x"},
    "enroll": {
        "code": "0000-0000-0000-0000", "public_key": "A" * 43 + "=", "device_type": "x", "signature": "A" * 86 + "==",
    },
    "login": {"device": "dev_0123456789abcdef", "pin": "1", "signature": "A" * 86 + "=="},
    "login.console": {"device": "dev_0123456789abcdef", "signature": "A" * 86 + "=="},
    "resume": {"device": "dev_0123456789abcdef", "token": "A" * 43 + "=", "signature": "A" * 86 + "=="},
    "logout": {},
    "groups.list": {},
    "affiliate": {"group": "grp_0123456789abcdef"},
    "deaffiliate": {"group": "grp_0123456789abcdef"},
    "presence.list": {"group": "grp_0123456789abcdef"},
    "media.path": {"via": "udp"},
    "ping": {},
    "call.private": {"to": "sub_0123456789abcdef"},
    "call.first_to_answer": {"to": ["sub_0123456789abcdef"]},
    "call.broadcast": {"group": "grp_0123456789abcdef"},
    "call.answer": {"call": "cal_0123456789abcdef"},
    "call.reject": {"call": "cal_0123456789abcdef"},
    "call.end": {"call": "cal_0123456789abcdef"},
    "call.alert": {"to": "sub_0123456789abcdef"},
    "call.alert.acknowledge": {"of": "sub_0123456789abcdef"},
    "group.peril": {"group": "grp_0123456789abcdef", "on": True},
    "group.make": {"name": "x", "members": ["sub_0123456789abcdef"], "reason": "x"},
    "group.dissolve": {"group": "grp_0123456789abcdef", "reason": "x"},
    "dispatch.overview": {},
    "dispatch.watch": {"on": True},
    "floor.revoke": {"group": "grp_0123456789abcdef", "reason": "x"},
    "device.logout": {"who": "dev_0123456789abcdef", "reason": "x"},
    "device.stun": {"who": "dev_0123456789abcdef", "reason": "x"},
    "device.enable": {"who": "dev_0123456789abcdef", "reason": "x"},
    "device.wipe": {"who": "dev_0123456789abcdef", "reason": "x"},
    "device.wiped": {},
    "subscriber.regroup": {"subscriber": "sub_0123456789abcdef", "reason": "x"},
    "location.report": {"positions": [{"latitude": 1.5, "longitude": 2.5, "accuracy_m": 3.5, "at_ms": 4}]},
    "location.switch": {"on": True},
    "location.looks": {},
    "location.request": {"subscriber": "sub_0123456789abcdef"},
    "location.last": {"subscriber": "sub_0123456789abcdef"},
    "location.history": {"subscriber": "sub_0123456789abcdef", "from_ms": 0, "until_ms": 1},
    "location.watch": {},
    "location.unwatch": {},
    "location.group": {
        "name": "x",
        "reason": "x",
        "shape": {"kind": "circle", "center": {"latitude": 1.5, "longitude": 2.5}, "radius_m": 10.5},
    },
    "fence.put": {
        "name": "x",
        "shape": {"kind": "circle", "center": {"latitude": 1.5, "longitude": 2.5}, "radius_m": 10.5},
    },
    "fence.remove": {"fence": "fen_0123456789abcdef"},
    "fence.list": {},
}  # fmt: skip
EXAMPLES = json.loads((ROOT / "proto/vectors/messages.json").read_text(encoding="utf-8"))["requests"]
SAMPLES |= {
    kind: {name: value for name, value in json.loads(frame).items() if name not in ("type", "id")}
    for kind, frame in EXAMPLES.items()
    if kind.startswith(("alert.", "message.", "contact."))
}


def test_every_request_has_a_sample() -> None:
    """T-067: a new request without a row here fails."""
    assert set(SAMPLES) == set(signalling.REQUESTS)


@pytest.mark.parametrize("greet", [False, True], ids=["before hello", "before the log-in"])
async def test_every_request_out_of_turn_is_refused(platform: Platform, greet: bool) -> None:
    """T-067: generated from the registry of requests; one answer, then the connection is closed."""
    entrances = {
        "hello": "protocol.state",
        "enroll": "enrolment.failed",
        "login": "auth.failed",
        "login.console": "auth.failed",
        "resume": "auth.failed",
    }
    for kind, members in SAMPLES.items():
        if kind == "hello" and not greet:
            continue
        raw = await RawWebSocket.open(platform.server.signalling_port)
        if greet:
            raw.send_json({"type": "hello", "id": 1, **SAMPLES["hello"]})
            assert (await raw.message())["type"] == "welcome"
        raw.send_json({"type": kind, "id": 5, **members})
        answer = await raw.message()
        wanted = entrances.get(kind, "auth.required") if greet else "protocol.state"
        assert (answer["type"], answer["re"], answer["code"]) == ("error", 5, wanted), kind
        assert await raw.close_code() == 4002, kind
    assert len(platform.server.services.sessions) == 0


async def test_binary_frames_before_the_log_in_do_nothing(platform: Platform) -> None:
    """T-067: neither voice nor floor control without a session."""
    call = await LiveCall.start(platform)
    stranger = await greeted(platform)
    before = platform.server.services.relay.packets_relayed
    await stranger.connection.send(call.talker.floor_message(MessageType.FLOOR_RELEASE).encode())
    await stranger.connection.send(b"\x80\x6f\x00\x01" + bytes(4) + call.burst_ssrc.to_bytes(4, "big") + bytes(40))
    await asyncio.sleep(0.05)
    assert platform.server.services.relay.packets_relayed == before
    assert call.drops() == {}
    await call.still_works()
    await stranger.close()
    await call.stop()


async def test_an_object_of_another_tenant_is_as_good_as_none(platform: Platform, anna: Credentials) -> None:
    """T-068: each operation with a group: another tenant's, one's own tenant's but not a member, none: one answer."""
    await platform.organise("Patrol", tenant="Umbrella")
    theirs = await BareRadio.log_in(await platform.enrol("Eve", "Patrol", tenant="Umbrella"))
    foreign = theirs.session.groups[0].group
    await platform.provisioning.add_group("ACME", "Secret")
    secret = (await platform.provisioning.group("ACME", "Secret")).group_id
    await theirs.affiliate(foreign)
    radio = await BareRadio.log_in(anna)
    everybodys = {kind for kind, operation in OPERATIONS.items() if Role.SUBSCRIBER in operation.roles}
    with_group = [kind for kind, members in SAMPLES.items() if "group" in members and kind in everybodys]
    assert with_group == ["affiliate", "deaffiliate", "presence.list", "group.peril"]
    for kind in with_group:
        answers = set()
        for group in (foreign, secret, "grp_0123456789abcdef"):
            request = signalling.REQUESTS[kind].model_validate({**SAMPLES[kind], "id": 1, "group": group})
            with pytest.raises(Refusal) as refused:
                await radio.ask(request, signalling.Reply)
            answers.add((refused.value.code, refused.value.error.message, str(refused.value.error.details)))
        assert answers == {("not_found", "There is no such object.", "None")}, kind
    assert len(platform.server.services.talk.affiliations(foreign)) == 1
    await radio.close()
    await theirs.close()


SECRETS = ("pin", "token", "digest", "signature", "challenge", "code_hash", "secret", "mac", "tag")


def test_no_secret_is_compared_with_equals() -> None:
    """T-045: `==` on a token, tag or digest tells by its time how much of a guess was right."""
    found = []
    for file in sorted(Path(pttserver.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Compare) or not any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
                continue
            sides = (node.left, *node.comparators)
            names = [side.id for side in sides if isinstance(side, ast.Name)]
            names += [side.attr for side in sides if isinstance(side, ast.Attribute)]
            if any(secret in name.lower().split("_") for name in names for secret in SECRETS):
                found.append(f"{file.name}:{node.lineno}: {ast.unparse(node)}")
    public = ("enrolment.py",)  # the pin of a certificate is public, and compared with its own spelling
    assert [line for line in found if not line.startswith(public)] == []


async def test_tokens_of_two_subscribers_do_not_fit_each_other(platform: Platform, anna: Credentials) -> None:
    """T-033: right device key, somebody else's token, or one octet changed."""
    bert = await platform.enrol("Bert", "Patrol")
    one, other = await BareRadio.log_in(anna), await BareRadio.log_in(bert)
    token = bytearray(one.session.resume_token)
    token[31] ^= 1
    for wrong in (other.session.resume_token, bytes(token), bytes(32)):
        radio = await greeted(platform)
        with pytest.raises(Refusal, match=r"auth\.failed"):
            await radio.resume(anna, wrong, one.session.session)
    session_of_other = await greeted(platform)
    reply = await session_of_other.resume(anna, one.session.resume_token, other.session.session)
    assert not reply.resumed, "a foreign session must not be taken over"
    assert platform.server.services.sessions.get(other.session.session) is not None
    assert base64.b64encode(bytes(token)).decode() not in "".join(one.texts)
    await other.close()
    await session_of_other.close()
