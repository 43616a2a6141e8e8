"""The listening TLS port: uvicorn's protocols in our own loop, without its signals and its main loop."""

import asyncio
import ssl

from uvicorn.config import Config
from uvicorn.server import ServerState

from pttserver.errors import ConfigError
from pttserver.net.bounded_body import Asgi
from pttserver.net.protocols import HttpProtocol
from pttserver.net.site import Site
from pttserver.net.web_socket import Pings

BACKLOG = 2048
STOP_TIMEOUT_S = 3.0
HTTP_KEEP_ALIVE_S = 5


class TlsPort:
    """Opened by `open`, closed by `close`."""

    def __init__(self, server: asyncio.Server, state: ServerState) -> None:
        self._server = server
        self._state = state

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    @classmethod
    async def open(
        cls,
        site: Site,
        http: Asgi,
        tls: ssl.SSLContext,
        pings: Pings,
    ) -> "TlsPort":
        """WebSockets visit the site, all else goes to `http`. Raises ConfigError if the address cannot be had."""
        config = Config(
            http,
            http=HttpProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # a peer's word on somebody else's address is worth nothing
            server_header=False,
            timeout_keep_alive=HTTP_KEEP_ALIVE_S,
        )
        config.load()
        state, settings = ServerState(), site.settings
        state.default_headers = config.encoded_headers
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: HttpProtocol(site, pings, config=config, server_state=state, app_state={}),
                settings.address,
                settings.port,
                ssl=tls,
                ssl_handshake_timeout=settings.handshake_timeout_s,
                backlog=BACKLOG,
            )
        except OSError as error:
            raise ConfigError(
                f"signalling.address {settings.address}, signalling.port {settings.port}: {error.strerror}"
            ) from None
        return cls(server, state)

    async def close(self) -> None:
        """Takes no new connections, closes the others, and waits a moment for them to go."""
        self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        deadline = asyncio.get_running_loop().time() + STOP_TIMEOUT_S
        while (self._state.connections or self._state.tasks) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        for task in list(self._state.tasks):
            task.cancel()
