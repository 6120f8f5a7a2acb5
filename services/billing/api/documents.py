"""Documents as files."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response

from services.billing.application import BillingApplication
from services.billing.application.files import Files
from services.http import problems, require
from services.values import DocumentFile

Format = Literal["zugferd", "xrechnung", "xrechnung-ubl"]

FORMATS: Mapping[str, DocumentFile] = {
    "zugferd": DocumentFile.ZUGFERD,
    "xrechnung": DocumentFile.XRECHNUNG,
    "xrechnung-ubl": DocumentFile.XRECHNUNG_UBL,
}
"""The XML formats by the names that the API and the command line have for them."""

IfNoneMatch = Annotated[
    str | None, Header(description="`ETag` of the file that you have; `304` where it is the same.")
]


def router(application: BillingApplication) -> APIRouter:
    api = APIRouter()

    @api.get(
        "/documents/{document_id}/pdf",
        dependencies=[Depends(require("documents:read"))],
        response_class=Response,
        responses={
            200: {"content": {"application/pdf": {}}, "description": "The document as PDF/A-3"},
            304: {"description": "You have it already"},
            **problems(404, 500),
        },
    )
    def document_pdf(document_id: UUID, if_none_match: IfNoneMatch = None) -> Response:
        """The document as a PDF; the same document always gives the same bytes. `ETag` is their SHA-256."""
        return _answer(application, application.files_of(document_id), DocumentFile.PDF, if_none_match)

    @api.get(
        "/documents/{document_id}/xml",
        dependencies=[Depends(require("documents:read"))],
        response_class=Response,
        responses={
            200: {"content": {"application/xml": {}}, "description": "The document as EN 16931 XML"},
            304: {"description": "You have it already"},
            **problems(404, 409, 422, 500),
        },
    )
    def document_xml(
        document_id: UUID,
        form: Annotated[
            Format | None,
            Query(
                alias="format",
                description="`zugferd`: CII, profile EN 16931 of ZUGFeRD and Factur-X, as in the PDF; `xrechnung`: CII;"
                " `xrechnung-ubl`: UBL; without: as the customer asked for e-invoices.",
            ),
        ] = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """The document as an electronic invoice; `ETag` is the SHA-256 of its bytes."""
        files = application.files_of(document_id)
        return _answer(application, files, FORMATS[form] if form else files.usual_xml, if_none_match)

    return api


def _answer(
    application: BillingApplication, files: Files, file: DocumentFile, if_none_match: str | None
) -> Response:
    """A file, or that the client has it: known without making it where its hash is recorded."""
    known = files.sha256(file)
    if known and _matches(if_none_match, known):
        return _not_modified(known)
    content = application.content(files, file)
    sha256 = known or hashlib.sha256(content).hexdigest()
    if _matches(if_none_match, sha256):
        return _not_modified(sha256)
    # A browser shows a PDF in the page; XML is for programs.
    kind, shown = ("pdf", "inline") if file is DocumentFile.PDF else ("xml", "attachment")
    name = f"{files.document.number}.{kind}"
    headers = _caching(sha256) | {"Content-Disposition": f'{shown}; filename="{name}"'}
    return Response(content, media_type=f"application/{kind}", headers=headers)


def _not_modified(sha256: str) -> Response:
    return Response(status_code=304, headers=_caching(sha256))


def _caching(sha256: str) -> dict[str, str]:
    """Who has it may keep it for itself, and asks each time whether it may still read it."""
    return {"ETag": f'"{sha256}"', "Cache-Control": "private, no-cache"}


def _matches(if_none_match: str | None, sha256: str) -> bool:
    """Whether a client has these bytes (RFC 9110, 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    return bool(tags & {f'"{sha256}"', "*"})
