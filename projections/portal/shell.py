"""What all pages share: language, formats, layout, security headers, and errors as pages."""

import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse, RedirectResponse, Response

from projections.portal import texts, timeline
from projections.portal.assets import Assets
from projections.portal.formats import Formats
from services.errors import KontorError, NotFound, Unavailable
from services.http import NotAllowed, NotSignedIn, Principal

LANGUAGE_COOKIE = "kontor_language"

# No inline script or style, nothing from another host; the PDF of a document is shown in its page.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'self'; frame-src 'self'; "
        "frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}

_STATUS: dict[type[Exception], int] = {
    NotAllowed: 403,
    NotFound: 404,
    Unavailable: 503,
    RequestValidationError: 404,  # only an address that nobody was given has malformed ids
}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Shell:
    """Renders templates in the viewer's language, with the layout around them."""

    def __init__(self) -> None:
        self.assets = Assets()
        self._texts = texts.load()
        self._formats = {language: Formats(language) for language in self._texts}
        loader = FileSystemLoader(Path(__file__).parent / "templates")
        self._templates = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
        self._templates.globals.update(
            asset=self.assets.url,
            with_query=with_query,
            event_name=timeline.event_name,
            field_name=timeline.field_name,
            field_value=timeline.field_value,
        )

    def page(
        self, request: Request, template: str, *, viewer: Principal | None, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """The template as a page; it sees `t` (texts), `f` (formats), `viewer`, `here` and the context."""
        language = self.language(request)
        content = self._templates.get_template(template).render(
            t=self._texts[language],
            f=self._formats[language],
            known_languages=sorted(self._texts),
            viewer=viewer,
            here=_address(request),
            path=request.url.path,
            **context,
        )
        return HTMLResponse(content, status)

    def language(self, request: Request) -> str:
        """The language the viewer chose before, else the one their browser likes best."""
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
        if chosen in self._texts:
            return chosen
        return texts.preferred(request.headers.get("accept-language", ""), self._texts)

    def knows(self, language: str) -> bool:
        return language in self._texts

    def route_class(self) -> type[APIRoute]:
        """A route that answers errors as pages, asks for signing in, and sends the security headers."""
        shell = self

        class PageRoute(APIRoute):
            def get_route_handler(self) -> Handler:
                handle = super().get_route_handler()

                async def answer(request: Request) -> Response:
                    response = await shell._answer(handle, request)
                    for name, value in _HEADERS.items():
                        response.headers.setdefault(name, value)
                    return response

                return answer

        return PageRoute

    async def _answer(self, handle: Handler, request: Request) -> Response:
        try:
            return await handle(request)
        except NotSignedIn:
            wanted = _address(request)
            return RedirectResponse(with_query("/sign-in", next=None if wanted == "/" else wanted), 303)
        except (KontorError, RequestValidationError) as error:
            status = next((s for kind, s in _STATUS.items() if isinstance(error, kind)), 400)
            detail = str(error) if isinstance(error, KontorError) else ""
            return self.page(
                request, "problem.html", viewer=None, status=status, problem=status, detail=detail
            )


def own_address(address: str | None) -> str:
    """`address` if it is a path of this site, else the front page: nobody is sent elsewhere."""
    return address if address and re.match(r"/(?![/\\])[^\x00-\x1f]*\Z", address) else "/"


def with_query(address: str, **changes: Any) -> str:
    """`address` with query parameters replaced; None removes one, a list gives it several times."""
    path, _, query = address.partition("?")
    kept = [(k, v) for k, v in parse_qsl(query) if k not in changes]
    added = [
        (name, str(one))
        for name, value in changes.items()
        if value is not None
        for one in (value if isinstance(value, list) else [value])
    ]
    return f"{path}?{urlencode(kept + added)}" if kept or added else path


def _address(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
