"""A browser at the console, with bare hands: REST with a cookie, and a key that logs in over the WebSocket."""

import base64
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attacks.bare_radio import BareRadio, tls
from pttserver.clock import Clock
from pttserver.crypto import totp
from pttserver.crypto.device_keys import origin_digest
from pttserver.roles import Role
from pttserver.wire import signalling
from running_server import TENANT, Platform

PASSWORD = "correct horse battery staple"
COOKIE = "__Host-ptt"
_LONGEST_ANSWER_S = 60  # a password takes its time to be proved, on a busy machine much of it


class TurnedClock(Clock):
    """The machine's clocks, ahead by `ahead_s`."""

    ahead_s = 0.0

    def now(self) -> float:
        return super().now() + self.ahead_s

    def utc_ms(self) -> int:
        return super().utc_ms() + round(self.ahead_s * 1000)


class Visitor:
    """A page at https://localhost:PORT; `cookie` is what its browser keeps, `origin` what it says of the page."""

    prefix = "console"  # of the paths, below /v1

    def __init__(self, platform: Platform, clock: Clock | None = None) -> None:
        self.platform = platform
        self.clock = clock or Clock()
        self.base = f"https://localhost:{platform.server.signalling_port}"
        self.origin: str | None = self.base
        self.cookie: str | None = None
        self.secret = b""
        self.key = Ed25519PrivateKey.generate()
        self.device = ""
        self.last = httpx.Response(0)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request; a cookie that comes is kept, one that is taken away is forgotten."""
        given = {"origin": self.origin} if self.origin is not None and method == "POST" else {}
        given |= {"cookie": f"{COOKIE}={self.cookie}"} if self.cookie is not None else {}
        async with httpx.AsyncClient(verify=tls(), trust_env=False, timeout=_LONGEST_ANSWER_S) as client:
            url = f"{self.base}/v1/{self.prefix}/{path}"
            self.last = await client.request(method, url, json=body, headers={**given, **headers})
        for line in self.last.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            assert name == COOKIE
            self.cookie = value.strip('"') or None
        return self.last

    async def post(self, path: str, **body: Any) -> Any:
        """The answer's JSON. Raises Refused."""
        answer = await self.call("POST", path, body)
        return told(answer)

    async def session(self) -> dict[str, Any]:
        found: dict[str, Any] = told(await self.call("GET", "session"))
        return found

    # Account -----------------------------------------------------------------------------------------------------

    def code(self, steps_later: int = 0) -> str:
        """What the authenticator app shows."""
        return totp.code_at(self.secret, self.clock.utc_ms() // 30_000 + steps_later)

    async def activate(self, code: str, password: str = PASSWORD) -> None:
        """By authenticator app."""
        offered = await self.post("activate", code=code, password=password)
        self.secret = base64.b32decode(offered["totp"]["secret"])
        await self.post("activate/totp", ticket=offered["ticket"], code=self.code())

    async def first_step(self, name: str, password: str = PASSWORD, tenant: str = TENANT) -> dict[str, Any]:
        step: dict[str, Any] = await self.post("login", tenant=tenant, name=name, password=password)
        return step

    async def log_in(self, name: str, password: str = PASSWORD, steps_later: int = 1) -> dict[str, Any]:
        """By authenticator app, with the code of the next step: the one of now was used to activate the account."""
        step = await self.first_step(name, password)
        answer = await self.post("login/totp", ticket=step["ticket"], code=self.code(steps_later))
        session: dict[str, Any] = answer["session"]
        return session

    # Radio -------------------------------------------------------------------------------------------------------

    @property
    def public_key(self) -> str:
        return base64.b64encode(self.key.public_key().public_bytes_raw()).decode()

    async def register(self) -> None:
        answer = await self.post("device", public_key=self.public_key, device_type="test browser")
        self.device = answer["device"]

    async def greeted(self) -> BareRadio:
        """A WebSocket as the browser opens it, after `hello`."""
        headers = {"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie is not None else {}
        url = f"wss://localhost:{self.platform.server.signalling_port}/v1/ptt"
        radio = await BareRadio.open(url, origin=self.origin, additional_headers=headers)
        radio.certificate_digest = origin_digest(self.origin or "")
        await radio.hello()
        return radio

    async def on_the_radio(self) -> BareRadio:
        radio = await self.greeted()
        request = signalling.LoginConsole(id=1, device=self.device, signature=self.sign(radio))
        radio._adopt(await radio.ask(request, signalling.SessionStarted))
        return radio

    def sign(self, radio: BareRadio, purpose: Any = "login") -> bytes:
        return self.key.sign(radio.proof(purpose, self.device))


class Refused(Exception):
    """An answer that is a problem."""

    def __init__(self, answer: httpx.Response) -> None:
        body = answer.json()
        self.status, self.code, self.details = answer.status_code, body["code"], body.get("details", {})
        super().__init__(f"{self.status} {self.code}")


def told(answer: httpx.Response) -> Any:
    if answer.status_code >= 400:
        raise Refused(answer)
    return answer.json() if answer.content else None


async def dispatcher(platform: Platform, name: str = "Dora", role: Role = Role.DISPATCHER, tenant: str = TENANT) -> str:
    """A subscriber with the role and an invitation; gives its code."""
    await platform.provisioning.add_subscriber(tenant, name, display_name=f"{name} Dahl", pin="4711")
    await platform.office.roles.set_role(tenant, name, role)
    return (await platform.office.console.invite(tenant, name)).code


async def activated(platform: Platform, name: str = "Dora", clock: Clock | None = None) -> Visitor:
    """A dispatcher in the organisation who is logged in with a browser, right after the activation."""
    visitor = Visitor(platform, clock)
    await visitor.activate(await dispatcher(platform, name))
    return visitor
