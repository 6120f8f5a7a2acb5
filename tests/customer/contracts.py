"""Plans and contracts on the aggregates alone, from the bodies that upstream systems send."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from services.customer.application.contracts import agreed_in, amendment_of
from services.customer.commands.contracts import AmendContract, SignContract
from services.customer.commands.plans import CreatePlan
from services.customer.contract import Contract
from services.customer.plan import Plan
from services.errors import InvalidFields
from services.values import Item, TerminationKind
from tests import examples


def created_plan(**changes: Any) -> Plan:
    command = CreatePlan.model_validate(examples.plan(**changes))
    return Plan.create(
        plan_id=uuid4(),
        plan_ident=command.plan_ident,
        name=command.name,
        currency=command.currency,
        options=[option.to_item() for option in command.options],
        now=examples.NOW,
    )


def revise(plan: Plan, *options: examples.Row, currency: str = "EUR") -> None:
    command = CreatePlan.model_validate(examples.plan(options=[examples.option(item) for item in options]))
    plan.revise(
        name=plan.name,
        currency=currency,
        options=[option.to_item() for option in command.options],
        now=examples.NOW,
    )


def signed(**changes: Any) -> Contract:
    """A contract with items of its own."""
    return _sign(SignContract.model_validate(examples.contract(**changes)), None)


def signed_from(plan: Plan, **changes: Any) -> Contract:
    return _sign(SignContract.model_validate(examples.plan_contract(**changes)), plan)


def _sign(body: SignContract, plan: Plan | None) -> Contract:
    agreed = agreed_in(body, uuid4(), uuid4(), plan)
    return Contract.sign(agreed, options=len(agreed.items) - len(body.items), now=examples.NOW)


def amend(contract: Contract, effective: str, plan: Plan | None = None, **asked: Any) -> None:
    body = AmendContract.model_validate({"effectiveDate": effective, **asked})
    contract.amend(amendment_of(body, contract, plan), examples.NOW)


def pause(contract: Contract, day: str) -> None:
    contract.pause(date.fromisoformat(day), examples.NOW)


def resume(contract: Contract, day: str) -> None:
    contract.resume(date.fromisoformat(day), examples.NOW)


def terminate(contract: Contract, notice: str, last: str | None = None) -> None:
    """Ordinary notice."""
    contract.terminate(
        TerminationKind.ORDINARY,
        noticed_on=date.fromisoformat(notice),
        terminates_on=date.fromisoformat(last) if last else None,
        reason=None,
        now=examples.NOW,
    )


def terminate_for_a_reason(
    contract: Contract, notice: str, last: str | None = None, reason: str | None = "insolvent"
) -> None:
    contract.terminate(
        TerminationKind.EXTRAORDINARY,
        noticed_on=date.fromisoformat(notice),
        terminates_on=date.fromisoformat(last) if last else None,
        reason=reason,
        now=examples.NOW,
    )


def item(contract: Contract, ident: str, day: str) -> Item:
    """An item of a contract at its terms of a day."""
    return next(i for i in contract.terms.items_on(date.fromisoformat(day)) if i.item_ident == ident)


def idents(contract: Contract, day: str) -> list[str]:
    return [i.item_ident for i in contract.terms.items_on(date.fromisoformat(day))]


def status(contract: Contract, day: str) -> str:
    return contract.terms.status_on(date.fromisoformat(day)).value


def blamed(error: pytest.ExceptionInfo[InvalidFields]) -> str:
    return error.value.errors[0].field
