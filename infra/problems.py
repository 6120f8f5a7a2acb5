"""Errors as RFC 9457 problem details: which error has which status, and how it reads."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException

from services.errors import (
    FieldError,
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

STATUS: Mapping[type[KontorError], int] = {
    NotSignedIn: 401,
    NotAllowed: 403,
    NotFound: 404,
    StaleVersion: 412,
    InvalidFields: 422,
    Unavailable: 503,
    Refused: 409,
    KontorError: 409,
}


def install(app: FastAPI) -> None:
    """Let `app` answer every error as a problem document."""
    app.add_exception_handler(KontorError, _kontor_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(psycopg.OperationalError, _no_database)
    app.add_exception_handler(PoolTimeout, _no_database)
    app.add_exception_handler(Exception, _unexpected)


def problem(
    status: int, slug: str, title: str, detail: str, errors: Iterable[FieldError] = ()
) -> JSONResponse:
    """A problem document; `slug` ends its stable `type`."""
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(RETRY_AFTER_SECONDS)}}
    return JSONResponse(
        {
            "type": TYPE_BASE + slug,
            "title": title,
            "status": status,
            "detail": detail,
            "errors": [
                {"field": e.field, "message": e.message, "rejectedValue": e.rejected_value} for e in errors
            ],
        },
        status,
        headers.get(status),
        MEDIA_TYPE,
    )


def field_errors(errors: Iterable[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """Pydantic's errors by JSON path, in words that say what to do."""
    return tuple(FieldError(_path(e["loc"]), _message(e), _rejected(e)) for e in errors)


def _kontor_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, KontorError)
    status = next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)
    errors = error.errors if isinstance(error, InvalidFields) else ()
    return problem(status, error.slug(), error.title(), str(error), errors)


def _invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(e["type"] == "json_invalid" for e in found):
        return problem(400, "malformed-json", "The body is not valid JSON", "Send a JSON object in UTF-8.")
    fields = field_errors(found)
    detail = "; ".join(f"{e.field}: {e.message}" for e in fields)
    return problem(422, InvalidFields.slug(), InvalidFields.title(), detail, fields)


def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, f"http-{error.status_code}", str(error.detail), str(error.detail))


def _no_database(_: Request, error: Exception) -> JSONResponse:
    log.error("the database cannot be reached: %s", type(error).__name__)
    return problem(503, Unavailable.slug(), Unavailable.title(), "The database cannot be reached; try again.")


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(
        500, "unexpected", "Something went wrong on our side", "It was logged; nothing was stored."
    )


def _path(location: Iterable[str | int]) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in ("body", "query", "path", "header") or path:
            path += f".{part}" if path else part
    return path or "body"


def _message(error: Mapping[str, Any]) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return "is not a field of this request; remove it or correct its name"
    return message[:1].lower() + message[1:]


def _rejected(error: Mapping[str, Any]) -> Any:
    value = error.get("input")
    return value if isinstance(value, str | int | float | bool) else None
