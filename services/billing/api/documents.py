"""Documents as files."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.billing.application import BillingApplication
from services.billing.rendering import pdf
from services.http import require


def router(application: BillingApplication) -> APIRouter:
    api = APIRouter()

    @api.get(
        "/documents/{document_id}/pdf",
        dependencies=[Depends(require("documents:read"))],
        response_class=Response,
        responses={200: {"content": {"application/pdf": {}}, "description": "The document as PDF/A-3"}},
    )
    def document_pdf(document_id: UUID) -> Response:
        """The document as a PDF; the same document always gives the same bytes."""
        document = application.document(document_id)
        return Response(
            pdf.render(document),
            media_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="{document.number}.pdf"'},
        )

    return api
