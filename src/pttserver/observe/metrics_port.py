"""The port that metrics are scraped at: HTTP in a thread of its own, which sleeps until somebody asks."""

import contextlib
import socket
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from pttserver.errors import ConfigError

_LONGEST_ANSWER_S = 1.0


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Who scrapes, and when, is nobody's business."""


class _Listener(ThreadingWSGIServer):
    """A thread for each request: a slow scraper keeps nobody waiting."""


class _Listener6(_Listener):
    address_family = socket.AF_INET6


class MetricsPort:
    """Open from its making on, until `close`. Raises ConfigError if the port cannot be had."""

    def __init__(self, address: str, port: int, registry: CollectorRegistry) -> None:
        listener = _Listener6 if ":" in address else _Listener
        try:
            self._server = make_server(address, port, make_wsgi_app(registry), listener, handler_class=_Silent)
        except OSError as error:
            raise ConfigError(f"metrics.port {port}: {error.strerror}; choose another port") from None
        self._closed = False
        self._thread = Thread(target=self._serve, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def _serve(self) -> None:
        while not self._closed:
            self._server.handle_request()

    def close(self) -> None:
        """Shutting the socket down wakes the thread, so nothing has to look at intervals whether it is time to stop."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._server.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(_LONGEST_ANSWER_S)
        self._server.server_close()
