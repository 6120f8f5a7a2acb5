"""Why a line of an issued document is what it is, in words."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query
from typing_extensions import TypedDict

from services.billing.application import BillingApplication
from services.billing.rendering.explanation import StepTold, told
from services.billing.rendering.language import available, language
from services.http import liked_languages, problems, require


class ExplanationTold(TypedDict):
    """The steps that lead to the line's net amount, which is the last one's `result`."""

    documentId: str
    number: str
    line: int
    language: str
    steps: list[StepTold]


def router(application: BillingApplication) -> APIRouter:
    api = APIRouter()

    @api.get(
        "/documents/{document_id}/lines/{line}/explanation",
        dependencies=[Depends(require("documents:read"))],
        responses=problems(404),
    )
    def explanation(
        document_id: UUID,
        line: Annotated[int, Path(ge=1, le=1_000_000, description="Number of the line, from 1.")],
        wanted: Annotated[
            str | None,
            Query(
                alias="language",
                max_length=35,
                description="BCP 47; else `Accept-Language` decides.",
                examples=["de"],
            ),
        ] = None,
        accept_language: Annotated[str | None, Header(max_length=1000)] = None,
    ) -> ExplanationTold:
        """Why the line is what it is: prices, intervals, days, usage, VAT and every rounding, with the events behind.

        Worked out again from what was known when the document was issued.
        """
        explained = application.explanation(document_id, line)
        document = explained.document
        words = language(wanted or _liked(accept_language or "") or document.language)
        return ExplanationTold(
            documentId=str(document.document_id),
            number=document.number,
            line=line,
            language=words.tag,
            steps=told(explained.steps, document.currency, words),
        )

    return api


def _liked(accept_language: str) -> str | None:
    """The best liked of the languages that there are."""
    tags = (tag for tag in liked_languages(accept_language) if tag.split("-")[0].lower() in available())
    return next(tags, None)
