"""Passwords, factors and invitations of console accounts, as they are written; each use of a factor counts once."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from pttserver.crypto import passkeys
from pttserver.errors import NotFound
from pttserver.ids import SubscriberId, TenantId
from pttserver.privacy.released import Released
from pttserver.store.audit_chain import AuditNote
from pttserver.store.console_schema import console_accounts, console_invitations, console_passkeys
from pttserver.store.database import Database
from pttserver.store.schema import resume_tokens


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey on its way in."""

    number: str
    relying_party: str
    credential_id: Released | None
    public_key: Released | None
    sign_count: Released | None


@dataclass(frozen=True, slots=True)
class NewCredentials:
    """What somebody brings who activates an account: a password, and one factor. `totp_step`: its code was used."""

    subscriber_id: SubscriberId
    password_hash: Released | None
    totp_secret: Released | None = None
    totp_step: Released | None = None
    passkey: NewPasskey | None = None


class ConsoleCredentials:
    """Every method raises StoreUnavailable if the database fails; what an operator does is written with its note."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def invite(
        self,
        tenant_id: TenantId,
        subscriber_id: SubscriberId,
        code_hash: bytes,
        now_ms: int,
        expires_ms: int,
        note: AuditNote,
    ) -> None:
        """An account that waits for its password; what there was of password and factors goes, and so does a lock."""
        fresh = {"password_hash": None, "totp_secret": None, "totp_step": None, "activated_ms": None, "locked_ms": None}
        account = upsert(console_accounts).values(
            subscriber_id=subscriber_id, tenant_id=tenant_id, created_ms=now_ms, **fresh
        )
        account = account.on_conflict_do_update(index_elements=["subscriber_id"], set_=fresh)
        code = insert(console_invitations).values(
            code_hash=code_hash, subscriber_id=subscriber_id, issued_ms=now_ms, expires_ms=expires_ms
        )
        stale = (console_invitations.c.subscriber_id == subscriber_id) | (console_invitations.c.expires_ms <= now_ms)

        def work(sql: Connection) -> None:
            sql.execute(delete(console_invitations).where(stale))
            sql.execute(account)
            sql.execute(delete(console_passkeys).where(console_passkeys.c.subscriber_id == subscriber_id))
            sql.execute(code)

        await self._database.write(work, note=note)

    async def invited(self, code_hash: bytes, now_ms: int) -> SubscriberId | None:
        """Whose code it is. None: it is unknown, used or expired."""
        code = console_invitations.c
        query = select(code.subscriber_id).where(code.code_hash == code_hash, code.expires_ms > now_ms)
        return await self._database.read(lambda sql: sql.scalar(query))

    async def activate(self, code_hash: bytes, now_ms: int, new: NewCredentials, note: AuditNote) -> bool:
        """Uses the code up: of all that try, one sets the password. False: it was used or replaced in the meantime.

        The subscriber's resume token ends.
        """
        vault, who = self._database.vault, new.subscriber_id
        code = console_invitations.c
        mine = (code.code_hash == code_hash) & (code.subscriber_id == who) & (code.expires_ms > now_ms)

        def work(sql: Connection) -> bool:
            keys = vault.subject(sql, who)
            if keys is None or sql.execute(delete(console_invitations).where(mine)).rowcount == 0:
                return False
            values = {
                "password_hash": keys.seal(new.password_hash),
                "totp_secret": keys.seal(new.totp_secret),
                "totp_step": keys.seal(new.totp_step),
                "activated_ms": now_ms,
            }
            sql.execute(update(console_accounts).where(console_accounts.c.subscriber_id == who).values(values))
            sql.execute(delete(resume_tokens).where(resume_tokens.c.subscriber_id == who))
            if new.passkey is not None:
                row = {
                    "id": new.passkey.number,
                    "subscriber_id": who,
                    "relying_party": new.passkey.relying_party,
                    "credential_id": keys.seal(new.passkey.credential_id),
                    "public_key": keys.seal(new.passkey.public_key),
                    "sign_count": keys.seal(new.passkey.sign_count),
                    "created_ms": now_ms,
                }
                sql.execute(insert(console_passkeys).values(row))
            return True

        return await self._database.write(work, note=note)

    async def use_totp(self, subscriber_id: SubscriberId, step: int, released: Released | None) -> bool:
        """False: the code of this step, or of a later one, was used before. Raises NotFound: the account is gone."""
        vault = self._database.vault
        mine = console_accounts.c.subscriber_id == subscriber_id

        def work(sql: Connection) -> bool:
            keys = vault.existing(sql, subscriber_id)
            used = sql.execute(select(console_accounts.c.totp_step).where(mine)).scalar_one_or_none()
            last = -1 if used is None else keys.open(used)
            if not isinstance(last, int) or step <= last:
                return False
            return sql.execute(update(console_accounts).where(mine).values(totp_step=keys.seal(released))).rowcount > 0

        return await self._database.write(work)

    async def use_passkey(
        self, subscriber_id: SubscriberId, number: str, sign_count: int, released: Released | None
    ) -> bool:
        """False: the count does not follow the last one, so there is a second authenticator with this key.

        Raises NotFound: the passkey was taken away in the meantime.
        """
        vault = self._database.vault
        this = (console_passkeys.c.id == number) & (console_passkeys.c.subscriber_id == subscriber_id)

        def work(sql: Connection) -> bool:
            keys = vault.existing(sql, subscriber_id)
            kept = sql.execute(select(console_passkeys.c.sign_count).where(this)).scalar_one_or_none()
            if kept is None:
                raise NotFound
            before = keys.open(kept)
            if not isinstance(before, int) or not passkeys.may_follow(sign_count, before):
                return False
            sql.execute(update(console_passkeys).where(this).values(sign_count=keys.seal(released)))
            return True

        return await self._database.write(work)

    async def lock(self, subscriber_id: SubscriberId, at_ms: int, note: AuditNote) -> bool:
        """False: locked before. Its code, if it has one that waits, goes. Raises NotFound: there is no account."""
        mine = console_accounts.c.subscriber_id == subscriber_id

        def work(sql: Connection) -> bool:
            if sql.execute(select(console_accounts.c.subscriber_id).where(mine)).first() is None:
                raise NotFound("the subscriber has no console account")
            sql.execute(delete(console_invitations).where(console_invitations.c.subscriber_id == subscriber_id))
            row = update(console_accounts).where(mine, console_accounts.c.locked_ms.is_(None))
            return sql.execute(row.values(locked_ms=at_ms)).rowcount > 0

        return await self._database.write(work, note=note)
