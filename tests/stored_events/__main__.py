"""Writes a stored example of every event version that has none yet, out of a story in which everything happens."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from services.billing.application.deliveries import Mailing
from services.billing.delivering.letter import Sender
from services.billing.delivery import Accepted, NotAccepted
from services.billing.logo import picture_of
from services.billing.receivable import Payment, PaymentKind
from services.customer.commands.billing_stops import StopBilling
from services.customer.commands.contracts import (
    AmendContract,
    CancelContract,
    PauseContract,
    ResumeContract,
    TerminateContract,
)
from services.customer.commands.customers import AddressBody, EditCustomer
from services.customer.commands.orders import CancelOrder
from services.customer.commands.payment_accounts import AddPaymentAccount
from services.customer.commands.plans import RevisePlan
from services.customer.commands.properties import SetProperty
from services.messages import CorrectionProposed, SendFailure
from services.personal_data import Purpose
from tests import examples
from tests.database import fresh_database, server_for_tests
from tests.stored_events import ROOM
from tests.system import System, system_on

ONE_PIXEL = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGOQ96sEAAF2AOe2j1NWAAAAAElFTkSuQmCC"
)
"""A PNG."""


def tell(system: System) -> list[UUID]:
    """Everything that can happen; the customers that it happens to."""
    system.define_seller()
    system.define_seller(payment_term_days=30)
    system.billing.put_logo("main", picture_of(ONE_PIXEL), examples.asked())
    customer_id = _customer(system)
    _contracts_and_orders(system)
    [document, *_] = system.bill("2026-02-28").documents
    system.render()
    _payments(system, document.number)
    _deliveries(system, document.document_id)
    _corrections(system)
    leaving = UUID(system.create_customer(examples.erika())["customerId"])
    system.customer.erase_customer(leaving, examples.asked())
    return [customer_id, leaving]


def _customer(system: System) -> UUID:
    service, asked = system.customer, examples.asked
    customer_id = UUID(system.create_customer(examples.beispiel_gmbh())["customerId"])
    edit = {"language": "en", "contactPerson": "Max Muster", "vatId": None}
    service.edit_customer(customer_id, EditCustomer.model_validate(edit), asked())
    in_bremen = AddressBody.model_validate(examples.shipping_address(city="Bremen", default=True))
    address_id = UUID(service.add_address(customer_id, in_bremen, asked())["addressId"])
    in_kiel = AddressBody.model_validate(examples.shipping_address(city="Kiel"))
    service.edit_address(customer_id, address_id, in_kiel, asked())
    service.remove_address(customer_id, address_id, asked())
    service.set_property(customer_id, "fleet_size", SetProperty.model_validate({"value": 13}), asked())
    service.remove_property(customer_id, "fleet_size", asked())
    accounts = [
        service.add_payment_account(customer_id, AddPaymentAccount.model_validate(body), asked())
        for body in (examples.direct_debit(), examples.credit_card())
    ]
    service.remove_payment_account(customer_id, UUID(accounts[0]["paymentAccountId"]), asked())
    service.stop_billing(customer_id, StopBilling.model_validate({"reason": "dispute"}), asked())
    service.lift_billing_stop(customer_id, asked())
    return customer_id


def _contracts_and_orders(system: System) -> None:
    service, asked = system.customer, examples.asked
    system.create_plan(examples.plan())
    revised = examples.plan(name="Fleet Basic 2027")
    service.revise_plan(revised["planIdent"], RevisePlan.model_validate(revised), asked())
    contract_id = UUID(system.sign_contract(examples.plan_contract())["contractId"])
    changes = [{"optionIdent": "base", "unitPrice": "11.99", "quantity": "2"}]
    amendment = {"effectiveDate": "2026-03-01", "changes": changes}
    service.amend_contract(contract_id, AmendContract.model_validate(amendment), asked())
    service.pause_contract(contract_id, PauseContract.model_validate({"from": "2026-04-01"}), asked())
    service.resume_contract(contract_id, ResumeContract.model_validate({"from": "2026-05-01"}), asked())
    end = {"kind": "EXTRAORDINARY", "terminationDate": "2026-12-31", "reason": "moved abroad"}
    service.terminate_contract(contract_id, TerminateContract.model_validate(end), asked())
    never = UUID(system.sign_contract(examples.contract(contractIdent="C-99"))["contractId"])
    service.cancel_contract(never, CancelContract.model_validate({"reason": "mistake"}), asked())
    system.record_usage(examples.usage())
    system.record_order(examples.order())
    order_id = UUID(system.record_order(examples.order(orderIdent="O-99"))["orderId"])
    service.cancel_order(order_id, CancelOrder.model_validate({"reason": "mistake"}), asked())


def _payments(system: System, number: str) -> None:
    said = Payment(
        PaymentKind.PAYMENT, Decimal("10.00"), date(2026, 3, 1), "BANK_TRANSFER", "Beispiel GmbH", "1/17"
    )
    system.billing.record_payment(said, examples.asked(), number=number)
    paid_back = Payment(PaymentKind.REFUND, Decimal("2.50"), date(2026, 3, 2), reference="Beispiel GmbH")
    system.billing.record_payment(paid_back, examples.asked(), number=number)


class Greylisting:
    """A mail server that takes everything at the second attempt."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def send(self, message: EmailMessage) -> Accepted | NotAccepted:
        message_id = str(message["Message-ID"])
        if message_id in self._seen:
            return Accepted(message_id)
        self._seen.add(message_id)
        return NotAccepted(SendFailure.DEFERRED, f"451 4.7.1 {message['To']} later")

    def close(self) -> None:
        pass


