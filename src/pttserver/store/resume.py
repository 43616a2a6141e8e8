"""Resume tokens in the database: one per subscriber, as a digest; and all that a resumption needs, in one read."""

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from pttserver.ids import DeviceId, SubscriberId
from pttserver.store.database import Database
from pttserver.store.devices import login_candidate
from pttserver.store.groups import memberships
from pttserver.store.prepared import Prepared
from pttserver.store.records import ResumeToken, Returning
from pttserver.store.schema import resume_tokens

_TOKEN = Prepared(
    select(
        resume_tokens.c.subscriber_id,
        resume_tokens.c.device_id,
        resume_tokens.c.token_hash,
        resume_tokens.c.expires_ms,
    ).where(resume_tokens.c.subscriber_id == bindparam("subscriber_id"))
)
_NEW = insert(resume_tokens)
_PUT = _NEW.on_conflict_do_update(
    index_elements=["subscriber_id"],
    set_={name: _NEW.excluded[name] for name in ("device_id", "token_hash", "expires_ms")},
)
_NOBODY = SubscriberId("")
_HOUR_MS = 3_600_000


class ResumeTokens:
    """Every method raises StoreUnavailable if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_resume(
        self,
        subscriber_id: SubscriberId,
        device_id: DeviceId,
        token_hash: bytes,
        end_ms: int,
    ) -> None:
        """Replaces the subscriber's token, of whatever device. Raises NotFound if the device is removed."""
        row = {
            "subscriber_id": subscriber_id,
            "device_id": device_id,
            "token_hash": token_hash,
            "expires_ms": -(-end_ms // _HOUR_MS) * _HOUR_MS,
        }
        await self._database.write(lambda sql: sql.execute(_PUT, row))

    async def resume_token(self, subscriber_id: SubscriberId) -> ResumeToken | None:
        """The caller judges device, digest and age."""
        return await self._database.read(lambda sql: _token(sql, subscriber_id))

    async def returning(self, device_id: DeviceId) -> Returning:
        """One state of the database, in one turn of the thread: a herd that comes back waits for little else.

        For an unknown device the same is looked up, of nobody.
        """

        vault = self._database.vault

        def work(sql: Connection) -> Returning:
            candidate = login_candidate(sql, vault, device_id)
            who = candidate.subscriber_id if candidate else _NOBODY
            return Returning(candidate, _token(sql, who), memberships(sql, who))

        return await self._database.read(work)

    async def delete_expired(self, now_ms: int) -> None:
        """Those that are worth nothing any more."""
        stale = delete(resume_tokens).where(resume_tokens.c.expires_ms <= now_ms)
        await self._database.write(lambda sql: sql.execute(stale))

    async def delete_resume(self, subscriber_id: SubscriberId) -> None:
        row = delete(resume_tokens).where(resume_tokens.c.subscriber_id == subscriber_id)
        await self._database.write(lambda sql: sql.execute(row))


def _token(sql: Connection, subscriber_id: SubscriberId) -> ResumeToken | None:
    row = _TOKEN.row(sql, subscriber_id=subscriber_id)
    return None if row is None else ResumeToken(*row)
