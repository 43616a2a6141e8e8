"""The one tree of errors; each class has the code that it carries on the wire and says whose fault it is.

The docstring of a class is its default message. `details` travel beside the code in the `error` message, so they never
hold a personal datum.
"""


class PttError(Exception):
    """The server failed to carry out the request."""

    code = "internal"

    def __init__(self, message: str | None = None, **details: int | float | str | list[int]) -> None:
        super().__init__(message or self.__doc__)
        self.details = details

    @property
    def message(self) -> str:
        return str(self.args[0])


class ConfigError(PttError):
    """The configuration is not valid."""

    code = "config"


class MalformedPacket(PttError):
    """The packet is not a well-formed RTP or RTCP packet."""

    code = "packet.malformed"


class ProtocolError(PttError):
    """The message breaks the protocol."""

    code = "protocol.invalid"


class MalformedMessage(ProtocolError):
    """The message is not one JSON object as the protocol demands."""

    code = "protocol.malformed"


class UnknownMessageType(ProtocolError):
    """This message type does not exist in this version of the protocol."""

    code = "protocol.unknown_type"


class UnsupportedVersion(ProtocolError):
    """The server does not speak this version of the protocol."""

    code = "protocol.version"


class OutOfOrder(ProtocolError):
    """This message is not allowed in this state of the connection."""

    code = "protocol.state"


class AuthenticationRequired(PttError):
    """Log in first."""

    code = "auth.required"


class AuthenticationFailed(PttError):
    """The log-in was refused."""

    code = "auth.failed"


class Disabled(PttError):
    """A dispatcher of your organisation disabled this device; it works again when it is enabled."""

    code = "auth.disabled"


class WipedFromAfar(PttError):
    """Your organisation wiped this device: delete its keys. It never logs in again."""

    code = "auth.wiped"


class CallUnavailable(PttError):
    """Nobody who is called can be rung just now."""

    code = "call.unavailable"


class Forbidden(PttError):
    """Your role does not permit this."""

    code = "auth.forbidden"


class Throttled(PttError):
    """Too many attempts; wait, then try again."""

    code = "auth.throttled"


class ServerBusy(PttError):
    """The server is busy; wait, then try again."""

    code = "busy"


class EnrolmentFailed(PttError):
    """The enrolment code is unknown, used or expired; ask for a new one."""

    code = "enrolment.failed"


class NotFound(PttError):
    """There is no such object."""

    code = "not_found"


class AlreadyExists(PttError):
    """An object of this name exists already."""

    code = "already_exists"


class InvalidValue(PttError):
    """The value is not allowed here."""

    code = "invalid_value"


class StoreUnavailable(PttError):
    """The database cannot be used."""

    code = "store.unavailable"


class LedgerBroken(StoreUnavailable):
    """The ledger of erasures was changed, or entries are missing."""

    code = "store.ledger"


class ErasureUnfinished(StoreUnavailable):
    """The erasure is in the ledger, and is carried out as soon as the database can be written."""

    code = "erasure.unfinished"


class OnHold(PttError):
    """A hold or a restriction covers the subject: nothing of it may be erased or overwritten while it lasts."""

    code = "hold"


class Restricted(OnHold):
    """Processing is restricted: what is held is neither changed nor deleted until that ends."""


class BackupInvalid(PttError):
    """The file is no whole, unchanged backup of pttserver."""

    code = "backup.invalid"


class SealBroken(PttError):
    """A sealed value cannot be opened: it was changed, or belongs to another key."""

    code = "store.sealed"


class MasterKeyMissing(ConfigError):
    """The master key that opens this database is not there."""

    code = "config.master_key"


class SweepingHalted(PttError):
    """Nothing is erased by its period until somebody confirms that it may be."""

    code = "sweeping.halted"


class ClockDoubted(SweepingHalted):
    """The machine's clock is doubted: nothing is erased until you confirm it: pttserver retention confirm-time."""

    code = "clock.doubted"


class RestoreUnconfirmed(SweepingHalted):
    """What was instructed since the backup may be lost: give it again, then: pttserver retention confirm-restore."""

    code = "restore.unconfirmed"


class PolicyInvalid(PttError):
    """The privacy policy is not valid."""

    code = "policy.invalid"


class PolicyForbids(PttError):
    """Your organisation has switched this off."""

    code = "policy.forbids"


class PolicyMissing(PttError):
    """The tenant has no privacy policy in force."""

    code = "policy.missing"


def as_told(error: PttError) -> PttError:
    """What a peer is told of it: how the server is run, and what of it is broken, is the operator's concern."""
    if isinstance(error, ErasureUnfinished):
        return ErasureUnfinished()
    return StoreUnavailable() if isinstance(error, StoreUnavailable | ConfigError) else error
