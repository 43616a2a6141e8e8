"""tshark, which nobody here wrote, reads our vectors: the right names, the right values, nothing malformed."""

import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system

VECTORS = Path(__file__).parents[2] / "proto" / "vectors"
FLOOR = json.loads((VECTORS / "floor-control.json").read_text(encoding="utf-8"))["messages"]
RTCP = json.loads((VECTORS / "rtcp.json").read_text(encoding="utf-8"))["datagrams"]
PORT = 50_000
LINKTYPE_RAW = 101

NAMES = {
    0: "Floor Request",
    1: "Floor Granted",
    2: "Floor Taken",
    3: "Floor Deny",
    4: "Floor Release",
    5: "Floor Idle",
    6: "Floor Revoke",
    8: "Floor Queue Position Request",
    9: "Floor Queue Position Info",
    10: "Floor Ack",
    15: "Floor Release Multi Talker",
}
FIELDS = {
    "floor_priority": (0, "rtcp.app_data.mcptt.priority"),
    "duration_s": (1, "rtcp.app_data.mcptt.duration"),
    "granted_party": (4, "rtcp.mcptt.granted_partys_id"),
    "permission_to_request": (5, "rtcp.app_data.mcptt.perm_to_req_floor"),
    "user_id": (6, "rtcp.app_data.mcptt.user_id"),
    "queue_size": (7, "rtcp.app_data.mcptt.queue_size"),
    "sequence_number": (8, "rtcp.app_data.mcptt.msg_seq_num"),
    "queued_user_id": (9, "rtcp.mcptt.queued_user_id"),
    "source": (10, "rtcp.app_data.mcptt.source"),
    "message_type": (12, "rtcp.app_data.mcptt.msg_type"),
    "indicator": (13, "rtcp.app_data.mcptt.floor_ind"),
    "granted_ssrc": (14, "rtcp.app_data.mcptt.rtcp"),
    "functional_alias": (17, "rtcp.mcptt.func_alias"),
}
CAUSES = ("", ".floor_deny", ".floor_revoke")
UNKNOWN_FIELD = "Unknown field"


def capture(payloads: list[bytes]) -> bytes:
    """A pcap file: each payload in a UDP datagram over IPv4, without link layer and without UDP checksum."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, LINKTYPE_RAW)]
    for number, payload in enumerate(payloads):
        udp = struct.pack("!HHHH", 40_000, PORT, 8 + len(payload), 0) + payload
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0) + bytes((127, 0, 0, 1)) * 2
        total = sum(struct.unpack("!10H", head))
        total = (total & 0xFFFF) + (total >> 16)
        frame = head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:] + udp
        parts.append(struct.pack("<IIII", number, 0, len(frame), len(frame)) + frame)
    return b"".join(parts)


class Dissection:
    """What tshark says of one datagram."""

    def __init__(self, packet: dict[str, Any], line: str) -> None:
        rtcp = packet["_source"]["layers"]["rtcp"]
        self.layers: list[dict[str, Any]] = rtcp if isinstance(rtcp, list) else [rtcp]
        self.info, self.marks = line.split("\t")

    @property
    def fields(self) -> dict[str, Any]:
        """The dissected fields of a floor control message."""
        return self.layers[0].get("Mission Critical Push To Talk(MCPTT)") or {}


def dissect(tshark: str, folder: Path, payloads: list[bytes]) -> list[Dissection]:
    file = folder / "vectors.pcap"
    file.write_bytes(capture(payloads))
    command = [tshark, "-r", str(file), "-d", f"udp.port=={PORT},rtcp"]

    def run(*options: str) -> str:
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    packets = json.loads(run("-T", "json", "--no-duplicate-keys", "-J", "rtcp"))
    lines = run("-T", "fields", "-e", "_ws.col.Info", "-e", "_ws.expert.message").splitlines()
    assert len(packets) == len(lines) == len(payloads)
    return [Dissection(packet, line) for packet, line in zip(packets, lines, strict=True)]


def ids(dissection: Dissection) -> list[int]:
    found = dissection.fields.get("rtcp.mcptt.fld_id", [])
    return [int(number) for number in (found if isinstance(found, list) else [found])]


def test_tshark_reads_every_floor_control_message(system_program: Callable[[str], str], tmp_path: Path) -> None:
    found = dissect(system_program("tshark"), tmp_path, [bytes.fromhex(vector["octets"]) for vector in FLOOR])
    for vector, dissection in zip(FLOOR, found, strict=True):
        _check(vector, dissection)


def _check(vector: dict[str, Any], dissection: Dissection) -> None:
    name, said, fields = vector["name"], vector["fields"], dissection.fields
    layer = dissection.layers[0]
    assert dissection.info.startswith(f"(MCPT) {NAMES[said['type']]}"), name
    assert ("(ack req)" in dissection.info) is said["ack_required"], name
    assert int(layer["rtcp.ssrc.identifier"], 16) == said["ssrc"], name
    assert layer["rtcp.length_check"] == "1", name
    expected = set()
    for member, (field_id, field) in FIELDS.items():
        if member in said:
            expected.add(field_id)
            value = said[member]
            if value != "":  # tshark shows no empty text
                assert fields[field] == (value if isinstance(value, str) else str(int(value))), f"{name}: {member}"
        else:
            assert field not in fields, f"{name}: {member}"
    expected |= _check_cause(name, said, fields) | _check_queue(name, said, fields)
    known = [field_id for field_id in ids(dissection) if field_id < 90]
    assert known == sorted(expected), name
    unknown = len(ids(dissection)) - len(known)
    assert dissection.marks == ",".join([UNKNOWN_FIELD] * unknown), name
    assert unknown == (2 if "encodes_to" in vector else 0), name


def _check_cause(name: str, said: dict[str, Any], fields: dict[str, Any]) -> set[int]:
    shown = [value for suffix in CAUSES if (value := fields.get(f"rtcp.app_data.mcptt.rej_cause{suffix}"))]
    if "reject_cause" not in said:
        assert not shown, name
        return set()
    assert shown == [str(said["reject_cause"])], name
    assert fields.get("rtcp.mcptt.rej_phrase", "") == said["reject_phrase"], name
    return {2}


def _check_queue(name: str, said: dict[str, Any], fields: dict[str, Any]) -> set[int]:
    position, priority = (fields.get(f"rtcp.app_data.mcptt.queue_{part}") for part in ("pos_inf", "pri_lev"))
    if "queue_info" not in said:
        assert (position, priority) == (None, None), name
        return set()
    assert [int(position), int(priority)] == said["queue_info"], name
    return {3}


def test_tshark_reads_keepalives_and_their_answers(system_program: Callable[[str], str], tmp_path: Path) -> None:
    found = dissect(system_program("tshark"), tmp_path, [bytes.fromhex(vector["octets"]) for vector in RTCP])
    kinds = {
        "receiver report": "201",
        "reference time": "207",
        "delay since reference": "207",
        "bye": "203",
        "alert": "204",
    }
    for vector, dissection in zip(RTCP, found, strict=True):
        assert dissection.marks == ""
        assert [layer["rtcp.pt"] for layer in dissection.layers] == [kinds[p["kind"]] for p in vector["packets"]]
    text = json.dumps([dissection.layers for dissection in found])
    report = RTCP[1]["packets"][0]["blocks"][0]
    assert f'"rtcp.ssrc.fraction": "{report["fraction_lost"]}"' in text
    assert f'"rtcp.ssrc.cum_nr": "{report["lost"]}"' in text
    assert f'"rtcp.ssrc.jitter": "{report["jitter"]}"' in text
