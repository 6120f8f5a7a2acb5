"""Logos: pictures that are what they say, stored once, and kept by the documents that show them."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from infra.audit import replay_billing
from services.billing.billing_entity import BillingEntityNotFound, Settings
from services.billing.logo import LOGO_MAX_BYTES, LogoNotFound, Picture, picture_of
from services.errors import InvalidFields
from services.messages import LogoUploaded
from tests import examples
from tests.system import System


def picture(kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (12, 5), color: int = 0) -> bytes:
    buffer = BytesIO()
    Image.new(mode, size, color).save(buffer, kind)
    return buffer.getvalue()


BLUE, RED = (picture_of(picture(color=color)) for color in (0xFF0000, 0x0000FF))


@pytest.fixture
def sellers(system: System) -> System:
    system.define_seller()
    system.define_seller(ident="vienna", number_prefix="AT")
    system.create_customer(examples.beispiel_gmbh())
    system.sign_contract(examples.contract())
    return system


def put(system: System, given: Picture, ident: str = "main") -> dict[str, Any]:
    return system.billing.put_logo(ident, given, examples.asked())


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_a_picture_is_what_its_content_says(kind: str, media_type: str) -> None:
    assert picture_of(picture(kind)).media_type == media_type


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_grey_few_colours_and_transparency_can_be_printed(mode: str) -> None:
    assert picture_of(picture(mode=mode)).media_type == "image/png"


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"", "not a whole PNG or JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a whole PNG or JPEG"),
        (picture("GIF"), "not a whole PNG or JPEG"),
        (picture(size=(300, 300))[:-30], "not a whole PNG or JPEG"),
        (picture() + bytes(LOGO_MAX_BYTES), "at most 200000"),
        (picture(size=(4001, 1)), "4001 × 1 pixels"),
        (picture("JPEG", mode="CMYK"), "CMYK; save it with RGB"),
    ],
    ids=["nothing", "SVG", "GIF", "cut off", "too many bytes", "too many pixels", "CMYK"],
)
def test_what_cannot_be_printed_is_refused(sent: bytes, message: str) -> None:
    with pytest.raises(InvalidFields, match=message):
        picture_of(sent)


def test_documents_show_the_logo_of_their_day(sellers: System) -> None:
    put(sellers, BLUE)
    [first] = sellers.bill("2026-01-31").documents
    put(sellers, RED)
    [second] = sellers.bill("2026-02-28").documents
    sellers.billing.remove_logo("main", examples.asked())
    [third] = sellers.bill("2026-03-31").documents
    assert [d.seller.logo for d in (first, second, third)] == [BLUE.sha256, RED.sha256, None]
    logo = sellers.billing.logo(BLUE.sha256)
    assert logo
    assert (logo.data, logo.media_type, logo.sha256) == (BLUE.data, "image/png", BLUE.sha256)
    assert replay_billing(sellers.database.owner_url, sellers.customer_feed, sellers.billing_feed) == []


def test_new_settings_leave_the_logo_as_it_is(sellers: System) -> None:
    put(sellers, BLUE)
    sellers.define_seller(payment_term_days=30)
    assert sellers.billing.logo_of("main").sha256 == BLUE.sha256


def test_a_picture_is_stored_once_whoever_shows_it_and_how_often_it_is_sent(sellers: System) -> None:
    for ident in ("main", "main", "vienna"):
        answer = put(sellers, BLUE, ident)
        assert answer["sha256"] == BLUE.sha256
    put(sellers, RED)
    put(sellers, BLUE)
    uploaded = [e.body.sha256 for e in sellers.billing_events() if isinstance(e.body, LogoUploaded)]
    assert uploaded == [BLUE.sha256, RED.sha256]


def test_a_logo_makes_nobody_the_default_again(sellers: System) -> None:
    for ident, prefix in (("main", "RE"), ("vienna", "AT")):
        settings = {k: v for k, v in examples.ENTITY.items() if k != "ident"}
        default = Settings(**settings | {"number_prefix": prefix, "default": True})
        sellers.billing.define_billing_entity(ident, default, examples.asked())
    put(sellers, BLUE, "main")
    assert [e.entity.ident for e in sellers.billing.billing_entities()] == ["vienna", "main"]
    put(sellers, BLUE, "vienna")
    assert [e.entity.ident for e in sellers.billing.billing_entities()] == ["vienna", "main"]


def test_there_is_no_logo_where_none_was_sent(sellers: System) -> None:
    assert sellers.billing.logo(BLUE.sha256) is None
    with pytest.raises(LogoNotFound):
        sellers.billing.logo_of("main")
    with pytest.raises(BillingEntityNotFound):
        sellers.billing.logo_of("nobody")
    with pytest.raises(BillingEntityNotFound):
        put(sellers, BLUE, "nobody")