def _deliveries(system: System, document_id: UUID) -> None:
    """A document that somebody asks for by e-mail, and that arrives at the second attempt."""
    mailing = Mailing(Greylisting(), Sender(), timedelta(minutes=8), timedelta(days=3650))
    system.billing.request_delivery(document_id, "beispiel@example.com", examples.asked())
    now = system.billing._clock()
    system.billing.deliver_next(mailing)
    system.billing._clock = lambda: now + timedelta(minutes=2)
    system.billing.deliver_next(mailing)


def _corrections(system: System) -> None:
    """Proposals that are superseded, declined and accepted."""
    base = examples.base_fee(billingTiming="INTERVAL_START")
    contract = examples.contract(contractIdent="C-7", startDate="2026-01-01", items=[base])
    contract_id = UUID(system.sign_contract(contract)["contractId"])
    system.bill("2026-02-28")
    for price in ("11.99", "12.99", "13.99"):
        amendment = {"effectiveDate": "2026-02-01", "changes": [{"itemIdent": "base", "unitPrice": price}]}
        system.customer.amend_contract(contract_id, AmendContract.model_validate(amendment), examples.asked())
        system.work()
        proposed = [e.body for e in system.billing_events() if isinstance(e.body, CorrectionProposed)][-1]
        if price == "12.99":
            system.billing.decline_correction(proposed.proposal_id, "agreed", examples.asked())
    system.billing.accept_correction(proposed.proposal_id, examples.asked())


def _first_of_each(system: System) -> Iterator[DictRow]:
    for pool in (system.customer_pool, system.billing_pool):
        with pool.connection() as conn:
            yield from conn.execute(
                "SELECT DISTINCT ON (topic, schema_version) * FROM events ORDER BY topic, schema_version, position"
            )


def _as_file(row: DictRow, keys: dict[str, str]) -> dict[str, Any]:
    return {
        "topic": row["topic"],
        "version": row["schema_version"],
        "originatorId": str(row["originator_id"]),
        "originatorVersion": row["originator_version"],
        "occurredAt": row["occurred_at"].isoformat(),
        "state": bytes(row["state"]).decode(),
        "keys": keys,
    }


def _secrets(system: System, customer_ids: list[UUID]) -> dict[str, str]:
    found = [
        key
        for purpose in Purpose
        for key in system.vault.of(customer_ids[:1], purpose).values()  # the others' are destroyed
    ]
    return {str(key.key_id): b64encode(key.secret).decode() for key in found}


def main() -> None:
    with server_for_tests() as server, fresh_database(server) as database, system_on(database) as system:
        secrets = _secrets(system, tell(system))
        for row in _first_of_each(system):
            path = ROOM / f"{row['topic']}.v{row['schema_version']}.json"
            if not path.exists():
                keys = secrets if b"sealed:" in bytes(row["state"]) else {}
                path.write_text(json.dumps(_as_file(row, keys), ensure_ascii=False, indent=1) + "\n", "utf-8")
                print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
