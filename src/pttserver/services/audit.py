"""The audit log in use: checkpoints are signed as entries come, and anybody can verify that nothing was changed.

What is verified: each entry follows from the one before; the first that is left follows from a signed checkpoint up to
which the server signed that it pruned, or is the very first; each checkpoint is signed and agrees with its entry; the
log reaches as far as the newest checkpoint, in the database and as it was written down beside it.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path

from pttserver.clock import Clock
from pttserver.crypto.signing import SigningKey, is_signed
from pttserver.errors import PttError, StoreUnavailable
from pttserver.ids import TenantId
from pttserver.observe.log import get_logger
from pttserver.privacy.cutoffs import Cutoff
from pttserver.services.policy_book import PolicyBook
from pttserver.store.audit import AuditEntry, AuditLog, Chain, Checkpoint, checkpoint_octets, pruning_octets
from pttserver.store.audit_chain import ORIGIN, Link
from pttserver.store.audit_pages import AuditFilter, AuditPage, AuditPages
from pttserver.store.database import Database
from pttserver.store.private_files import replace_private_file

HEADS_FILE = "audit.heads"
CHECKPOINT_INTERVAL_S = 60.0
_log = get_logger("audit")

Head = tuple[int, str]  # number and digest (hexadecimal) of a tenant's newest checkpoint


@dataclass(frozen=True, slots=True)
class Verdict:
    """`problems`: none if the log is whole. `first`, `last`: numbers of the entries that are there.

    `pruned_ms`: when retention took away what was before the first, last; None: never.
    """

    entries: int
    first: int | None
    last: int | None
    checkpoints: int
    pruned_ms: int | None
    problems: tuple[str, ...]


class Audit:
    """Every method raises StoreUnavailable if the database or the heads cannot be read or written."""

    def __init__(self, database: Database, policies: PolicyBook, key: SigningKey, folder: Path, clock: Clock) -> None:
        self._log = AuditLog(database)
        self._pages = AuditPages(database)
        self._policies = policies
        self._key = key
        self._heads_file = folder / HEADS_FILE
        self._clock = clock

    async def entries(self, tenant_id: TenantId) -> list[AuditEntry]:
        """Oldest first; what is over by the policy as it is now is left out. Raises PolicyMissing."""
        return await self._log.entries(tenant_id, self._over(tenant_id))

    async def page(self, tenant_id: TenantId, wanted: AuditFilter, before: int | None, limit: int) -> AuditPage:
        """Newest first, of those before this number; what is over is left out likewise. Raises PolicyMissing."""
        return await self._pages.page(tenant_id, self._over(tenant_id), wanted, before, limit)

    def _over(self, tenant_id: TenantId) -> Cutoff:
        return self._policies.log_over(tenant_id, self._clock.utc_ms())

    async def run(self, tenants: Callable[[], Iterable[TenantId]]) -> None:
        """Signs what came since, until cancelled."""
        while True:
            await asyncio.sleep(CHECKPOINT_INTERVAL_S)
            for tenant_id in tenants():
                try:
                    await self.checkpoint([tenant_id])
                except PttError as error:  # removed, signed by a command, no disk: the next round looks again
                    _log.error("audit_not_signed", tenant=tenant_id, error=error.message)

    async def checkpoint(self, tenants: Iterable[TenantId]) -> int:
        """Signs the newest entry of each tenant that has one without; gives how many. Raises StoreUnavailable."""
        signed = 0
        for tenant_id in tenants:
            last = await self._log.last(tenant_id)
            if last is None or last[0] == last[2]:
                continue
            sequence, digest, _ = last
            await self._sign(tenant_id, sequence, digest)
            signed += 1
        return signed

    async def _sign(self, tenant_id: TenantId, sequence: int, digest: bytes) -> None:
        at_ms = self._clock.utc_ms()
        signature = self._key.sign(checkpoint_octets(tenant_id, sequence, digest, at_ms))
        await self._log.put_checkpoint(Checkpoint(tenant_id, sequence, digest, at_ms, signature))
        await asyncio.to_thread(self._write_head, tenant_id, (sequence, digest.hex()))  # it waits for the disk
        _log.info("audit_checkpoint", tenant=tenant_id, sequence=sequence, digest=digest.hex())

    def _write_head(self, tenant_id: TenantId, head: Head) -> None:
        heads = self._heads() | {str(tenant_id): head}
        replace_private_file(self._heads_file, json.dumps(heads, indent=1).encode())

    async def verify(self, tenant_id: TenantId) -> Verdict:
        chain = await self._log.chain(tenant_id)
        links, checkpoints = chain.links, chain.checkpoints
        points = {point.sequence: point.digest for point in checkpoints}
        head = self._heads().get(tenant_id)
        problems = (
            *_missing_beginning(chain, points, self._key.public),
            *_broken_links(links, points),
            *_broken_checkpoints(links, checkpoints, self._key.public),
            *_missing_end(chain, points, head),
        )
        first, last = (links[0].sequence, links[-1].sequence) if links else (None, None)
        pruned_ms = chain.pruning.at_ms if chain.pruning else None
        return Verdict(len(links), first, last, len(checkpoints), pruned_ms, problems)

    def _heads(self) -> dict[str, Head]:
        try:
            return {tenant: (head[0], head[1]) for tenant, head in json.loads(self._heads_file.read_text()).items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, IndexError, AttributeError) as error:
            raise StoreUnavailable(f"{self._heads_file}: {error}") from None


def _missing_beginning(chain: Chain, points: Mapping[int, bytes], public: bytes) -> Iterator[str]:
    pruning = chain.pruning
    end = chain.links[0].sequence - 1 if chain.links else max(points, default=0)  # of what is not there any more
    if end and end not in points:
        yield f"entries before {end + 1} are missing, and no checkpoint vouches for the cut"
    elif pruning is None:
        if end:
            yield f"entries up to {end} are missing, and no signed pruning says that they were over"
    elif pruning.sequence != end:
        yield f"the server pruned up to entry {pruning.sequence}, and the log begins after entry {end}"
    else:
        signed = pruning_octets(pruning.tenant_id, pruning.sequence, points[end], pruning.at_ms)
        if not is_signed(public, pruning.signature, signed):
            yield f"the pruning up to entry {pruning.sequence} is not signed by this server"


def _broken_links(links: list[Link], checkpoints: Mapping[int, bytes]) -> Iterator[str]:
    previous, number = ORIGIN, 0
    if links and links[0].sequence > 1:
        number = links[0].sequence - 1
        previous = checkpoints.get(number, links[0].previous)
    for link in links:
        if link.sequence != number + 1:
            yield f"entries {number + 1} to {link.sequence - 1} are missing"
        if link.previous != previous:
            yield f"entry {link.sequence} does not follow from the one before it"
        if not compare_digest(link.computed, link.digest):
            yield f"entry {link.sequence} was changed"
        previous, number = link.digest, link.sequence


def _broken_checkpoints(links: list[Link], checkpoints: list[Checkpoint], public: bytes) -> Iterator[str]:
    digests = {link.sequence: link.digest for link in links}
    for point in checkpoints:
        if not is_signed(public, point.signature, point.signed):
            yield f"the checkpoint at entry {point.sequence} is not signed by this server"
        if not compare_digest(digests.get(point.sequence, point.digest), point.digest):
            yield f"entry {point.sequence} is not the one that was signed"


def _missing_end(chain: Chain, points: Mapping[int, bytes], head: Head | None) -> Iterator[str]:
    """A signed pruning beyond the head stands for it: a sweep can come before the next checkpoint is written down."""
    signed = max(points, default=0)
    if chain.links and signed > chain.links[-1].sequence:
        yield f"entries up to {signed} were signed, and the last ones are missing"
        return
    if head is None or (chain.pruning is not None and head[0] < chain.pruning.sequence):
        return
    sequence, digest = head
    known = {**points, **{link.sequence: link.digest for link in chain.links}}
    if sequence not in known:
        yield f"entries up to {sequence} were signed, and the last ones are missing"
    elif not compare_digest(known[sequence].hex().encode(), digest.encode()):
        yield f"entry {sequence} is not the one that was written down beside the database"
