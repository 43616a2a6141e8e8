"""Signalling messages: strict from clients, lenient from servers, no secret in a repr."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pttserver.errors import MalformedMessage, ProtocolError, UnknownMessageType
from pttserver.wire import signalling
from pttserver.wire.signalling import parse_request, parse_server_message, request_id

LOGIN = {
    "type": "login", "id": 1, "device": "dev_0123456789abcdef", "pin": "4711", "signature": "A" * 86 + "==",
}  # fmt: skip


def test_a_request_is_read() -> None:
    login = parse_request(json.dumps(LOGIN))
    assert isinstance(login, signalling.Login)
    assert (login.id, login.device, len(login.signature)) == (1, "dev_0123456789abcdef", 64)
    assert parse_request(login.to_json()) == login


@pytest.mark.parametrize(
    "change",
    [
        {"id": 0}, {"id": -1}, {"id": 2**31}, {"id": "1"}, {"id": 1.0}, {"id": True}, {"id": None},
        {"device": "dev_0123456789ABCDEF"}, {"device": "dev_0123456789abcdef\n"}, {"device": "sub_0123456789abcdef"},
        {"device": ""}, {"device": None}, {"device": ["dev_0123456789abcdef"]}, {"pin": ""}, {"pin": "1" * 65},
        {"pin": 4711}, {"pin": "\ud800"}, {"signature": "A" * 85 + "=="}, {"signature": "A" * 88},
            {"signature": "!" * 88},
        {"signature": "A" * 86 + "==\n"}, {"signature": ""}, {"signature": 5}, {"signature": None},
        {"role": "admin"}, {"tenant": "ten_0123456789abcdef"},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_member_is_refused(change: dict[str, Any]) -> None:
    """T-053, T-055, T-070: strict types, exact sizes, nothing unknown."""
    with pytest.raises(MalformedMessage) as refused:
        parse_request(json.dumps(LOGIN | change))
    assert "4711" not in refused.value.message


@pytest.mark.parametrize("kind", sorted(signalling.SERVER_MESSAGES))
def test_a_client_cannot_send_what_a_server_sends(kind: str) -> None:
    with pytest.raises(UnknownMessageType):
        parse_request(json.dumps({"type": kind, "id": 1}))


def test_a_client_skips_members_that_it_does_not_know() -> None:
    """So that servers can grow."""
    assert parse_server_message('{"type":"pong","re":3,"new":{"a":1}}') == signalling.Pong(re=3)


@given(st.text())
def test_any_text_is_a_request_or_a_protocol_error(text: str) -> None:
    for parse in (parse_request, parse_server_message):
        with contextlib.suppress(ProtocolError):
            parse(text)
    number = request_id(text)
    assert number is None or 1 <= number < 2**31


MEMBERS = sorted({name for model in signalling.REQUESTS.values() for name in model.model_fields} - {"type"})
some_value = st.none() | st.text(max_size=70) | st.integers() | st.booleans()
kinds = st.sampled_from(sorted(signalling.REQUESTS))


@given(st.fixed_dictionaries({"type": kinds}, optional=dict.fromkeys(MEMBERS, some_value)))
def test_any_object_is_a_request_or_malformed(value: dict[str, object]) -> None:
    try:
        request = parse_request(json.dumps(value))
    except MalformedMessage as error:
        message = error.message
    else:
        message = ""
        assert parse_request(request.to_json()) == request
    assert len(message) < 500


def test_secrets_are_not_in_reprs() -> None:
    """T-111: what is printed by mistake tells nothing."""
    login = parse_request(json.dumps(LOGIN))
    resume = signalling.Resume(id=1, device=LOGIN["device"], token=b"T" * 32, signature=bytes(64))
    keys = signalling.SrtpKeys(key=b"K" * 32, salt=b"S" * 12)
    enroll = signalling.Enroll(id=1, code="ABCD-EFGH", public_key=bytes(32), device_type="x", signature=bytes(64))
    for message, secret in ((login, "4711"), (resume, "TTTT"), (keys, "KKKK"), (keys, "SSSS"), (enroll, "ABCD")):
        assert secret not in repr(message)
        assert secret not in str(message)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [("ptt on Linux", True), ("Gerät 7", True), ("无线电", True), ("x" * 64, True), ("x" * 65, False), ("", False),
     ("a\x1bb", False), ("a\x7fb", False), ("a\x9bb", False), ("a\u202eb", False), ("a\u2066b", False),
     ("a\u200bb", False), ("a\ufeffb", False), ("a\u2028b", False), ("a\xadb", False), ("📻", True)],
)  # fmt: skip
def test_short_texts_hold_only_what_can_be_seen(text: str, allowed: bool) -> None:
    """T-055, T-056: they are shown to people, in terminals too."""
    value = json.dumps({"type": "hello", "id": 1, "protocol": 1, "client": text})
    if allowed:
        assert parse_request(value)
        return
    with pytest.raises(MalformedMessage):
        parse_request(value)
