"""Logos: the picture that a billing entity has on its documents."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from services.billing.api.billing_entities import Ident
from services.billing.application import BillingApplication
from services.billing.logo import LOGO_MAX_BYTES, LOGO_MAX_PIXELS, MEDIA_TYPES, picture_of
from services.events import Asked
from services.http import asking, problems, require

PICTURE = {
    media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES.values()
}


async def _sent(request: Request) -> bytes:
    """The body as it is: its own content says what it is, whatever the header says."""
    return await request.body()


def router(application: BillingApplication) -> APIRouter:
    api = APIRouter()

    @api.put(
        "/billing-entities/{ident}/logo",
        responses=problems(404, 422),
        openapi_extra={"requestBody": {"required": True, "content": PICTURE}},
        description=f"Have documents show this picture from now on: PNG or JPEG, at most {LOGO_MAX_BYTES:,} bytes and"
        f" {LOGO_MAX_PIXELS:,} × {LOGO_MAX_PIXELS:,} pixels. Issued documents keep the one that they show.",
    )
    def put_logo(
        ident: Ident,
        asked: Annotated[Asked, Depends(asking("admin"))],
        sent: Annotated[bytes, Depends(_sent)],
    ) -> dict[str, Any]:
        return application.put_logo(ident, picture_of(sent), asked)

    @api.delete("/billing-entities/{ident}/logo", responses=problems(404))
    def remove_logo(ident: Ident, asked: Annotated[Asked, Depends(asking("admin"))]) -> dict[str, Any]:
        """Have documents show no picture from now on; issued ones keep the one that they show."""
        return application.remove_logo(ident, asked)

    @api.get(
        "/billing-entities/{ident}/logo",
        dependencies=[Depends(require("customers:read"))],
        response_class=Response,
        responses={200: {"content": PICTURE, "description": "The picture"}, **problems(404)},
    )
    def get_logo(ident: str) -> Response:
        """The picture on a billing entity's documents; `ETag` is its SHA-256."""
        logo = application.logo_of(ident)
        return Response(logo.data, media_type=logo.media_type, headers={"ETag": f'"{logo.sha256}"'})

    return api
