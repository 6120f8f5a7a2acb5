"""Use cases of plans."""

from typing import Any

from services.application import Decision, check_version
from services.customer.application.deciding import PLAN, Deciding
from services.customer.commands.plans import CreatePlan, RevisePlan
from services.customer.plan import Plan
from services.errors import FieldError, InvalidFields
from services.events import Asked, Claim


class Plans(Deciding):
    """Creating plans and making new versions of them."""

    def create_plan(self, body: CreatePlan, asked: Asked) -> dict[str, Any]:
        """Create a plan; answers planId, planIdent, planVersion, version, position."""

        def decide() -> Decision:
            plan = Plan.create(
                plan_id=self._new_id(),
                plan_ident=body.plan_ident,
                name=body.name,
                currency=body.currency,
                options=[option.to_item() for option in body.options],
                now=asked.context.occurred_at,
            )
            return Decision([plan], _answer(plan), (Claim(PLAN, body.plan_ident, plan.id),))

        return self._carry_out(asked, decide)

    def revise_plan(
        self, plan_ident: str, body: RevisePlan, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Make a new version of the whole plan; answers planId, planIdent, planVersion, version, position."""
        if body.plan_ident not in (None, plan_ident):
            raise InvalidFields(FieldError("planIdent", "is not the ident in the path", body.plan_ident))

        def decide() -> Decision:
            plan = self.plan(plan_ident)
            check_version(expected, plan.version)
            plan.revise(
                name=body.name,
                currency=body.currency,
                options=[option.to_item() for option in body.options],
                now=asked.context.occurred_at,
            )
            return Decision([plan], _answer(plan))

        return self._carry_out(asked, decide)


def _answer(plan: Plan) -> dict[str, Any]:
    return {
        "planId": str(plan.id),
        "planIdent": plan.plan_ident,
        "planVersion": plan.plan_version,
        "version": plan.version,
    }
