"""The QR code of a SEPA credit transfer (EPC069-12, version 2.1), which banking apps fill a transfer from."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import cast

import zxingcpp
from typing_extensions import Buffer

from services.billing.rendering.lines import View
from services.messages import DocumentIssued
from services.values import BankAccount

MAX_AMOUNT = Decimal("999999999.99")
MAX_BYTES = 331
_MAX_NAME = 70


def transfer_code(document: DocumentIssued) -> View | None:
    """`size` in modules and their outlines as an SVG `path`; None where no SEPA transfer in euro pays the document."""
    text = transfer_text(document)
    if text is None:
        return None
    # As bytes: text would be put in the first charset that has its characters, and the code says UTF-8.
    code = zxingcpp.create_barcode(text.encode(), zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    image = code.to_image(scale=1, add_quiet_zones=False)
    size, pixels = image.shape[0], bytes(cast(Buffer, image))
    rows = (pixels[start : start + size] for start in range(0, size * size, size))
    return {"size": str(size), "path": "".join(_outlines(rows))}


def transfer_text(document: DocumentIssued) -> str | None:
    """What the code says, element by element; without purpose and structured reference."""
    bank, due = document.seller.bank_account, document.totals.due
    if bank is None or document.currency != "EUR" or not 0 < due <= MAX_AMOUNT:
        return None
    text = "\n".join(_elements(bank, document))
    return text if len(text.encode()) <= MAX_BYTES else None


def _elements(bank: BankAccount, document: DocumentIssued) -> Iterator[str]:
    yield from ("BCD", "002", "1", "SCT")
    yield (bank.bic or "").replace(" ", "")
    yield _one_line(bank.account_holder or document.seller.name)[:_MAX_NAME]
    yield bank.iban.replace(" ", "")
    yield f"EUR{document.totals.due:.2f}"
    yield from ("", "")
    yield _one_line(document.number)


def _one_line(text: str) -> str:
    """A line break would end an element."""
    return " ".join(text.split())


def _outlines(rows: Iterator[bytes]) -> Iterator[str]:
    """A rectangle for each run of dark modules in a row."""
    for y, row in enumerate(rows):
        for run in re.finditer(rb"\0+", row):
            length = run.end() - run.start()
            yield f"M{run.start()} {y}h{length}v1h-{length}z"
