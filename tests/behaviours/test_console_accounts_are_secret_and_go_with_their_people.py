"""Passwords, secrets and passkeys of the console stand nowhere in clear, and are gone with the person."""

import base64
import io
import logging

import pytest
import structlog
from sqlalchemy import func, select

from console_visitor import PASSWORD, Refused, TurnedClock, Visitor, activated, dispatcher
from pttserver.ids import Personal
from pttserver.observe.log import configure_logging
from pttserver.privacy.categories import Category
from pttserver.services.instructions import Instruction
from pttserver.store import inventory
from pttserver.store.console_schema import CONSOLE_TABLES, console_accounts, console_devices
from pttserver.store.schema import devices, subscriber_fields, subscribers
from running_server import TENANT, running_platform
from sim.authenticator import Authenticator

NAME = "Zebediah-Marker"
WHY = Instruction(Personal("Olga"), Personal("asked for it"))


@pytest.fixture
async def platform(tmp_path):
    async with running_platform(tmp_path) as running:
        await running.organise("Patrol")
        yield running


async def two_accounts(platform) -> tuple[list[bytes], Visitor]:
    """One with an app, one with a passkey, each with a browser; gives their secrets, as they are and as text."""
    app = await activated(platform, NAME)
    await app.register()
    key = Visitor(platform)
    authenticator = Authenticator(key.base)
    code = await dispatcher(platform, "Dora")
    offered = await key.post("activate", code=code, password=PASSWORD)
    await key.post("activate/passkey", ticket=offered["ticket"], credential=authenticator.create(offered["passkey"]))
    point = authenticator.key.public_key().public_numbers()
    octets = [
        app.secret,
        authenticator.credential_id,
        point.x.to_bytes(32, "big"),
        app.key.public_key().public_bytes_raw(),
    ]
    texts = [PASSWORD, code, code.replace("-", ""), app.cookie, base64.b32encode(app.secret).decode(), NAME]
    return [*octets, *(text.encode() for text in texts)], app


async def test_no_secret_stands_in_clear_in_any_file(platform) -> None:
    secrets, _ = await two_accounts(platform)
    files = [file for file in platform.settings.data_dir.rglob("*") if file.is_file()]
    assert any(file.name.endswith("-wal") and file.stat().st_size for file in files)
    for file in files:
        content = file.read_bytes()
        assert [secret for secret in secrets if secret in content] == [], file


async def test_nothing_of_it_is_logged(tmp_path) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers.clear()
    configure_logging("debug", "json")
    stream = io.StringIO()
    logging.getLogger().handlers[0].setStream(stream)
    for client in ("httpx", "httpcore"):  # ours, in the same process
        logging.getLogger(client).setLevel(logging.WARNING)
    try:
        async with running_platform(tmp_path) as platform:
            await platform.organise("Patrol")
            secrets, visitor = await two_accounts(platform)
            for body in ({"tenant": TENANT, "name": NAME, "password": f"{PASSWORD}!"}, {"password": PASSWORD}):
                with pytest.raises(Refused):
                    await visitor.post("login", **body)

            async def bug(*_):
                raise ValueError(f"bug with {Personal(NAME)}")

            platform.server.services.console.login.login = bug
            with pytest.raises(Refused, match="500 internal"):
                await visitor.first_step(NAME)
    finally:
        structlog.reset_defaults()
        root.handlers[:] = before
        root.setLevel(level)
    text = stream.getvalue()
    assert "request_failed" in text
    assert [secret for secret in secrets[4:] if secret.decode() in text] == []
    assert "127.0.0.1" not in text


@pytest.mark.parametrize("erased", [True, False], ids=["erased", "removed"])
async def test_who_goes_takes_the_account_along(platform, erased) -> None:
    await two_accounts(platform)

    async def rows() -> list[int]:
        tables = (*CONSOLE_TABLES, console_devices, devices)
        counts = [select(func.count()).select_from(table) for table in tables]
        return await platform.database.read(lambda sql: [sql.scalar(count) for count in counts])

    await dispatcher(platform, "Dirk")
    assert await rows() == [1, 1, 3, 1, 1]
    tenant_id = (await platform.provisioning.tenant(TENANT)).tenant_id
    for name in (NAME, "Dora", "Dirk"):
        if erased:
            assert (await platform.office.erasure.erase(tenant_id, name, WHY)).certificate is not None
        else:
            await platform.provisioning.remove_subscriber(TENANT, name)
    assert await rows() == [0, 0, 0, 0, 0]


def test_user_names_passwords_and_contact_data_of_managers_have_categories_of_their_own() -> None:
    """S-054, S-055: a manager is a subscriber with a role, and each of the three is sealed under its own category."""
    kept = {
        subscribers.c.identifier: Category.IDENTIFIER,
        console_accounts.c.password_hash: Category.CREDENTIAL,
        console_accounts.c.totp_secret: Category.CREDENTIAL,
        subscriber_fields.c.contact: Category.CONTACT_DATA,
    }
    rows = {(row.table, row.column): row for row in inventory.personal()}
    for column, category in kept.items():
        row = rows[column.table.name, column.name]
        assert (row.category, row.form) == (category, "sealed")
    assert len(set(kept.values())) == 3


async def test_the_password_is_kept_as_argon2id(platform) -> None:
    await activated(platform, "Dora", TurnedClock())
    who = (await platform.provisioning.subscriber(TENANT, "Dora")).subscriber_id
    keys = await platform.keys(who)
    sealed = await platform.database.read(lambda sql: sql.scalar(select(console_accounts.c.password_hash)))
    assert keys.required_text(sealed).startswith("$argon2id$")
