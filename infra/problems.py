"""Errors as RFC 9457 problem details: which error has which status, and how it reads."""

import json
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from psycopg_pool import PoolTimeout
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException

from services.errors import (
    FieldError,
    Inconsistent,
    InvalidFields,
    KontorError,
    NotFound,
    Refused,
    StaleVersion,
    Unavailable,
)
from services.http import NotAllowed, NotSignedIn

log = logging.getLogger(__name__)

TYPE_BASE = "https://kontor.example/problems/"
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
ECHO_MAX = 1000
"""Characters of a rejected text that are sent back."""

STATUS: Mapping[type[KontorError], int] = {
    NotSignedIn: 401,
    NotAllowed: 403,
    NotFound: 404,
    StaleVersion: 412,
    InvalidFields: 422,
    Inconsistent: 500,
    Unavailable: 503,
    Refused: 409,
    KontorError: 409,
}


def install(app: FastAPI) -> None:
    """Let `app` answer every error as a problem document."""
    app.add_exception_handler(KontorError, _kontor_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(psycopg.DataError, _no_such_value)
    app.add_exception_handler(psycopg.OperationalError, _no_database)
    app.add_exception_handler(PoolTimeout, _no_database)
    app.add_exception_handler(Exception, _unexpected)


def problem(status: int, slug: str, title: str, detail: str, errors: Iterable[FieldError] = ()) -> Response:
    """A problem document; `slug` ends its stable `type`."""
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(RETRY_AFTER_SECONDS)}}
    document = {
        "type": TYPE_BASE + slug,
        "title": title,
        "status": status,
        "detail": detail,
        "errors": [
            {"field": e.field, "message": e.message, "rejectedValue": e.rejected_value} for e in errors
        ],
    }
    # A lone surrogate that was sent, which UTF-8 cannot hold, goes back as the escape that JSON has for it.
    body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
    return Response(body, status, headers.get(status), MEDIA_TYPE)


def field_errors(errors: Sequence[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """Pydantic's errors by JSON path, in words that say what to do."""
    causes = (e for e in errors if not _follows_from_others(e, errors))
    return tuple(FieldError(_path(e["loc"]), _message(e), _rejected(e)) for e in causes)


def _kontor_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, KontorError)
    status = next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)
    errors = error.errors if isinstance(error, InvalidFields) else ()
    return problem(status, error.slug(), error.title(), str(error), errors)


def _invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(e["type"] == "json_invalid" for e in found):
        return problem(400, "malformed-json", "The body is not valid JSON", "Send a JSON object in UTF-8.")
    fields = field_errors(found)
    detail = "; ".join(f"{e.field}: {e.message}" for e in fields)
    return problem(422, InvalidFields.slug(), InvalidFields.title(), detail, fields)


def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = problem(error.status_code, f"http-{error.status_code}", str(error.detail), str(error.detail))
    answer.headers.update(error.headers or {})  # such as the methods that 405 allows
    return answer


def _no_such_value(request: Request, error: Exception) -> Response:
    """A value that PostgreSQL has no place for, such as a zero byte in a text that is searched for."""
    log.warning("%s %s was refused by the database: %s", request.method, request.url.path, error)
    return problem(
        422, InvalidFields.slug(), InvalidFields.title(), "A value cannot be stored or searched for."
    )


def _no_database(_: Request, error: Exception) -> Response:
    log.error("the database cannot be reached: %s", type(error).__name__)
    return problem(503, Unavailable.slug(), Unavailable.title(), "The database cannot be reached; try again.")


def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(
        500, "unexpected", "Something went wrong on our side", "It was logged; nothing was stored."
    )


def _follows_from_others(error: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a list is only called too short because Pydantic does not count its invalid items."""
    where = error["loc"]
    inside = (e for e in errors if len(e["loc"]) > len(where) and e["loc"][: len(where)] == where)
    return error["type"] == "too_short" and any(inside)


def _path(location: Sequence[str | int]) -> str:
    if location[0] == "path":  # parameters in the path are named as in the code
        return to_camel(str(location[-1]))
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part == "[key]":  # the key of a mapping is wrong, which was named before
            continue
        elif part not in ("body", "query", "header") or path:
            path += f".{part}" if path else part
    return path or "body"


def _message(error: Mapping[str, Any]) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return "is not a field of this request; remove it or correct its name"
    if error["type"] == "string_type" and error["input"] is None:
        return "must not be empty"  # a blank text counts as none
    if error["type"] == "too_short":
        return f"send at least {error['ctx']['min_length']}"
    return message[:1].lower() + message[1:]


def _rejected(error: Mapping[str, Any]) -> Any:
    value = error.get("input")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return value[:ECHO_MAX]
    return value if isinstance(value, int | float) else None
