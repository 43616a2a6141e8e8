"""What can go wrong for a handset, each with what to do about it."""

_SESSION_ENDS = {
    "logged_out": "A dispatcher logged this device out; log in again with the PIN.",
    "disabled": "A dispatcher disabled this device; it works again when it is enabled.",
}
_CALL_ENDS = {
    "rejected": "The call was rejected.",
    "no_answer": "Nobody answered.",
    "answered_elsewhere": "Somebody else answered.",
    "gone": "The other one is gone.",
    "idle": "The call ended, since nobody said anything.",
    "listen_only": "In this call you only listen.",
}


class HandsetError(Exception):
    """The handset could not do it."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class ServerUnreachable(HandsetError):
    """The server cannot be reached; check the network and the address."""


class WrongServer(HandsetError):
    """The server's certificate is not the one that this device was enrolled with; do not go on, ask your operator."""


class Refused(HandsetError):
    """The server refused a request. `code` is the wire's error code, `retry_after_s` is there if waiting helps."""

    def __init__(self, code: str, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


class NotConnected(HandsetError):
    """The connection to the server is lost; the handset is trying to get it back."""


class Superseded(HandsetError):
    """You logged in on another device; this one is logged out. Log in here again to take over."""

    def __init__(self, device_type: str = "", at_ms: int = 0) -> None:
        super().__init__()
        self.device_type = device_type
        self.at_ms = at_ms


class SessionEnded(HandsetError):
    """The server ended the session. `reason` is one of revoked, logged_out, disabled, expired, server_stopping."""

    def __init__(self, reason: str) -> None:
        super().__init__(_SESSION_ENDS.get(reason, f"The server ended the session: {reason}."))
        self.reason = reason


class FloorRefused(HandsetError):
    """The floor was denied. `cause` is that of TS 24.380 §8.2.6.2."""

    def __init__(self, cause: int, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class FloorUnanswered(HandsetError):
    """The server did not answer the floor request; try again."""


class FloorCancelled(HandsetError):
    """You let go before the floor was granted."""


class CallOver(HandsetError):
    """The call is over. `reason` is that of the wire (calls.md)."""

    def __init__(self, reason: str) -> None:
        super().__init__(_CALL_ENDS.get(reason, "The call was ended."))
        self.reason = reason


class Wiped(HandsetError):
    """Your organisation has wiped this device: its keys are deleted. Ask for a new enrolment code."""


class CredentialsError(HandsetError):
    """The file with this device's keys cannot be used."""
