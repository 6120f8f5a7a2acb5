"""The portal's own styles, scripts and icons, served from memory and cached for good by the browser."""

import hashlib
import mimetypes
from pathlib import Path

from starlette.responses import Response

DIRECTORY = Path(__file__).parent / "static"

# Python's table follows the machine's; a module script with another type is refused by browsers.
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Assets:
    """All static files under one address that changes with their content.

    The digest of all files is a folder of the path, not a query, so that modules which import each
    other by relative names are renewed together.
    """

    def __init__(self, directory: Path = DIRECTORY) -> None:
        self._files = {file.name: file.read_bytes() for file in sorted(directory.iterdir())}
        self._digest = _digest(self._files)

    def url(self, name: str) -> str:
        if name not in self._files:
            raise LookupError(f"there is no static file {name}")
        return f"/static/{self._digest}/{name}"

    def answer(self, digest: str, name: str) -> Response:
        """The file; an older digest gets today's content, which its page can still use, but not to keep."""
        content = self._files.get(name)
        if content is None:
            return Response("Not found", 404, media_type="text/plain")
        age = "max-age=31536000, immutable" if digest == self._digest else "no-cache"
        headers = {"Cache-Control": f"public, {age}", "X-Content-Type-Options": "nosniff"}
        return Response(content, headers=headers, media_type=_media_type(name))


def _digest(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:12]


def _media_type(name: str) -> str:
    return _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
