"""Erasing a customer's personal data (GDPR Art. 17): when it may be done, and what there is afterwards."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from services.customer.application import CustomerApplication
from services.customer.commands.billing_stops import StopBilling
from services.customer.commands.contracts import SignContract
from services.customer.commands.customers import AddressBody, EditCustomer
from services.customer.commands.payment_accounts import AddPaymentAccount
from services.customer.commands.properties import SetProperty
from services.customer.customer import Customer, CustomerErased, CustomerNotFound, LeftToBill
from services.errors import StaleVersion
from services.events import Asked
from services.personal_data import ERASED
from tests import examples
from tests.system import System


def create(system: System) -> UUID:
    return UUID(system.create_customer(examples.beispiel_gmbh())["customerId"])


def erase(system: System, customer_id: UUID) -> dict[str, object]:
    return system.customer.erase_customer(customer_id, examples.asked())


def test_a_customer_of_whom_nothing_is_left_to_bill_is_erased(system: System) -> None:
    customer_id = create(system)
    answer = erase(system, customer_id)
    assert answer == {"customerId": str(customer_id), "version": 2, "position": 2}
    customer = system.customer.customer(customer_id)
    assert customer.erased
    assert customer.invoice_address_1.name == ERASED
    assert (customer.profile["vat_id"], customer.profile["email"]) == (ERASED, ERASED)
    assert customer.properties == {"fleet_size": ERASED, "segment": ERASED}
    assert customer.debtor_ident == "D-4711"


def test_a_customer_with_something_left_to_bill_is_not_erased(system: System) -> None:
    customer_id = create(system)
    system.define_seller()
    system.record_order(examples.order())
    system.work()
    with pytest.raises(LeftToBill):
        erase(system, customer_id)
    assert system.customer.customer(customer_id).invoice_address_1.name == "Beispiel GmbH"
    system.bill("2026-02-28")
    erase(system, customer_id)


def test_the_refusal_names_what_is_left() -> None:
    refusal = LeftToBill([f"C-{n}" for n in range(30)])
    assert "C-0, C-1, " in str(refusal)
    assert str(refusal).endswith("C-19, ….")


def test_erasing_again_changes_nothing(system: System) -> None:
    customer_id = create(system)
    first = erase(system, customer_id)
    assert erase(system, customer_id) == first
    assert len(system.customer_events()) == 2


def test_a_customer_that_was_never_there_cannot_be_erased(system: System) -> None:
    with pytest.raises(CustomerNotFound):
        erase(system, uuid4())


def test_an_erasure_of_an_older_version_is_refused(system: System) -> None:
    customer_id = create(system)
    with pytest.raises(StaleVersion):
        system.customer.erase_customer(customer_id, examples.asked(), 7)


ADDRESS = AddressBody.model_validate(examples.invoice_address())
ACCOUNT = AddPaymentAccount.model_validate(examples.direct_debit())
CHANGES: dict[str, Callable[[CustomerApplication, UUID, Asked], object]] = {
    "edit": lambda app, of, asked: app.edit_customer(of, EditCustomer(language="en"), asked),
    "edit nothing": lambda app, of, asked: app.edit_customer(of, EditCustomer(), asked),
    "add address": lambda app, of, asked: app.add_address(of, ADDRESS, asked),
    "edit address": lambda app, of, asked: app.edit_address(of, uuid4(), ADDRESS, asked),
    "remove address": lambda app, of, asked: app.remove_address(of, uuid4(), asked),
    "set property": lambda app, of, asked: app.set_property(of, "key", SetProperty(value=1), asked),
    "remove property": lambda app, of, asked: app.remove_property(of, "segment", asked),
    "add payment account": lambda app, of, asked: app.add_payment_account(of, ACCOUNT, asked),
    "remove payment account": lambda app, of, asked: app.remove_payment_account(of, uuid4(), asked),
    "stop billing": lambda app, of, asked: app.stop_billing(of, StopBilling(reason="dispute"), asked),
    "lift billing stop": lambda app, of, asked: app.lift_billing_stop(of, asked),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_changes_any_more_for_an_erased_customer(system: System, change: str) -> None:
    customer_id = create(system)
    erase(system, customer_id)
    with pytest.raises(CustomerErased):
        CHANGES[change](system.customer, customer_id, examples.asked())
    assert len(system.customer_events()) == 2


class Interrupting:
    """Billing as it is, but something happens right after it has said what is left to bill."""

    def __init__(self, happening: Callable[[], object]) -> None:
        self._happening: Callable[[], object] | None = happening

    def anything_billed_of(self, subject_id: UUID) -> bool:
        return False

    def failed_customers(self, billing_run_id: UUID) -> int | None:
        return None

    def left_to_bill(self, customer_id: UUID) -> Sequence[str]:
        if self._happening is None:
            return ["C-1"]
        happening, self._happening = self._happening, None
        happening()
        return []


def test_a_contract_signed_at_the_same_moment_keeps_the_customer_from_being_erased(system: System) -> None:
    customer_id = create(system)
    sign = SignContract.model_validate(examples.contract())
    billed = Interrupting(lambda: system.customer.sign_contract(sign, examples.asked()))
    application = CustomerApplication(system.customer.recorder, billed)
    with pytest.raises(LeftToBill, match="C-1"):
        application.erase_customer(customer_id, examples.asked())
    assert not system.customer.customer(customer_id).erased


class ErasedMeanwhile(CustomerApplication):
    """Its customers are erased, by another process, right after they were loaded for the first time."""

    other: CustomerApplication

    def customer(self, customer_id: UUID) -> Customer:
        loaded = super().customer(customer_id)
        if not loaded.erased:
            self.other.erase_customer(customer_id, examples.asked())
        return loaded


@pytest.mark.parametrize("change", ["edit", "add address", "stop billing", "lift billing stop"])
def test_a_customer_erased_while_it_is_changed_is_not_changed(system: System, change: str) -> None:
    customer_id = create(system)
    system.customer.stop_billing(customer_id, StopBilling(reason="insolvency"), examples.asked())
    late = ErasedMeanwhile(system.customer.recorder, Interrupting(lambda: None))
    late.other = system.customer
    with pytest.raises(CustomerErased):
        CHANGES[change](late, customer_id, examples.asked())
    assert len(system.customer_events()) == 3


def test_a_customer_that_many_erase_at_once_is_erased_once(system: System) -> None:
    customer_id, barrier = create(system), Barrier(8)

    def erase_it(_: int) -> dict[str, object]:
        barrier.wait()
        return erase(system, customer_id)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(erase_it, range(8)))
    assert {answer["version"] for answer in answers} == {2}
    assert len(system.customer_events()) == 2
