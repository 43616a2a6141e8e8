"""Errors as answers to HTTP requests: the codes of errors.md, a status, and never a word of what was sent."""

from collections.abc import Mapping
from typing import Final, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pttserver.errors import (
    AlreadyExists,
    AuthenticationFailed,
    AuthenticationRequired,
    Disabled,
    Forbidden,
    MalformedMessage,
    NotFound,
    OnHold,
    PolicyForbids,
    PolicyMissing,
    PttError,
    ServerBusy,
    StoreUnavailable,
    Throttled,
    as_told,
)
from pttserver.observe.log import get_logger
from pttserver.wire.console import Problem

NOT_STORED: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
LONGEST_NAME = 64
_STATUS: Mapping[type[PttError], int] = {
    AuthenticationFailed: 401,
    AuthenticationRequired: 401,
    Disabled: 403,
    Forbidden: 403,
    PolicyForbids: 403,
    PolicyMissing: 403,
    NotFound: 404,
    AlreadyExists: 409,
    OnHold: 409,
    Throttled: 429,
    ServerBusy: 429,
    StoreUnavailable: 503,
}
_INTERNAL = PttError().code
_log = get_logger("http")


def answer_problems(http: FastAPI) -> None:
    """From now on errors of ours, and what is no request as its schema says, are answered as a `Problem`."""
    http.add_exception_handler(PttError, _refused)
    http.add_exception_handler(RequestValidationError, _malformed)
    http.add_exception_handler(HTTPException, _unserved)
    http.add_exception_handler(Exception, _failed)


async def _refused(_: Request, error: Exception) -> Response:
    raised = cast(PttError, error)
    refusal = as_told(raised)
    if refusal is not raised:
        _log.error("database_failed", error=raised.message)
    if refusal.code == _INTERNAL:
        return _answer(500, refusal)
    found = (status for kind, status in _STATUS.items() if isinstance(refusal, kind))
    return _answer(next(found, 400), refusal)


async def _malformed(_: Request, error: Exception) -> Response:
    """pydantic would repeat the input, passwords too."""
    first = cast(RequestValidationError, error).errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")[:LONGEST_NAME]
    return _answer(400, MalformedMessage(f"{where or 'body'}: {first['msg']}"))


async def _unserved(_: Request, error: Exception) -> Response:
    """What the framework refuses: a body that is not JSON, another method, another path."""
    status = cast(HTTPException, error).status_code
    return _answer(status, NotFound() if status == 404 else MalformedMessage("This is no request that is served here."))


async def _failed(_: Request, error: Exception) -> Response:
    """A bug costs one request."""
    _log.error("request_failed", exc_info=error)
    return _answer(500, PttError())


def _answer(status: int, error: PttError) -> Response:
    problem = Problem(code=error.code, message=error.message, details=error.details or None)
    headers = dict(NOT_STORED)
    if "retry_after_s" in error.details:
        headers["retry-after"] = str(round(float(cast(float, error.details["retry_after_s"])) + 0.5))
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, status, headers, "application/json")
