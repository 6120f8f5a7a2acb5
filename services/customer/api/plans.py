"""Commands about plans."""

from fastapi import APIRouter, Response

from services.customer.api.answers import Answer, Expected, Writing, edited
from services.customer.application import CustomerApplication
from services.customer.commands.plans import CreatePlan, RevisePlan
from services.http import created, problems


def router(application: CustomerApplication) -> APIRouter:
    api = APIRouter(tags=["plans"])

    @api.post("/plans", status_code=201, responses=problems(409, 422))
    def create_plan(body: CreatePlan, asked: Writing, response: Response) -> Answer:
        """Create a plan with its options: one-time, recurring and measured ones."""
        answer = application.create_plan(body, asked)
        return created(response, f"/v1/plans/{answer['planIdent']}", answer)

    @api.put("/plans/{plan_ident}", responses=problems(404, 409, 412, 422))
    def revise_plan(
        plan_ident: str, body: RevisePlan, asked: Writing, expected: Expected, response: Response
    ) -> Answer:
        """Make a new version of the whole plan, for new contracts; running ones stay until they are moved."""
        return edited(response, application.revise_plan(plan_ident, body, asked, expected))

    return api
