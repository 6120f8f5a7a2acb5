"""Contracts: terms, status as of a day, how far they are billed."""

from datetime import date

import pytest

from infra.postgres.pool import Pool
from projections.views import Views
from services.messages import DocumentType
from tests.projections.logs import Logs, february, january, monthly, setup
from tests.projections.reading import follow


def test_a_signed_contract_shows_its_terms(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created("D-4711")
    contract_id = logs.contract_signed(customer_id, payment_term_days=14, purchase_order="PO-9")
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    items = contract.pop("items")
    assert contract == {
        "contractId": str(contract_id),
        "contractIdent": "C-1",
        "customerId": str(customer_id),
        "debtorIdent": "D-4711",
        "currency": "EUR",
        "date": "2026-01-10",
        "startDate": "2026-01-15",
        "endDate": None,
        "billingStartDate": None,
        "alignment": "CALENDAR",
        "paymentTermDays": 14,
        "purchaseOrder": "PO-9",
        "invoiceAddressId": None,
        "shippingAddressId": None,
        "status": "ACTIVE",
        "billedThrough": None,
        "version": 1,
        "createdAt": "2026-01-01T08:02:00Z",
    }
    assert items[0] == {
        "itemIdent": "base",
        "name": "Base fee",
        "kind": "RECURRING",
        "unitPrice": "9.99",
        "quantity": "1",
        "unit": "MON",
        "taxCategory": "STANDARD",
        "itemCategory": "SERVICE",
        "billingInterval": {"count": 1, "unit": "MONTH"},
        "billingTiming": "INTERVAL_START",
        "billedThrough": None,
    }


@pytest.mark.parametrize(
    ("today", "status"),
    [
        (date(2026, 1, 14), "PENDING"),
        (date(2026, 1, 15), "ACTIVE"),
        (date(2026, 2, 28), "ACTIVE"),
        (date(2026, 3, 1), "EXPIRED"),
    ],
)
def test_status_is_as_of_today(pool: Pool, logs: Logs, today: date, status: str) -> None:
    contract_id = logs.contract_signed(logs.customer_created(), ends_on=date(2026, 2, 28))
    follow(pool, logs)
    contract = Views(pool, today=lambda: today).contract(contract_id)
    assert contract is not None
    assert contract["status"] == status


def test_a_contract_is_billed_through_the_last_day_of_its_newest_interval(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id)
    run = logs.run_requested()
    logs.document_issued(
        customer_id, run, ("CONTRACT", contract_id, february()), ("CONTRACT", contract_id, january())
    )
    logs.document_issued(
        customer_id, run, ("CONTRACT", contract_id, None), ("ORDER", contract_id, february())
    )
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert contract["billedThrough"] == "2026-02-28"
    assert [item["billedThrough"] for item in contract["items"]] == ["2026-02-28", None]


def test_a_contract_is_billed_as_far_as_all_its_recurring_items_are(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, items=(monthly("base"), monthly("extra"), setup()))
    logs.document_issued(customer_id, logs.run_requested(), ("CONTRACT", contract_id, january()))
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert contract["billedThrough"] is None
    assert contract["items"][0]["billedThrough"] == "2026-01-31"


def test_a_credit_note_bills_nothing(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id)
    run = logs.run_requested()
    logs.document_issued(
        customer_id, run, ("CONTRACT", contract_id, january()), type=DocumentType.CREDIT_NOTE
    )
    follow(pool, logs)
    contract = views.contract(contract_id)
    assert contract is not None
    assert contract["billedThrough"] is None


def test_contracts_are_listed_newest_first_by_customer_or_ident(pool: Pool, logs: Logs, views: Views) -> None:
    one, other = logs.customer_created("D-1"), logs.customer_created("D-2")
    for n in range(5):
        logs.contract_signed(one if n % 2 else other, f"C-{n}")
    follow(pool, logs)
    first = views.contracts(limit=3)
    second = views.contracts(limit=3, cursor=first["cursor"])
    assert [c["contractIdent"] for c in first["items"] + second["items"]] == [
        "C-4",
        "C-3",
        "C-2",
        "C-1",
        "C-0",
    ]
    assert (first["total"], second["total"], second["cursor"]) == (5, 5, None)
    assert [c["contractIdent"] for c in views.contracts(customer_id=one)["items"]] == ["C-3", "C-1"]
    assert [c["debtorIdent"] for c in views.contracts(contract_ident="C-2")["items"]] == ["D-2"]
