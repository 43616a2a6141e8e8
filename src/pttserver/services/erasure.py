"""Erasure of a data subject (GDPR Art. 17): carried out, proven, certified; or asked for, with time to think again.

A certificate is made only when the proof succeeded: before, the subject is erased and nobody can vouch for the disk. It
names nobody. Who gave the instruction, and why, is sealed in the audit log of the tenant.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.crypto.signed_document import Document, sign, verified_by
from pttserver.crypto.signing import SigningKey
from pttserver.errors import InvalidValue, PttError
from pttserver.ids import Personal, TenantId
from pttserver.observe.log import get_logger
from pttserver.privacy.categories import Category, about
from pttserver.privacy.policy import Policy
from pttserver.privacy.retention import Clause, Event, EventKind
from pttserver.privacy.telling import telling
from pttserver.services import naming
from pttserver.services.instructions import Instruction
from pttserver.services.policy_book import PolicyBook
from pttserver.services.signing_key import signing_key
from pttserver.services.subject_keys import clear_copies
from pttserver.store.audit_chain import AuditNote
from pttserver.store.database import Database
from pttserver.store.deletion_requests import DeletionRequests
from pttserver.store.erasure_ledger import LEDGER_FILE, ErasureLedger, LedgerEntry, subject_digest
from pttserver.store.erasure_notes import Instructed
from pttserver.store.erasures import Erasures
from pttserver.store.holdings import Holdings
from pttserver.store.inventory import key_of_tenant, tables
from pttserver.store.proof import Proof

FORMAT: Final = "pttserver certificate of erasure, version 1"
REMAINS: Final = "times and lengths of calls that others took part in, without a reference to the subject"
TrustTime = Callable[[], Awaitable[int]]
_FOUND_BY = frozenset({Category.NICKNAME, Category.IDENTIFIER, Category.CONTACT_DATA})
_log = get_logger("erasure")


@dataclass(frozen=True, slots=True)
class Outcome:
    """`certificate` None: erased, and not proven yet; `problem` says what stands in the way."""

    subject_id: str
    entry: LedgerEntry
    certificate: dict[str, Any] | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """`ended`: the categories of which everything up to now is over for this person."""

    subject_id: str
    ended: tuple[Category, ...]

    @property
    def still_recorded(self) -> tuple[Category, ...]:
        """What happens goes on to be recorded; positions can be switched off for a person."""
        return tuple(each for each in self.ended if about(each).nature == "happening" and each is not Category.LOCATION)


def open_erasures(database: Database, settings: Settings, clock: Clock | None = None) -> Erasures:
    """Over the ledger in `data_dir`."""
    ledger = ErasureLedger(settings.data_dir / LEDGER_FILE)
    return Erasures(database, settings.database_file, ledger, partial(clear_copies, database, settings), clock)


class Erasure:
    """Every method raises NotFound, StoreUnavailable, and LedgerBroken if the ledger was changed."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        policies: PolicyBook,
        erasures: Erasures,
        clock: Clock,
        trust_time: TrustTime,
    ) -> None:
        """`trust_time`: raises SweepingHalted while a hold may last of which the clock says that it ended."""
        self._database = database
        self._erasures = erasures
        self._requests = DeletionRequests(database)
        self._holdings = Holdings(database)
        self._settings = settings
        self._policies = policies
        self._clock = clock
        self._trust_time = trust_time

    async def erase(
        self, tenant_id: TenantId, subject: str, instruction: Instruction, *, despite_restriction: bool = False
    ) -> Outcome:
        """At once and for ever. `subject`: identifier or id.

        Raises OnHold (also for whom is restricted, unless it is said to be `despite_restriction`), InvalidValue (also
        for a reason that says who it is: it outlives the person), PolicyMissing, SweepingHalted; ErasureUnfinished (it
        is in the ledger, and carried out later).
        """
        await self._trust_time()
        subject_id = await self._find(tenant_id, subject, exactly=True)
        await self._refuse_telling(tenant_id, subject_id, instruction.reason)
        digest = subject_digest(tenant_id, subject_id)  # the entry must not lead to the subject
        note = self._note(tenant_id, None, "subject.erase", instruction, digest=digest)
        erased = await self._erasures.erase_subject(subject_id, note, despite_restriction=despite_restriction)
        return await self._certified(subject_id, erased.entry, erased.instruction)

    async def _refuse_telling(self, tenant_id: TenantId, subject_id: str, reason: Personal) -> None:
        held = await self._holdings.names_of(tenant_id, subject_id)
        texts = [(each.category, str(each.value)) for each in held if each.value is not None]
        names = [text for category, text in texts if category is Category.SUBSCRIBER_NAME]
        others = [text for category, text in texts if category in _FOUND_BY]
        if telling(reason.reveal(), names, others) is not None:
            raise InvalidValue(
                "the reason says who it is (a name, a number or an address that is held), and it outlives the person "
                "in the audit log: give one that does not, such as the number of the request"
            )

    async def prove(self, tenant_id: TenantId, subject_id: str) -> Outcome:
        """Once more for a subject that the ledger has; by its id, since nothing else leads to it any more."""
        await self._erasures.replay()
        return await self._certified(subject_id, await self._erasures.entry_of(tenant_id, subject_id), None)

    async def request(self, tenant_id: TenantId, subject: str, instruction: Instruction) -> str:
        """Starts the periods of `deletion_requested`; gives the subject's id. Raises InvalidValue if they run."""
        subject_id = await self._find(tenant_id, subject)
        if not self._periods(tenant_id):
            raise InvalidValue("the policy has no periods after deletion_requested: erase without --request")
        if await self._requests.pending(tenant_id, subject_id):
            raise InvalidValue("the deletion is requested already")
        await self._put(tenant_id, subject_id, EventKind.DELETION_REQUESTED, instruction)
        return subject_id

    async def withdraw(self, tenant_id: TenantId, subject: str, instruction: Instruction) -> str:
        """Takes a request back, in its first phase only. Raises InvalidValue."""
        subject_id = await self._find(tenant_id, subject)
        requested = await self._requests.pending(tenant_id, subject_id)
        if not requested:
            raise InvalidValue("no deletion is requested")
        if self._is_final(tenant_id, requested[0]):
            raise InvalidValue("the first phase of the request is over: it is final")
        await self._put(tenant_id, subject_id, EventKind.DELETION_WITHDRAWN, instruction)
        return subject_id

    async def withdraw_consent(self, tenant_id: TenantId, subject: str, instruction: Instruction) -> Withdrawn:
        """What rests on it until now is hidden at once, and erased by the next sweep (GDPR Art. 7(3)).

        Raises InvalidValue if no period of the policy ends with consent.
        """
        subject_id, ended = await self._find(tenant_id, subject), self.ends_with_consent(tenant_id)
        if not ended:
            raise InvalidValue("nothing in the policy ends with consent: no category says until consent_withdrawn")
        await self._put(tenant_id, subject_id, EventKind.CONSENT_WITHDRAWN, instruction)
        return Withdrawn(subject_id, ended)

    def ends_with_consent(self, tenant_id: TenantId) -> tuple[Category, ...]:
        """What the policy keeps until consent is withdrawn. Raises PolicyMissing."""
        policy = self._policies.policy(tenant_id)
        return tuple(each for each in Category if _ends_with_consent(policy, each))

    async def _put(self, tenant_id: TenantId, subject_id: str, kind: EventKind, instruction: Instruction) -> None:
        note = self._note(tenant_id, subject_id, f"subject.{kind.value}", instruction)
        event, first = Event(kind, note.at_ms), self._erasures.refuse_unfinished
        await self._requests.put(tenant_id, subject_id, event, note, first)

    def _is_final(self, tenant_id: TenantId, requested: Event) -> bool:
        """Whether nothing can be saved any more, of any category."""
        ends = [clause.irrevocable_ms(requested.at_ms) for clause in self._periods(tenant_id)]
        return max(ends, default=requested.at_ms) <= self._clock.utc_ms()

    def _periods(self, tenant_id: TenantId) -> list[Clause]:
        """What the policy says of deletion requests. Raises PolicyMissing."""
        policy = self._policies.policy(tenant_id)
        clauses = (policy.lasts(each).clause(EventKind.DELETION_REQUESTED) for each in Category)
        return [clause for clause in clauses if clause is not None]

    async def _find(self, tenant_id: TenantId, subject: str, *, exactly: bool = False) -> str:
        return await self._erasures.find(tenant_id, naming.identifier_or_id(subject), exactly=exactly)

    def _note(
        self, tenant_id: TenantId, subject_id: str | None, operation: str, instruction: Instruction, **details: str
    ) -> AuditNote:
        gate, now_ms = self._policies.gate(tenant_id), self._clock.utc_ms()
        return instruction.note(gate, operation, tenant_id, now_ms, subject_id, **details)

    async def _certified(self, subject_id: str, entry: LedgerEntry, instruction: Instructed | None) -> Outcome:
        """It is erased: whatever fails from now on, the caller must learn the id, to prove it later."""
        try:
            certificate = await self._prove(entry, instruction)
        except PttError as error:
            _log.error("erasure_not_proven", reason=error.message)
            return Outcome(subject_id, entry, None, error.message)
        return Outcome(subject_id, entry, certificate)

    async def _prove(self, entry: LedgerEntry, instruction: Instructed | None) -> dict[str, Any]:
        proof = await self._erasures.prove(entry)
        return sign(_certificate(entry, instruction, proof, self._clock.utc_ms()), self._key())

    def _key(self) -> SigningKey:
        return signing_key(self._settings.data_dir)

    def verify(self, certificate: Document) -> bytes:
        """The public key of this server, which signed it. Raises InvalidValue."""
        public = verified_by(certificate)
        if certificate.get("format") != FORMAT:
            raise InvalidValue("the document is no certificate of erasure")
        if public != self._key().public:
            raise InvalidValue("another server signed the certificate, or this one had another key then")
        return public


