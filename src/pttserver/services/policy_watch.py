"""Watches the policy files: a valid change is taken as an instruction, an invalid one changes nothing and is loud.

At the start a tenant whose file is missing or invalid is refused; while the server runs, its earlier policy stays in
force (fail closed, both times: nobody's data are kept by rules that nobody gave). What the file system tells is taken
at once, and all files are looked at again at an interval; so a file that differs for longer is a problem.
"""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pttserver.clock import Clock
from pttserver.config import Settings
from pttserver.errors import PolicyInvalid, PttError
from pttserver.ids import TenantId
from pttserver.observe.log import get_logger
from pttserver.services.folder_changes import changes_in
from pttserver.services.instructions import Instructions
from pttserver.services.policy_book import PolicyBook
from pttserver.store.database import Database
from pttserver.store.policies import InForce, Policies
from pttserver.store.policy_files import SUFFIX, PolicyFiles
from pttserver.store.private_files import make_private_folder

_log = get_logger("policy")


class FileState(StrEnum):
    """How a tenant's file stands to the policy in force."""

    IN_FORCE = "in force"
    CHANGED = "changed"
    UNPUBLISHED = "not written yet"
    MISSING = "missing"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class FileLook:
    """What a look at a tenant's file found; `problem` is for the operator.

    `acknowledged`: of the limitations of a changed file, those that the version in force acknowledged.
    """

    state: FileState
    text: str | None = None
    problem: str | None = None
    acknowledged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyDesk:
    """All that has to do with policies, over one database and one folder."""

    policies: Policies
    book: PolicyBook
    instructions: Instructions
    watch: "PolicyWatch"

    @classmethod
    def over(cls, database: Database, settings: Settings, clock: Clock) -> "PolicyDesk":
        """The book is empty until it is loaded. Raises ConfigError if the operator's bounds are wrong."""
        policies, files = Policies(database), PolicyFiles(settings.policy_dir)
        book = PolicyBook(policies, settings.privacy.bounds)
        instructions = Instructions(policies, files, settings.privacy.bounds, clock)
        interval_s = settings.privacy.policy_look_interval_s
        return cls(policies, book, instructions, PolicyWatch(policies, files, instructions, book, interval_s))


