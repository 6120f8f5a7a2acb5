"""What the HTTP APIs of all services share: who asks, and what makes a request the same request again."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from fastapi import Depends, Header, Request, Response

from services.errors import FieldError, InvalidFields, KontorError
from services.events import Asked, Context
from services.ids import new_id

SCOPES = (
    "customers:read",
    "customers:write",
    "billing:run",
    "documents:read",
    "audit:read",
    "admin",
)


class NotSignedIn(KontorError):
    """You are not signed in: send a valid `Authorization: Bearer` token, or sign in to the portal."""


class NotAllowed(KontorError):
    """Your access does not include this."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what they may do; `admin` includes every scope."""

    actor: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


class Access(Protocol):
    """Knows who is behind a request; kept in `app.state.access`."""

    def principal(self, request: Request) -> Principal:
        """The caller by bearer token or session cookie; raises NotSignedIn."""


class require:  # noqa: N801 - reads as a verb where it is used: Depends(require("customers:read"))
    """A dependency that lets a caller with `scope` through and yields its Principal."""

    def __init__(self, scope: str) -> None:
        assert scope in SCOPES, scope
        self.scope = scope

    def __call__(self, request: Request) -> Principal:
        access: Access = request.app.state.access
        principal = access.principal(request)
        if not principal.may(self.scope):
            raise NotAllowed(f"This needs the scope {self.scope!r}.")
        return principal


def asking(scope: str) -> Callable[..., Any]:
    """A dependency for commands: checks `scope` and yields what was Asked, keyed by `Idempotency-Key`."""

    async def asked(
        request: Request,
        principal: Annotated[Principal, Depends(require(scope))],
        idempotency_key: Annotated[
            str | None,
            Header(max_length=255, description="Same key and body: done once, answered the same."),
        ] = None,
        x_correlation_id: Annotated[
            UUID | None, Header(description="Groups what follows from one cause.")
        ] = None,
    ) -> Asked:
        command_id = (
            uuid5(NAMESPACE_URL, f"{principal.actor}:{idempotency_key}") if idempotency_key else new_id()
        )
        context = Context(command_id, principal.actor, datetime.now(UTC), x_correlation_id or command_id)
        return Asked(context, _request_hash(request, await request.body()) if idempotency_key else b"")

    return asked


def expected_version(
    if_match: Annotated[str | None, Header(description='ETag of what you edit, e.g. `"3"`.')] = None,
) -> int | None:
    """The version that the caller wants to edit, from `If-Match`; None means any."""
    if if_match is None or if_match == "*":
        return None
    number = if_match.removeprefix("W/").strip('"')
    if not number.isdecimal():
        raise InvalidFields(FieldError("If-Match", 'send the ETag you were given, e.g. "3"', if_match))
    return int(number)


def liked_languages(accept_language: str) -> list[str]:
    """The tags of an Accept-Language header (RFC 9110, 12.5.4), the best liked first, without those not wanted."""
    weighed = [(_quality(part), part.split(";")[0].strip()) for part in accept_language.split(",")]
    return [tag for quality, tag in sorted(weighed, key=lambda one: -one[0]) if quality > 0 and tag]


def _quality(part: str) -> float:
    _, _, weight = part.partition(";")
    try:
        return float(weight.strip().removeprefix("q=")) if weight else 1.0
    except ValueError:
        return 0.0


def created(response: Response, location: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Headers of a creation: where the new thing is, and its version."""
    response.headers["Location"] = location
    response.headers["ETag"] = f'"{answer["version"]}"'
    return answer


PROBLEMS: Mapping[int, str] = {
    401: "Not signed in",
    403: "The scope is missing",
    404: "There is nothing of that name",
    409: "Refused by a business rule, which `type` and `title` name",
    412: "Changed since the version in `If-Match`",
    422: "Invalid fields, which `errors` names by their paths",
    500: "What is stored is not what was recorded",
    503: "Not available right now; send it again",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem documents (RFC 9457) that a route may answer with, for its documentation."""
    content = {"application/problem+json": {"schema": {"type": "object"}}}
    return {status: {"description": PROBLEMS[status], "content": content} for status in (401, 403, *statuses)}


def _request_hash(request: Request, body: bytes) -> bytes:
    try:
        canonical = msgspec.json.encode(msgspec.json.decode(body), order="sorted") if body else b""
    except msgspec.DecodeError:
        canonical = body
    return hashlib.sha256(
        b"%s %s\n%s" % (request.method.encode(), request.url.path.encode(), canonical)
    ).digest()
