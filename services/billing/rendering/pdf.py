"""The issued document as PDF/A-3 and PDF/UA-1, set by Typst: the same document gives the same bytes.

From template version 2 on it is a hybrid: the EN 16931 XML is attached, as ZUGFeRD and Factur-X have it. What the
standard cannot express, amounts with three decimals, has none.
"""

import json
import threading
from base64 import b64encode
from datetime import UTC, date, datetime, time
from io import BytesIO
from pathlib import Path
from typing import Any

import typst
from PIL import Image

from services.billing.rendering import factur_x
from services.billing.rendering.datatypes import NotExpressible
from services.billing.rendering.einvoice import einvoice
from services.billing.rendering.fonts import FAMILIES, displayable, fonts
from services.billing.rendering.view import view
from services.messages import DocumentIssued
from services.values import DocumentFile

FIRST_HYBRID_VERSION = 2
"""Documents of older templates have no XML in them."""

_TEMPLATES = Path(__file__).parent / "templates"


class _Compilers(threading.local):
    """One compiler per thread and template: it keeps what it parsed, and must not be shared by threads."""

    def __init__(self) -> None:
        self.by_version: dict[int, typst.Compiler] = {}


_compilers = _Compilers()


def render(document: DocumentIssued, logo: bytes | None = None, xml: bytes | None = None) -> bytes:
    """The document as PDF, by the template of its `template_version`, in its language.

    `logo` is the picture (PNG or JPEG) that its seller names. `xml` is what is attached, of profile EN 16931; without
    it, it is written anew.
    """
    attached = _attached(document, xml)
    pdf = typeset(document, inputs(document, logo, attached))
    return factur_x.declared(pdf) if attached else pdf


def pages(document: DocumentIssued, logo: bytes | None = None, ppi: int = 110) -> list[bytes]:
    """The document's pages as PNG, at so many pixels per inch."""
    found = _compiler(document.template_version).compile(
        format="png", ppi=ppi, sys_inputs=inputs(document, logo)
    )
    return [found] if isinstance(found, bytes) else list(found or ())


def inputs(document: DocumentIssued, logo: bytes | None = None, xml: bytes = b"") -> dict[str, str]:
    """All that the template sees. It takes every value as text, so none can be markup."""
    given = {"view": json.dumps(_displayable(view(document))), "fonts": json.dumps(FAMILIES)}
    if not _is_hybrid(document):
        return given
    return {**given, "xml": xml.decode(), "logo": _as_svg(logo) if logo else ""}


def typeset(document: DocumentIssued, sys_inputs: dict[str, str]) -> bytes:
    """The PDF as Typst writes it."""
    pdf = _compiler(document.template_version).compile(
        format="pdf",
        sys_inputs=sys_inputs,
        pdf_standards=["a-3a", "ua-1"],
        timestamp=_timestamp(document.issue_date),
    )
    if not isinstance(pdf, bytes):
        raise TypeError("Typst wrote the PDF elsewhere")
    return pdf


def _attached(document: DocumentIssued, xml: bytes | None) -> bytes:
    """The XML that belongs into the PDF; empty where there is none."""
    if not _is_hybrid(document):
        return b""
    try:
        return xml or einvoice(document, DocumentFile.ZUGFERD)
    except NotExpressible:
        return b""


def _is_hybrid(document: DocumentIssued) -> bool:
    return document.template_version >= FIRST_HYBRID_VERSION


def _as_svg(picture: bytes) -> str:
    """The picture in a text, as a template takes texts only."""
    with Image.open(BytesIO(picture)) as image:
        (width, height), media_type = image.size, image.get_format_mimetype()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<image width="{width}" height="{height}" href="data:{media_type};base64,{b64encode(picture).decode()}"/></svg>'
    )


def _displayable(value: Any) -> Any:
    match value:
        case str():
            return displayable(value)
        case dict():
            return {key: _displayable(item) for key, item in value.items()}
        case list():
            return [_displayable(item) for item in value]
        case _:
            return value


def _timestamp(issued_on: date) -> datetime:
    """The PDF's creation date: a clock here would make every rendering differ."""
    return datetime.combine(issued_on, time.min, UTC)


def _compiler(template_version: int) -> typst.Compiler:
    compilers = _compilers.by_version
    if template_version not in compilers:
        room = _TEMPLATES / str(template_version)
        # The attached file is named by its path below the root.
        compilers[template_version] = typst.Compiler(room / "invoice.typ", root=room, font_paths=fonts())
    return compilers[template_version]
