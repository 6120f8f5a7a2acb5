"""Commands about usage."""

from fastapi import APIRouter

from services.customer.api.answers import Answer, Writing
from services.customer.application import CustomerApplication
from services.customer.commands.usage import RecordUsage
from services.http import problems


def router(application: CustomerApplication) -> APIRouter:
    api = APIRouter(tags=["usage"])

    @api.post("/usage", status_code=202, responses=problems(422))
    def record_usage(body: RecordUsage, asked: Writing) -> Answer:
        """Record usage, one event or a batch of up to 10,000: every `eventId` once, all of a batch or nothing."""
        return application.record_usage(body, asked)

    return api
