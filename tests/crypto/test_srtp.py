"""SRTP contexts: AES-256-GCM, 16-octet tags, replays refused on both sides, streams forgotten."""

import pytest
from pylibsrtp import Policy

from pttserver.crypto.packet_memory import MEMORY_BYTES, TRAILER_ROOM_BYTES, PacketMemory
from pttserver.crypto.srtp import (
    KEY_BYTES,
    SALT_BYTES,
    TAG_BYTES,
    SrtpError,
    SrtpKey,
    SrtpReceiver,
    SrtpSender,
    is_replay,
)
from pttserver.wire import rtcp
from pttserver.wire.rtp import RtpPacket

KEY = SrtpKey(bytes(range(KEY_BYTES)), bytes(range(SALT_BYTES)))


def voice(sequence: int, ssrc: int = 5) -> bytes:
    return RtpPacket(sequence, 0, ssrc, b"voice").encode()


def test_what_is_protected_is_opened_and_longer_by_the_tag() -> None:
    protected = SrtpSender(KEY).protect_rtp(voice(1))
    assert len(protected) == len(voice(1)) + TAG_BYTES
    assert b"voice" not in protected
    assert SrtpReceiver(KEY).unprotect_rtp(protected) == voice(1)


def test_rtcp_is_encrypted_too() -> None:
    plain = rtcp.ReceiverReport(5).encode() + rtcp.ReferenceTime(5, 0x1122334455667788).encode()
    protected = SrtpSender(KEY).protect_rtcp(plain)
    assert len(protected) == len(plain) + TAG_BYTES + 4
    assert b"\x11\x22\x33\x44" not in protected
    assert protected[-4] & 0x80, "the E flag (RFC 3711 §3.4)"
    assert SrtpReceiver(KEY).unprotect_rtcp(protected) == plain


def test_rtcp_in_place_is_the_same_where_the_packet_stands() -> None:
    """T-003, T-008: each report under an index of its own, and what is refused is refused here too."""
    memory, sender, receiver = PacketMemory.allocate(), SrtpSender(KEY), SrtpReceiver(KEY)
    plain = rtcp.ReceiverReport(5).encode()
    twin, seen = SrtpSender(KEY), []
    for _ in range(3):
        memory.put(plain)
        sender.protect_rtcp_in_place(memory)
        assert memory.copy() == twin.protect_rtcp(plain)
        assert memory.word(4) == 5
        seen.append(memory.word(memory.length[0] - 4))
        assert receiver.unprotect_rtcp_in_place(memory) == 0
        assert memory.copy() == plain
    assert len(set(seen)) == 3
    memory.put(SrtpSender(KEY).protect_rtcp(plain))
    assert is_replay(receiver.unprotect_rtcp_in_place(memory))
    memory.put(SrtpSender(SrtpKey.draw()).protect_rtcp(rtcp.ReceiverReport(6).encode()))
    status = receiver.unprotect_rtcp_in_place(memory)
    assert status != 0
    assert not is_replay(status)


def test_in_place_is_the_same_where_the_packet_stands() -> None:
    """T-003, T-008: and it refuses the same."""
    memory, sender, receiver = PacketMemory.allocate(), SrtpSender(KEY), SrtpReceiver(KEY)
    memory.put(voice(1))
    sender.protect_rtp_in_place(memory)
    protected = memory.copy()
    assert protected == SrtpSender(KEY).protect_rtp(voice(1))
    assert receiver.unprotect_rtp_in_place(memory) == 0
    assert memory.copy() == voice(1)
    with pytest.raises(SrtpError) as refused:
        sender.protect_rtp_in_place(memory)
    assert is_replay(refused.value.status)
    memory.put(protected)
    assert is_replay(receiver.unprotect_rtp_in_place(memory))
    memory.put(SrtpSender(SrtpKey.draw()).protect_rtp(voice(2)))
    status = receiver.unprotect_rtp_in_place(memory)
    assert status != 0
    assert not is_replay(status)


