"""The issued document as PDF/A-3 and PDF/UA-1, set by Typst: the same document gives the same bytes."""

import json
import threading
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import typst

from services.billing.rendering.fonts import FAMILIES, displayable, fonts
from services.billing.rendering.view import view
from services.messages import DocumentIssued

_TEMPLATES = Path(__file__).parent / "templates"


class _Compilers(threading.local):
    """One compiler per thread and template: it keeps what it parsed, and must not be shared by threads."""

    def __init__(self) -> None:
        self.by_version: dict[int, typst.Compiler] = {}


_compilers = _Compilers()


def render(document: DocumentIssued) -> bytes:
    """The document as PDF, by the template of its `template_version`, in its language."""
    pdf = _compiler(document.template_version).compile(
        format="pdf",
        sys_inputs=_inputs(document),
        pdf_standards=["a-3a", "ua-1"],
        timestamp=_timestamp(document.issue_date),
    )
    if not isinstance(pdf, bytes):
        raise TypeError("Typst wrote the PDF elsewhere")
    return pdf


def _inputs(document: DocumentIssued) -> dict[str, str]:
    """All that the template sees. It takes every value as text, so none can be markup."""
    return {"view": json.dumps(_displayable(view(document))), "fonts": json.dumps(FAMILIES)}


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
        template = _TEMPLATES / str(template_version) / "invoice.typ"
        compilers[template_version] = typst.Compiler(template, root=_TEMPLATES, font_paths=fonts())
    return compilers[template_version]
