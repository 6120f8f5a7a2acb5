"""Pictures of documents for docs/documents.md, made by `make docs`."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from PIL import Image

from services.billing.rendering.pdf import pages
from services.messages import DocumentIssued
from tests.billing.rendering import kinds

PAGE = Path(__file__).parents[3] / "docs" / "documents.md"
ROOM = PAGE.with_suffix("")

PIXELS_PER_INCH = 110
COLORS = 24
"""Few, so that a picture stays small; text has no more."""

HEAD = """# Documents

What customers get, as pictures of the PDFs; made by `make docs` from the test suite's documents. Each PDF is PDF/A-3 and
PDF/UA-1, has the EN 16931 XML attached (ZUGFeRD and Factur-X, profile EN 16931), and passes veraPDF and Mustang in the tests.
Why they are made in this way: [decision 17](decisions/0017-pdf.md); their typefaces: [decision 4](decisions/0004-fonts.md).
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A document in the documentation; `of_pages` are those that are shown, counted from 1, all if there are none."""

    kind: str
    title: str
    text: str
    of_pages: tuple[int, ...] = ()


SHOWN = (
    Shown(
        "invoice",
        "An invoice on one page",
        "Lines under the contract and order they come from, two rates of VAT, a code that banking apps fill the transfer from.",
    ),
    Shown(
        "invoice_120_lines",
        "An invoice of 120 lines",
        "The head of the table and the sum of the lines so far go with it from page to page. Shown are pages 1, 2 and 4.",
        (1, 2, 4),
    ),
    Shown(
        "credit_note",
        "A credit note",
        "It names the invoice and says why. This seller has uploaded a logo.",
    ),
    Shown("correction", "A corrected invoice", "It replaces an invoice, which it names."),
    Shown(
        "reverse_charge",
        "Services to a business in another member state",
        "In English: no VAT is charged, and a note says who owes it.",
    ),
    Shown(
        "small_business",
        "A seller under the small-business rule",
        "With the note of § 19 UStG, texts of its own, and its colour.",
    ),
    Shown(
        "public_buyer",
        "A public buyer who wants XRechnung",
        "The PDF shows the Leitweg-ID; the XRechnung itself is XML, in two syntaxes.",
    ),
    Shown(
        "direct_debit",
        "An invoice that is collected",
        "Announced with mandate, creditor and date; of the account only its ends are shown.",
    ),
    Shown(
        "prepaid_card",
        "An order that is partly paid",
        "From the total to what is due, which is charged to a card.",
    ),
)


def page() -> str:
    """docs/documents.md."""
    return HEAD + "".join(map(_section, SHOWN))


def names(shown: Shown) -> list[str]:
    """File names of its pictures."""
    if not shown.of_pages:
        return [f"{shown.kind}.png"]
    return [f"{shown.kind}_{number}.png" for number in shown.of_pages]


def write() -> None:
    PAGE.write_text(page(), "utf-8")
    ROOM.mkdir(exist_ok=True)
    for shown in SHOWN:
        for name, picture in zip(names(shown), _pictures(shown), strict=True):
            (ROOM / name).write_bytes(picture)


def _section(shown: Shown) -> str:
    images = "\n".join(f"![{shown.title}](documents/{name})" for name in names(shown))
    return f"\n## {shown.title}\n\n{shown.text}\n\n{images}\n"


def _pictures(shown: Shown) -> Iterator[bytes]:
    document, logo = _document(shown.kind)
    found = pages(document, logo, PIXELS_PER_INCH)
    for number in shown.of_pages or range(1, len(found) + 1):
        yield _small(found[number - 1])


def _document(kind: str) -> tuple[DocumentIssued, bytes | None]:
    document = kinds.KINDS[kind]()
    if kind != "credit_note":
        return document, None
    return replace(document, seller=replace(document.seller, logo="uploaded")), kinds.logo()


def _small(png: bytes) -> bytes:
    written = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        few = image.convert("RGB").quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(written, "PNG", optimize=True)
    return written.getvalue()