@pytest.mark.parametrize("size", [0, 1, 1300, MEMORY_BYTES - TRAILER_ROOM_BYTES])
def test_packet_memory_keeps_room_for_what_protection_adds(size: int) -> None:
    memory = PacketMemory.allocate()
    memory.put(bytes(size))
    assert memory.copy() == bytes(size)
    with pytest.raises(ValueError, match="too long"):
        memory.put(bytes(MEMORY_BYTES - TRAILER_ROOM_BYTES + 1))


def test_a_packet_opens_once() -> None:
    """T-003."""
    receiver, protected = SrtpReceiver(KEY), SrtpSender(KEY).protect_rtp(voice(1))
    receiver.unprotect_rtp(protected)
    with pytest.raises(SrtpError) as refused:
        receiver.unprotect_rtp(protected)
    assert is_replay(refused.value.status)


def test_a_wrong_key_is_not_called_a_replay() -> None:
    with pytest.raises(SrtpError) as refused:
        SrtpReceiver(SrtpKey.draw()).unprotect_rtp(SrtpSender(KEY).protect_rtp(voice(1)))
    assert not is_replay(refused.value.status)


@pytest.mark.parametrize("kind", ["rtp", "rtcp"])
def test_a_sender_never_uses_an_index_twice(kind: str) -> None:
    """T-008: also after 128 packets, and for a late one within the window."""
    sender = SrtpSender(KEY)
    if kind == "rtcp":
        reports = {sender.protect_rtcp(rtcp.ReceiverReport(5).encode())[-4:] for _ in range(300)}
        assert len(reports) == 300
        return
    for sequence in range(300):
        sender.protect_rtp(voice(sequence))
    for sequence in (299, 250, 0):
        with pytest.raises(SrtpError):
            sender.protect_rtp(voice(sequence))


def test_a_rejected_packet_changes_nothing() -> None:
    """T-002: the genuine packet still opens after a thousand forgeries of it, and of newer ones."""
    receiver, protected = SrtpReceiver(KEY), SrtpSender(KEY).protect_rtp(voice(1))
    for number in range(1000):
        forged = bytearray(protected)
        forged[2:4] = (number + 2).to_bytes(2, "big")
        with pytest.raises(SrtpError):
            receiver.unprotect_rtp(bytes(forged))
    assert receiver.unprotect_rtp(protected) == voice(1)


@pytest.mark.parametrize("length", range(12, 29))
def test_short_packets_are_refused(length: int) -> None:
    protected = SrtpSender(KEY).protect_rtp(RtpPacket(1, 0, 5, b"").encode())
    if length < len(protected):
        with pytest.raises(SrtpError):
            SrtpReceiver(KEY).unprotect_rtp(protected[:length])


def test_unencrypted_srtcp_is_refused() -> None:
    """T-043: the E flag is authenticated; clearing it fails."""
    protected = bytearray(SrtpSender(KEY).protect_rtcp(rtcp.ReceiverReport(5).encode()))
    protected[-4] &= 0x7F
    with pytest.raises(SrtpError):
        SrtpReceiver(KEY).unprotect_rtcp(bytes(protected))


def test_other_profiles_do_not_open() -> None:
    """T-043: AES-128, AES-CM with short tags: one profile is spoken."""
    from pylibsrtp import Session

    for profile, length in ((Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28), (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30)):
        policy = Policy(key=(KEY.key + KEY.salt)[:length], ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        with pytest.raises(SrtpError):
            SrtpReceiver(KEY).unprotect_rtp(Session(policy=policy).protect(voice(1)))


def test_forgetting_a_stream_that_never_was_is_harmless() -> None:
    for context in (SrtpSender(KEY), SrtpReceiver(KEY)):
        context.forget(99)


def test_keys_are_fresh_and_do_not_print() -> None:
    one, other = SrtpKey.draw(), SrtpKey.draw()
    assert one != other
    assert (len(one.key), len(one.salt)) == (32, 12)
    assert repr(one) == "SrtpKey()"
