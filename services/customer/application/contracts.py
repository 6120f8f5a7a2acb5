"""Use cases of contracts."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from services.application import Decision, check_version
from services.customer.amendment import Amendment, PlanMove
from services.customer.application.deciding import CONTRACT, Deciding, check_addresses
from services.customer.commands.contracts import (
    AmendContract,
    CancelContract,
    PauseContract,
    ResumeContract,
    SignContract,
    TerminateContract,
)
from services.customer.commands.items import changes
from services.customer.contract import Contract
from services.customer.items import changed, fitted
from services.customer.plan import Plan
from services.errors import FieldError, InvalidFields
from services.events import Asked, Claim
from services.messages import ContractSigned
from services.values import Renewal


class Contracts(Deciding):
    """Signing contracts, changing and ending them."""

    def sign_contract(self, body: SignContract, asked: Asked) -> dict[str, Any]:
        """Sign a contract; answers contractId, contractIdent, customerId, version, position."""
        _check_one_way(body)

        def decide() -> Decision:
            customer = self._named_customer(body)
            customer.check_not_erased()
            check_addresses(customer, body.invoice_address_id, body.shipping_address_id)
            plan = self.plan(body.plan_ident) if body.plan_ident is not None else None
            agreed = agreed_in(body, self._new_id(), customer.id, plan)
            options = len(agreed.items) - len(body.items)
            contract = Contract.sign(agreed, options=options, now=asked.context.occurred_at)
            answer = {
                "contractId": str(contract.id),
                "contractIdent": body.contract_ident,
                "customerId": str(customer.id),
                "version": contract.version,
            }
            claim = Claim(CONTRACT, body.contract_ident, contract.id, customer.id)
            return Decision([contract], answer, (claim,), relies_on=(customer,))

        return self._carry_out(asked, decide)

    def amend_contract(
        self, contract_id: UUID, body: AmendContract, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Change prices, quantities and items, or the plan version, from a day on; answers contractId, version, position."""
        return self._change_contract(
            contract_id,
            asked,
            expected,
            lambda contract: contract.amend(self._amendment(contract, body), asked.context.occurred_at),
        )

    def pause_contract(
        self, contract_id: UUID, body: PauseContract, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Pause a contract; answers contractId, version, position."""
        return self._change_contract(
            contract_id,
            asked,
            expected,
            lambda contract: contract.pause(body.paused_from, asked.context.occurred_at),
        )

    def resume_contract(
        self, contract_id: UUID, body: ResumeContract, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Resume a contract, or take its pause back; answers contractId, version, position."""
        return self._change_contract(
            contract_id,
            asked,
            expected,
            lambda contract: contract.resume(body.resumed_from, asked.context.occurred_at),
        )

    def terminate_contract(
        self, contract_id: UUID, body: TerminateContract, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """End a contract; answers contractId, version, position and terminationDate, its last active day."""
        now = asked.context.occurred_at

        def terminate(contract: Contract) -> None:
            contract.terminate(
                body.kind,
                noticed_on=body.notice_date or now.date(),
                terminates_on=body.termination_date,
                reason=body.reason,
                now=now,
            )

        return self._change_contract(contract_id, asked, expected, terminate, also=_termination_date)

    def cancel_contract(
        self, contract_id: UUID, body: CancelContract, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Make a contract one that never was; answers contractId, version, position."""
        return self._change_contract(
            contract_id,
            asked,
            expected,
            lambda contract: contract.cancel(
                body.reason, self._billed.anything_billed_of, asked.context.occurred_at
            ),
        )

    def _change_contract(
        self,
        contract_id: UUID,
        asked: Asked,
        expected: int | None,
        change: Callable[[Contract], None],
        also: Callable[[Contract], dict[str, str]] = lambda _: {},
    ) -> dict[str, Any]:
        def decide() -> Decision:
            contract = self.contract(contract_id)
            check_version(expected, contract.version)
            customer = self.customer(contract.customer_id)
            customer.check_not_erased()
            change(contract)
            answer = {"contractId": str(contract.id), "version": contract.version} | also(contract)
            return Decision([contract], answer, relies_on=(customer,))

        return self._carry_out(asked, decide)

    def _amendment(self, contract: Contract, body: AmendContract) -> Amendment:
        plan = contract.terms.plan_on(body.effective_date) if body.plan_version else None
        return amendment_of(body, contract, self.plan(plan.plan_ident) if plan else None)


def _check_one_way(body: SignContract) -> None:
    """A contract has a plan, or a currency and items of its own."""
    if body.plan_ident is not None:
        return
    for field, value in (("planVersion", body.plan_version), ("overrides", body.overrides)):
        if value:
            raise InvalidFields(FieldError(field, "needs the planIdent of a plan"))
    if not body.items:
        raise InvalidFields(FieldError("items", "send items, or the planIdent of a plan"))
    if body.currency is None:
        raise InvalidFields(FieldError("currency", "is needed for a contract without a plan"))


def agreed_in(body: SignContract, contract_id: UUID, customer_id: UUID, plan: Plan | None) -> ContractSigned:
    """What was agreed, with defaults filled in and the plan's options at this contract's terms."""
    own = tuple(item.to_item() for item in body.items)
    version = _version(plan, body.plan_version) if plan else 0
    options = plan.options_of(version) if plan else ()
    overrides = fitted(changes(body.overrides, "overrides"), options, f"the plan {body.plan_ident!r}")
    return ContractSigned(
        contract_id=contract_id,
        customer_id=customer_id,
        contract_ident=body.contract_ident,
        currency=_currency(body, plan),
        signed_on=body.date or body.start_date,
        starts_on=body.start_date,
        ends_on=body.end_date,
        billing_starts_on=body.billing_start_date,
        alignment=body.alignment,
        items=(*changed(options, overrides), *own),
        plan=plan.reference(version) if plan else None,
        overrides=tuple(overrides),
        minimum_term=body.minimum_term.to_duration() if body.minimum_term else None,
        notice_period=body.notice_period.to_duration() if body.notice_period else None,
        renewal=body.renewal or (Renewal.NONE if body.end_date else Renewal.AUTO_RENEW),
        discounts=tuple(discount.to_discount() for discount in body.discounts),
        payment_term_days=body.payment_term_days,
        purchase_order=body.purchase_order,
        invoice_address_id=body.invoice_address_id,
        shipping_address_id=body.shipping_address_id,
        billing_entity=body.billing_entity,
    )


def amendment_of(body: AmendContract, contract: Contract, plan: Plan | None) -> Amendment:
    """The amendment that is asked for; `plan` is the contract's, if it is to move to another version."""
    return Amendment(
        effective_on=body.effective_date,
        changes=changes(body.changes, "changes"),
        added=[item.to_item() for item in body.add],
        removed=body.remove,
        move=_move(body, contract, plan) if body.plan_version else None,
    )


def _move(body: AmendContract, contract: Contract, plan: Plan | None) -> PlanMove:
    now_on = contract.terms.plan_on(body.effective_date)
    if plan is None or now_on is None:
        raise InvalidFields(FieldError("planVersion", "the contract has no plan", body.plan_version))
    version = _version(plan, body.plan_version)
    before, after = plan.options_of(now_on.plan_version), plan.options_of(version)
    return PlanMove(plan.reference(version), before, after)


def _currency(body: SignContract, plan: Plan | None) -> str:
    if plan and body.currency not in (None, plan.currency):
        raise InvalidFields(FieldError("currency", f"the plan is in {plan.currency}", body.currency))
    currency = plan.currency if plan else body.currency
    assert currency is not None
    return currency


def _version(plan: Plan, asked_for: int | None) -> int:
    """The version that was asked for, if there is one, else the newest."""
    if asked_for is not None and not plan.has_version(asked_for):
        message = f"the plan has versions 1 to {plan.plan_version}"
        raise InvalidFields(FieldError("planVersion", message, asked_for))
    return asked_for or plan.plan_version


def _termination_date(contract: Contract) -> dict[str, str]:
    assert contract.terms.termination is not None
    return {"terminationDate": contract.terms.termination.terminates_on.isoformat()}
