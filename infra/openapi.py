"""The API's description, OpenAPI 3.1: to what the routes say it adds the problem documents that they answer with."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from infra.problems import MEDIA_TYPE, TYPE_BASE

Schema = dict[str, Any]

PROBLEM: Schema = {
    "title": "Problem",
    "description": "A problem document (RFC 9457); nothing is stored from a request that is answered with one.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": [TYPE_BASE + "debtor-ident-taken"]},
        "title": {"type": "string", "description": "The rule in plain words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong here, and what to do about it."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message", "rejectedValue"],
                "properties": {
                    "field": {"type": "string", "examples": ["addresses[0].city"]},
                    "message": {"type": "string"},
                    "rejectedValue": {"description": "What was sent, where it may be repeated."},
                },
            },
        },
    },
}


class Api(FastAPI):
    """A FastAPI application whose description knows our problem documents."""

    def openapi(self) -> Schema:
        if self.openapi_schema is None:
            self.openapi_schema = _with_problems(super().openapi())
        return self.openapi_schema


def _with_problems(description: Schema) -> Schema:
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which we never answer with
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            operation["responses"] |= {
                str(status): {"description": why, "content": _CONTENT}
                for status, why in _problems(path, method, operation)
            }
    return description


_CONTENT: Schema = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _problems(path: str, method: str, operation: Schema) -> Iterator[tuple[int, str]]:
    """The statuses of an operation's problems, and what each means."""
    body = "requestBody" in operation
    if body:
        yield 400, "The body is not JSON."
    yield 401, "Nobody is signed in."
    yield 403, "The access does not include this."
    if body or "{" in path:
        yield 404, "What the path or the body names does not exist."
    if method != "get":
        yield 409, "A business rule refuses it."
    if any(parameter["name"].lower() == "if-match" for parameter in operation.get("parameters", ())):
        yield 412, "It was changed since the version in If-Match."
    if body:
        yield 413, "The body is too large."
    yield 422, "Fields are not valid, or the Idempotency-Key was used for another request."
    yield 503, "The service cannot answer right now; send the request again."
