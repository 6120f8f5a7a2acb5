"""Orders: what was ordered, and which documents bill it."""

from decimal import Decimal

from infra.postgres.pool import Pool
from projections.views import Views
from services.values import OrderLine
from tests.projections.logs import Logs
from tests.projections.reading import follow


def test_an_order_is_open_until_a_document_bills_it(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created("D-4711")
    order_id = logs.order_recorded(customer_id, payment_term_days=30)
    follow(pool, logs)
    order = views.order(order_id)
    assert order is not None
    assert (order["status"], order["documents"]) == ("OPEN", [])
    assert (order["debtorIdent"], order["orderDate"], order["paymentTermDays"]) == (
        "D-4711",
        "2026-01-20",
        30,
    )
    assert order["lines"][0]["unitPrice"] == "59.90"
    document_id = logs.document_issued(
        customer_id, logs.run_requested(), ("ORDER", order_id, None), ("ORDER", order_id, None)
    )
    follow(pool, logs)
    order = views.order(order_id)
    assert order is not None
    assert order["status"] == "BILLED"
    assert order["documents"] == [{"documentId": str(document_id), "number": "RE-2026-000000"}]


def test_an_order_is_open_again_once_a_credit_note_lets_it_be_billed_again(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created()
    order_id = logs.order_recorded(customer_id)
    document_id = logs.document_issued(customer_id, logs.run_requested(), ("ORDER", order_id, None))
    note_id = logs.taken_back(document_id)
    follow(pool, logs)
    order = views.order(order_id)
    assert order is not None
    assert (order["status"], views.anything_billed_of(order_id)) == ("OPEN", False)
    assert [d["documentId"] for d in order["documents"]] == [str(document_id), str(note_id)]
    assert views.left_to_bill(customer_id) == ["O-1"]


def test_an_order_that_is_credited_and_not_billed_again_stays_billed(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created()
    order_id = logs.order_recorded(customer_id)
    document_id = logs.document_issued(customer_id, logs.run_requested(), ("ORDER", order_id, None))
    logs.taken_back(document_id, bill_again=False)
    follow(pool, logs)
    order = views.order(order_id)
    assert order is not None
    assert (order["status"], views.anything_billed_of(order_id)) == ("BILLED", True)


def test_a_cancelled_order_says_why(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    order_id = logs.order_recorded(customer_id)
    logs.order_cancelled(order_id, customer_id, reason="returned")
    follow(pool, logs)
    order = views.order(order_id)
    assert order is not None
    assert (order["status"], order["version"]) == ("CANCELLED", 2)
    assert order["cancellation"] == {"reason": "returned", "at": "2026-01-01T08:03:00Z"}


def test_an_order_may_have_gross_prices(pool: Pool, logs: Logs, views: Views) -> None:
    line = OrderLine(name="Mug", quantity=Decimal(1), gross_unit_price=Decimal("11.90"))
    order_id = logs.order_recorded(logs.customer_created(), lines=(line,))
    follow(pool, logs)
    order = views.order(order_id)
    assert order is not None
    assert (order["lines"][0]["unitPrice"], order["lines"][0]["grossUnitPrice"]) == (None, "11.90")


def test_orders_are_left_to_bill_until_they_are_billed_or_cancelled(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id, other = logs.customer_created("D-1"), logs.customer_created("D-2")
    billed, cancelled = logs.order_recorded(customer_id, "O-1"), logs.order_recorded(customer_id, "O-2")
    logs.order_recorded(customer_id, "O-3")
    logs.order_recorded(other, "O-4")
    logs.document_issued(customer_id, logs.run_requested(), ("ORDER", billed, None))
    logs.order_cancelled(cancelled, customer_id)
    follow(pool, logs)
    assert views.left_to_bill(customer_id) == ["O-3"]
    assert views.left_to_bill(other) == ["O-4"]
    assert [views.anything_billed_of(order) for order in (billed, cancelled)] == [True, False]


def test_orders_are_listed_newest_first_by_customer_or_ident(pool: Pool, logs: Logs, views: Views) -> None:
    one, other = logs.customer_created("D-1"), logs.customer_created("D-2")
    for n in range(4):
        logs.order_recorded(one if n % 2 else other, f"O-{n}")
    follow(pool, logs)
    assert [o["orderIdent"] for o in views.orders()["items"]] == ["O-3", "O-2", "O-1", "O-0"]
    assert [o["orderIdent"] for o in views.orders(customer_id=one)["items"]] == ["O-3", "O-1"]
    assert [o["orderIdent"] for o in views.orders(order_ident="O-2")["items"]] == ["O-2"]
