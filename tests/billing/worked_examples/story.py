"""Carries out the facts of a worked example through the services."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

from services.customer.commands.contracts import (
    AmendContract,
    CancelContract,
    PauseContract,
    ResumeContract,
    SignContract,
    TerminateContract,
)
from services.customer.commands.customers import AddressBody, CreateCustomer
from services.customer.commands.orders import CancelOrder, RecordOrder
from services.customer.commands.plans import CreatePlan, RevisePlan
from services.customer.commands.usage import RecordUsage
from services.messages import DocumentIssued
from tests.billing.worked_examples.reading import Example, Fact, Run, left_out
from tests.examples import asked
from tests.system import System

AFTERWARDS = datetime(2030, 1, 1, tzinfo=UTC)
"""When all facts are told: every day of the examples has passed."""


class Story:
    """What happens to the customer of one example; idents get the customer's before them, as all share a database."""

    def __init__(self, system: System, debtor: str, example: Example) -> None:
        self._system = system
        self._debtor = debtor
        self._numbers = count(1)
        self._contract: dict[str, Any] = {}
        self._order: dict[str, Any] = {}
        self._addresses: dict[str, str] = {}
        """Id by city."""
        self._tell: dict[str, Callable[[dict[str, Any]], Any]] = {
            "address": self._add_address,
            "plan": self._plan,
            "plan revision": self._plan_revision,
            "contract": self._sign,
            "amendment": self._amend,
            "pause": lambda body: self._change(system.customer.pause_contract, PauseContract, body),
            "resume": lambda body: self._change(system.customer.resume_contract, ResumeContract, body),
            "termination": lambda body: self._change(
                system.customer.terminate_contract, TerminateContract, body
            ),
            "cancellation": lambda body: self._change(system.customer.cancel_contract, CancelContract, body),
            "usage": self._use,
            "order": self._record,
            "order cancellation": self._cancel_order,
        }
        self._begin({step.kind: step.body for step in example.steps if isinstance(step, Fact)})

    def tell(self, fact: Fact) -> None:
        if fact.kind not in ("seller", "customer"):
            self._tell[fact.kind](fact.body)

    def bill(self, run: Run) -> list[DocumentIssued]:
        done = self._system.bill(run.day, self._debtor)
        assert done.reasons == {self._debtor: None}
        return done.documents

    def _begin(self, facts: dict[str, dict[str, Any]]) -> None:
        """The seller and the customer, as facts or as they are where an example says nothing of them."""
        seller = {
            re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", name): value
            for name, value in facts.get("seller", {}).items()
        }
        self._system.define_seller(**seller)
        customer = left_out()["customer"] | {"debtorIdent": self._debtor} | facts.get("customer", {})
        command = CreateCustomer.model_validate(customer)
        self._customer = self._system.customer.create_customer(command, asked(AFTERWARDS))

    def _add_address(self, body: dict[str, Any]) -> None:
        customer_id, command = UUID(self._customer["customerId"]), AddressBody.model_validate(body)
        answer = self._system.customer.add_address(customer_id, command, asked(AFTERWARDS))
        self._addresses[body["city"]] = answer["addressId"]

    def _with_addresses(self, body: dict[str, Any]) -> dict[str, Any]:
        """What names an address by its city, with the address's id."""
        named = {name: city for name, city in body.items() if name.endswith("AddressId")}
        return body | {name: self._addresses[city] for name, city in named.items()}

    # -- plans ----------------------------------------------------------------------------------

    def _plan(self, body: dict[str, Any]) -> None:
        command = CreatePlan.model_validate(self._whole_plan(body))
        self._system.customer.create_plan(command, asked(AFTERWARDS))

    def _plan_revision(self, body: dict[str, Any]) -> None:
        command = RevisePlan.model_validate(self._whole_plan(body))
        assert command.plan_ident
        self._system.customer.revise_plan(command.plan_ident, command, asked(AFTERWARDS))

    def _whole_plan(self, body: dict[str, Any]) -> dict[str, Any]:
        options = [_whole_item(option) for option in body["options"]]
        for option in options:
            option["optionIdent"] = option.pop("itemIdent")
        return body | {"planIdent": self._own(body["planIdent"]), "options": options}

    # -- contracts ------------------------------------------------------------------------------

    def _sign(self, body: dict[str, Any]) -> None:
        whole: dict[str, Any] = {"debtorIdent": self._debtor, "contractIdent": self._next()}
        whole |= self._with_addresses(body)
        if "planIdent" in body:
            whole["planIdent"] = self._own(body["planIdent"])
        else:
            whole = left_out()["contract"] | whole
            whole["items"] = [_whole_item(item) for item in body["items"]]
        command = SignContract.model_validate(whole)
        self._contract = self._system.customer.sign_contract(command, asked(AFTERWARDS))

    def _amend(self, body: dict[str, Any]) -> None:
        added = [_whole_item(item) for item in body.get("add", ())]
        self._change(self._system.customer.amend_contract, AmendContract, body | {"add": added})

    def _change(self, use_case: Callable[..., Any], command: Any, body: dict[str, Any]) -> None:
        contract_id = UUID(self._contract["contractId"])
        use_case(contract_id, command.model_validate(body), asked(AFTERWARDS))

    def _use(self, body: dict[str, Any]) -> None:
        item = {} if "optionIdent" in body else left_out()["usage"]
        event_id = self._own(body["eventId"]) if "eventId" in body else self._next()
        entry = item | body | {"eventId": event_id, "contractIdent": self._contract["contractIdent"]}
        self._system.customer.record_usage(RecordUsage.model_validate(entry), asked(AFTERWARDS))

    # -- orders ---------------------------------------------------------------------------------

    def _record(self, body: dict[str, Any]) -> None:
        lines = [left_out()["orderLine"] | line for line in body["lines"]]
        whole = left_out()["order"] | {"debtorIdent": self._debtor, "orderIdent": self._next()}
        command = RecordOrder.model_validate(whole | self._with_addresses(body) | {"lines": lines})
        self._order = self._system.customer.record_order(command, asked(AFTERWARDS))

    def _cancel_order(self, body: dict[str, Any]) -> None:
        order_id = UUID(self._order["orderId"])
        self._system.customer.cancel_order(order_id, CancelOrder.model_validate(body), asked(AFTERWARDS))

    def _next(self) -> str:
        return self._own(str(next(self._numbers)))

    def _own(self, ident: str) -> str:
        return f"{self._debtor}.{ident}"


def _whole_item(body: dict[str, Any]) -> dict[str, Any]:
    """An item or option with what is left out."""
    kind = body.get("kind", "RECURRING")
    given = {"itemIdent" if name == "optionIdent" else name: value for name, value in body.items()}
    return {"kind": kind} | left_out()[kind] | given
