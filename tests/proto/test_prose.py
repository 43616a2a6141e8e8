"""The prose of proto/ is complete and says what the code says."""

import inspect
import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ptthandset.floor_states import ParticipantTimers
from pttserver import errors
from pttserver.config import Settings
from pttserver.crypto.srtp import MAX_PACKET_BYTES, TAG_BYTES
from pttserver.net import site
from pttserver.services import attendance, connection
from pttserver.wire import signalling
from pttserver.wire.floor_control import DenyCause, FloorIndicator, MessageType, RevokeCause

FOLDER = Path(__file__).parents[2] / "proto"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
ERRORS, LIMITS, SIGNALLING, FLOOR = (PAGES[name] for name in ("errors", "limits", "signalling", "floor-control"))


MESSAGES = "\n".join(PAGES[name] for name in ("signalling", "calls", "dispatch", "alerts", "messages"))


def rows(text: str) -> list[list[str]]:
    """Cells of all table rows."""
    lines = (line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def codes_of_the_tree() -> set[str]:
    classes = [value for _, value in inspect.getmembers(errors, inspect.isclass)]
    return {value.code for value in classes if issubclass(value, errors.PttError)}


def test_every_error_code_is_listed_once() -> None:
    listed = [cells[0].strip("`") for cells in rows(ERRORS) if cells[0].startswith("`")]
    assert sorted(listed) == sorted(codes_of_the_tree())


def raised(module_text: str) -> set[str]:
    return set(re.findall(r"raise (\w+)", module_text))


def test_codes_that_reach_a_client_are_told_apart_from_those_that_do_not() -> None:
    """What the rooms that serve a client raise is in the first table."""
    reaching, _, hidden = ERRORS.partition("## Codes that do not")
    source = Path(inspect.getfile(errors)).parent
    served = ("services/connection.py", "services/authentication.py", "services/attendance.py", "services/pin_check.py")
    served += tuple(f"services/{name}.py" for name in ("calls", "broadcasts", "call_alerts", "peril", "oversight"))
    served += ("services/remote_control.py", "services/regrouping.py", "store/regrouping.py")
    served += ("services/desk.py", "wire/signalling/reading.py", "wire/signalling/parts.py")
    names = set().union(*(raised((source / file).read_text()) for file in served))
    names |= {"StoreUnavailable", "PttError", "MalformedMessage"}
    codes = {getattr(errors, name).code for name in names if hasattr(errors, name)}
    assert {"auth.failed", "not_found", "protocol.state"} <= codes
    for code in codes:
        assert f"`{code}`" in reaching
        assert f"| `{code}`" not in hidden


def test_every_message_and_every_member_is_described() -> None:
    for kind, model in {**signalling.REQUESTS, **signalling.SERVER_MESSAGES}.items():
        assert re.search(rf"\b{re.escape(kind)}\b", MESSAGES), kind
        for name in model.model_fields:
            assert f"`{name}`" in MESSAGES, f"{kind}: {name}"
    parts = (
        signalling.StoredMessage,
        signalling.SealedMessage,
        signalling.DeviceKeys,
        signalling.WrappedKey,
        signalling.OnlineSubscriber,
        signalling.GroupState,
        signalling.Seat,
        signalling.Affiliation,
        signalling.GroupInfo,
        signalling.Epoch,
        signalling.MediaEndpoint,
    )
    for part in (signalling.AlertInfo, signalling.AlertStep, signalling.AlertDetail, signalling.Position):
        for name in part.model_fields:
            assert f"`{name}`" in PAGES["alerts"], f"{part.__name__}: {name}"
    for part in (*parts, signalling.Superseded, signalling.MemberPresence, signalling.Roster, signalling.Participant):
        for name in part.model_fields:
            assert f"`{name}`" in MESSAGES, f"{part.__name__}: {name}"


def test_every_close_code_is_described() -> None:
    for module in (attendance, connection, site):
        for name, code in inspect.getmembers(module, lambda value: isinstance(value, int)):
            if name.startswith("CLOSE_"):
                assert re.search(rf"^\| {code} \|", SIGNALLING, re.MULTILINE), f"{name} {code}"


def limits_with_settings() -> list[tuple[str, str]]:
    found = []
    for cells in rows(LIMITS):
        for cell in cells:
            match = re.fullmatch(r"`(\w+\.\w+)`", cell)
            if match and match[1].partition(".")[0] in Settings.model_fields:
                found.append((match[1], cells[1]))
    return found


@pytest.mark.parametrize(("setting", "told"), limits_with_settings())
def test_limits_are_the_defaults(setting: str, told: str) -> None:
    section, _, name = setting.partition(".")
    value = getattr(getattr(Settings(), section), name)
    assert float(re.match(r"[\d.,]+", told)[0].replace(",", "")) == float(value)


def test_every_setting_that_a_client_feels_is_told() -> None:
    told = {setting for setting, _ in limits_with_settings()}
    settings = Settings()
    for section in ("floor", "sessions"):
        for name in type(getattr(settings, section)).model_fields:
            assert f"{section}.{name}" in told


def test_client_timers_are_those_of_the_reference_client() -> None:
    timers = ParticipantTimers()
    assert (timers.t100_floor_release_s, timers.c100_floor_release) == (0.1, 5)
    assert (timers.t101_floor_request_s, timers.c101_floor_request, timers.retry_cap_s) == (0.1, 5, 2)
    assert (timers.t103_end_of_rtp_s, timers.t104_queue_position_s, timers.c104_queue_position) == (4, 2, 3)
    assert timers.t132_queued_granted_s == 2
    assert MAX_PACKET_BYTES == 1300
    assert f"{MAX_PACKET_BYTES - TAG_BYTES:,}" in LIMITS


def test_floor_control_page_has_every_type_cause_and_indicator() -> None:
    cells = rows(FLOOR)
    for kind in MessageType:
        assert any(row[0] == str(int(kind)) for row in cells), kind
    for cause in (*DenyCause, *RevokeCause):
        assert any(row[0] == str(int(cause)) for row in cells), cause
    for indicator in FloorIndicator:
        assert f"0x{int(indicator):04X}" in FLOOR


def test_json_in_the_prose_fits_the_schemas() -> None:
    count = 0
    for text in PAGES.values():
        for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
            message = json.loads(block)
            schema = json.loads((FOLDER / "schemas" / f"{message['type']}.json").read_text())
            Draft202012Validator(schema).validate(message)
            count += 1
    assert count >= 15


def test_every_file_that_a_page_names_is_there() -> None:
    for page, text in PAGES.items():
        for name in re.findall(r"`([\w-]+\.(?:md|json))`", text):
            assert (FOLDER / name).exists(), f"{page}: {name}"
