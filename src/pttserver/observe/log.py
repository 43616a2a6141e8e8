"""Structured logs on standard error. A `Personal` value that reaches a log line comes out as `[redacted]`."""

import logging
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from pttserver.ids import Personal

_SILENT = ("uvicorn", "uvicorn.error", "uvicorn.access", "websockets")  # a stranger can make them log errors at will
_QUIET = ("aiosqlite", "alembic", "watchfiles")  # they log SQL, and the names of files


def get_logger(room: str) -> FilteringBoundLogger:
    """The logger of a room of the house."""
    logger: FilteringBoundLogger = structlog.get_logger(room=room)
    return logger


def configure_logging(level: str, output: Literal["json", "console"]) -> None:
    """Routes our logs and those of libraries through one formatter."""
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: Processor = structlog.processors.JSONRenderer() if output == "json" else structlog.dev.ConsoleRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def redact(_: Any, __: str, event: EventDict) -> EventDict:
    """json.dumps writes the characters of a str subclass, whatever its __str__ says; so personal values go first."""
    return {key: _without_personal(value) for key, value in event.items()}


def _without_personal(value: Any) -> Any:
    if isinstance(value, Personal):
        return str(value)
    if isinstance(value, dict):
        return {key: _without_personal(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_personal(inner) for inner in value]
    return value
