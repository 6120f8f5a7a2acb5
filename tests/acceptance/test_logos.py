"""Logos over HTTP: sent as they are, shown as they were sent, refused by name."""

from hashlib import sha256
from io import BytesIO

import pytest
from PIL import Image

from tests import examples
from tests.acceptance.server import KontorServer

IDENT = "with-logo"
PATH = f"/v1/billing-entities/{IDENT}/logo"


@pytest.fixture(scope="module")
def picture(kontor_server: KontorServer) -> bytes:
    """A picture for a billing entity of its own."""
    entity = examples.BILLING_ENTITY | {"numberPrefix": "LOGO"}
    kontor_server.done("PUT", f"/v1/billing-entities/{IDENT}", entity)
    buffer = BytesIO()
    Image.new("RGB", (40, 20), "#1f4e79").save(buffer, "PNG")
    return buffer.getvalue()


def test_a_logo_is_sent_as_it_is_shown_and_taken_away(kontor_server: KontorServer, picture: bytes) -> None:
    hashed = sha256(picture).hexdigest()
    before = kontor_server.read(f"/v1/billing-entities/{IDENT}")
    sent = kontor_server.put(PATH, content=picture, headers={"Content-Type": "image/png"})
    assert (sent.status_code, sent.json()["sha256"]) == (200, hashed)
    shown = kontor_server.get(PATH)
    assert (shown.content, shown.headers["Content-Type"], shown.headers["ETag"]) == (
        picture,
        "image/png",
        f'"{hashed}"',
    )
    assert kontor_server.read(f"/v1/billing-entities/{IDENT}") == before
    kontor_server.done("DELETE", PATH, None)
    assert kontor_server.get(PATH).json()["type"].endswith("/logo-not-found")


def test_what_is_no_picture_is_refused_whatever_its_header_says(
    kontor_server: KontorServer, picture: bytes
) -> None:
    refused = kontor_server.put(PATH, content=b"GIF89a", headers={"Content-Type": "image/png"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body")
    unknown = kontor_server.put("/v1/billing-entities/nobody/logo", content=picture)
    assert (unknown.status_code, unknown.json()["type"].rpartition("/")[2]) == (
        404,
        "billing-entity-not-found",
    )