def _certificate(entry: LedgerEntry, instruction: Instructed | None, proof: Proof, now_ms: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "tenant": entry.tenant_id,
        "subject_digest": entry.digest,
        "erased": _iso(entry.at_ms),
        "proven": _iso(now_ms),
        "ledger": {"line": entry.number, "digest": entry.own_digest},
        "instruction": "not recorded here" if instruction is None else _cited(instruction),
        "destroyed": "the key of the subject, and with it all that was sealed under it in any copy of these columns",
        "columns": _under_own_key(),
        "remains": REMAINS,
        "proof": {
            "subject_keys_file": proof.keys_file,
            "write_ahead_log": "emptied into the database by a truncating checkpoint that no reader held up",
            "searched_bytes": proof.searched,
            "searched_for": "the wrapped key, by its first 12 octets",
            "found": 0,
            "file_rewritten": proof.rewritten,
        },
    }


def _cited(instruction: Instructed) -> str:
    """With the digest: after a restore of an older backup another entry may have the number."""
    return f"entry {instruction.number} of the tenant's audit log, SHA-256 {instruction.digest.hex()}"


def _under_own_key() -> list[str]:
    """What became unreadable. Not what is sealed under the organisation's key, which lives on."""
    columns = (column for table in tables() for column in table.columns if not key_of_tenant(column))
    sealed = (column for column in columns if column.info.get("form") in {"sealed", "reference"})
    return [f"{column.table.name}.{column.name}" for column in sealed]


def _ends_with_consent(policy: Policy, category: Category) -> bool:
    """Of the organisation's own fields any will do."""
    names = ["", *policy.extra] if category is Category.EXTRA else [""]
    rules = (policy.rule(category, name) for name in names)
    return any(not rule.over_at_once and rule.retention.clause(EventKind.CONSENT_WITHDRAWN) for rule in rules)


def _iso(utc_ms: int) -> str:
    return datetime.fromtimestamp(utc_ms / 1000, UTC).isoformat(timespec="milliseconds")
