"""What records and data are called where a person reads them: the words of the database are not everybody's."""

from collections.abc import Mapping
from typing import Final

_RECORDS: Final[Mapping[str, str]] = {
    "alert_points": "where you were during an alert",
    "alert_steps": "step of an alert",
    "bursts": "that you spoke in a call",
    "call_participants": "that you took part in a call",
    "calls": "call that you started",
    "console_accounts": "account for the console",
    "console_devices": "browser for the console",
    "console_invitations": "invitation to the console",
    "console_passkeys": "passkey for the console",
    "deliveries": "message that you received",
    "device_controls": "what was done to a device from afar",
    "devices": "device",
    "enrolment_codes": "one-time code for a device",
    "holds": "hold: what must not be erased",
    "members": "membership of a group",
    "message_keys": "key of a device, for messages",
    "messages": "message that you sent",
    "retention_events": "event that starts or ends periods",
    "resume_tokens": "token that resumes a session",
    "rights": "what you may do",
    "subjects": "that you are known here",
    "subscriber_fields": "contact data, or a further field",
    "subscribers": "account",
    "takeovers": "session that another device took over",
}
_DATA: Final[Mapping[str, str]] = {
    "activated_ms": "password set",
    "created_ms": "made",
    "deleted_ms": "deleted by you",
    "end_reason": "why it ended",
    "enrolled_ms": "enrolled",
    "expires_ms": "worth nothing from",
    "issued_ms": "issued",
    "locked_ms": "locked since",
    "published_ms": "published",
    "relying_party": "made for",
    "removed_ms": "removed",
    "restricted_ms": "use restricted since",
    "restriction": "ground of the restriction",
    "revoked_ms": "revoked",
    "state_ms": "in this state since",
    "stunned_ms": "disabled since",
    "untold": "still to be told",
    "used_ms": "used",
    "wiped_ms": "wiped",
    "retention_events.kind": "what happened",
    "retention_events.at_ms": "when",
    "retention_events.recorded_ms": "written down",
    "holds.category": "covers",
    "holds.since_ms": "from",
    "holds.until_ms": "until",
    "subjects.created_ms": "since",
    "subjects.kind": "as",
}
_NAMES_OF_STATES: Final = {"end_reason", "kind", "restriction", "state", "holds.category"}


def record(table: str) -> str:
    """`devices` -> `device`."""
    return _RECORDS.get(table, words(table))


def datum(table: str, column: str) -> str:
    """`devices`, `enrolled_ms` -> `enrolled`."""
    return _DATA.get(f"{table}.{column}") or _DATA.get(column) or words(column)


def is_state(table: str, column: str) -> bool:
    """Whether its values are names that this server gave, such as `deletion_requested`, and nobody's own text."""
    return bool({column, f"{table}.{column}"} & _NAMES_OF_STATES)


def words(name: str) -> str:
    """`last_login_ms` -> `last login`."""
    return name.removesuffix("_ms").replace("_", " ")