class PolicyWatch:
    """`start` once, then `run` until cancelled."""

    def __init__(
        self, policies: Policies, files: PolicyFiles, instructions: Instructions, book: PolicyBook, interval_s: float
    ) -> None:
        """`interval_s`: all files are looked at again, whatever the file system told."""
        self._policies = policies
        self._files = files
        self._instructions = instructions
        self._book = book
        self._interval_s = interval_s
        self._rejects: dict[TenantId, FileLook] = {}
        self.rejected = 0

    def path(self, tenant_id: TenantId) -> Path:
        """Of the tenant's file."""
        return self._files.path(tenant_id)

    def look(self, tenant_id: TenantId, newest: InForce | None) -> FileLook:
        """Compares the file with the version in force."""
        if newest is not None and not newest.published:  # first: whatever is there, it is to be replaced
            return FileLook(FileState.UNPUBLISHED)
        try:
            text = self._files.read(tenant_id)
        except PolicyInvalid as error:
            return FileLook(FileState.INVALID, problem=error.message)
        if text is None:
            return FileLook(FileState.MISSING, problem=f"{self._files.path(tenant_id)} is missing")
        if newest is not None and text == newest.text:
            return FileLook(FileState.IN_FORCE)
        try:
            acknowledged = self._instructions.check_edit(text, newest.acknowledged if newest is not None else ())
        except PolicyInvalid as error:
            return FileLook(FileState.INVALID, text, error.message)
        return FileLook(FileState.CHANGED, text, acknowledged=acknowledged)

    def overdue(self, tenant_id: TenantId, newest: InForce | None, found: FileLook, now_ms: int) -> str | None:
        """For the operator: what a server would have brought together by now, the file and what is in force."""
        path = self._files.path(tenant_id)
        if found.state is FileState.CHANGED:
            since_ms, what = (
                self._files.changed_ms(tenant_id),
                "{} was changed {} and is not in force: no server took it",
            )
        elif found.state is FileState.UNPUBLISHED and newest is not None:
            since_ms, what = newest.at_ms, "{} does not say what came to be in force {}: no server could write it"
        else:
            return None
        if since_ms is None or abs(now_ms - since_ms) <= self._interval_s * 1000:
            return None
        return f"{what.format(path, _ago(now_ms - since_ms))}; if one runs with these settings, its log says why"

    async def start(self) -> None:
        """Brings files and policies together before anybody is served. Raises StoreUnavailable."""
        make_private_folder(self._files.folder)
        files = self._files.tenants()  # first: a tenant that is added meanwhile has a file after it has a row
        in_force = await self._policies.in_force()
        if in_force:  # an empty database, as of a mistaken `data_dir`, knows nobody
            self._remove(files - in_force.keys())
        looks = {tenant_id: await self._take(tenant_id, newest) for tenant_id, newest in in_force.items()}
        await self._book.load()
        for tenant_id, found in looks.items():
            if found.problem is not None:
                self._book.refuse(tenant_id, found.problem)

    async def forget_the_gone(self) -> None:
        """The files of tenants that were removed. Raises StoreUnavailable."""
        files = self._files.tenants()  # first, as in `start`
        self._remove(files - (await self._policies.in_force()).keys())

    def _remove(self, strangers: Iterable[TenantId]) -> None:
        """Files of tenants that are gone: they name people to turn to."""
        for tenant_id in strangers:
            self._files.remove(tenant_id)
            _log.warning("policy_file_removed", tenant=tenant_id)

    async def run(self) -> None:
        """Every change, until cancelled; what changed while the server started is looked for first."""
        async with aclosing(changes_in(self._files.folder, self._interval_s)) as changes:
            async for paths in changes:
                await self._on_changes(paths)

    async def look_at_all(self) -> None:
        """As if every file had just changed, or had gone."""
        await self._on_changes(None)

    async def _on_changes(self, paths: Iterable[Path] | None) -> None:
        """None: of all tenants."""
        try:
            in_force = await self._policies.in_force()
            for tenant_id in sorted(in_force.keys() if paths is None else in_force.keys() & _named_by(paths)):
                await self._on_change(tenant_id, in_force[tenant_id])
            for gone in self._rejects.keys() - in_force.keys():
                del self._rejects[gone]
            await self._book.load()
        except PttError as error:  # the next change, or the next start, tries again
            _log.error("policy_files_not_read", error=error.message)

    async def _on_change(self, tenant_id: TenantId, newest: InForce | None) -> None:
        try:
            found = await self._take(tenant_id, newest)
        except PttError as error:
            _log.error("policy_file_not_taken", tenant=tenant_id, error=error.message)
            return
        if found.problem is not None:
            self._reject(tenant_id, found)
            return
        self._rejects.pop(tenant_id, None)
        if newest is not None:
            self._book.accept(tenant_id)

    def _reject(self, tenant_id: TenantId, found: FileLook) -> None:
        """Once for each change, however often it is looked at."""
        if self._rejects.get(tenant_id) == found:
            return
        self._rejects[tenant_id] = found
        self.rejected += 1
        _log.error("policy_file_rejected", tenant=tenant_id, problem=found.problem)

    async def _take(self, tenant_id: TenantId, newest: InForce | None) -> FileLook:
        found = await asyncio.to_thread(self.look, tenant_id, newest)
        if found.state is FileState.UNPUBLISHED:
            await self._instructions.publish(tenant_id)
        elif found.state is FileState.CHANGED and found.text is not None:
            current = (await self._policies.in_force(tenant_id)).get(tenant_id)
            if current != newest:  # another one was applied meanwhile: the file that was read may be of that one
                return await self._take(tenant_id, current)
            await self._instructions.take_from_file(tenant_id, found.text, found.acknowledged)
        return found


def _named_by(paths: Iterable[Path]) -> set[TenantId]:
    return {TenantId(path.stem) for path in paths if path.suffix == SUFFIX and not path.name.startswith(".")}


def _ago(milliseconds: int) -> str:
    return f"{milliseconds // 60_000} min ago" if milliseconds >= 0 else "at a time that is yet to come"
