"""What of a contract is billed, as the API answers it."""

from uuid import UUID

from infra.postgres.pool import Pool
from projections.coverage import CoveredItem
from projections.views import Views
from tests.projections.logs import Logs, february, january, kilometres, monthly
from tests.projections.reading import follow


def item(views: Views, contract_id: UUID, ident: str = "base") -> CoveredItem:
    coverage = views.coverage(contract_id)
    assert coverage is not None
    [found] = [one for one in coverage["items"] if one["itemIdent"] == ident]
    return found


def test_billed_intervals_name_their_documents(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id)
    first = logs.document_issued(customer_id, None, ("CONTRACT", contract_id, january()))
    follow(pool, logs)
    assert item(views, contract_id) == {
        "itemIdent": "base",
        "billedThrough": "2026-01-31",
        "intervals": [
            {
                "from": "2026-01-15",
                "to": "2026-01-31",
                "documentId": str(first),
                "documentNumber": "RE-2026-000000",
                "creditedBy": [],
                "released": False,
                "late": False,
            }
        ],
        "gaps": [{"from": "2026-02-01", "to": "2026-02-28"}],
        "overlaps": [],
    }
    logs.document_issued(customer_id, None, ("CONTRACT", contract_id, february()))
    follow(pool, logs)
    assert (item(views, contract_id)["billedThrough"], item(views, contract_id)["gaps"]) == ("2026-02-28", [])


def test_an_interval_that_lost_its_row_is_a_gap(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id)
    logs.document_issued(customer_id, None, ("CONTRACT", contract_id, january()))
    logs.document_issued(customer_id, None, ("CONTRACT", contract_id, february()))
    follow(pool, logs)
    with pool.connection() as conn:
        conn.execute("DELETE FROM contract_bills WHERE last_day = '2026-01-31'")
    assert item(views, contract_id)["gaps"] == [{"from": "2026-01-15", "to": "2026-01-31"}]


def test_days_on_two_documents_are_an_overlap(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id)
    for period in (january(), february(), february()):
        logs.document_issued(customer_id, None, ("CONTRACT", contract_id, period))
    follow(pool, logs)
    assert item(views, contract_id)["overlaps"] == [{"from": "2026-02-01", "to": "2026-02-28"}]


def test_what_was_cancelled_is_marked_and_is_a_gap(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id)
    invoice = logs.document_issued(
        customer_id, None, ("CONTRACT", contract_id, january()), ("CONTRACT", contract_id, february())
    )
    logs.taken_back(invoice)
    follow(pool, logs)
    found = item(views, contract_id)
    assert [(one["released"], len(one["creditedBy"])) for one in found["intervals"]] == [(True, 1), (True, 1)]
    assert found["billedThrough"] is None
    assert [one["from"] for one in found["gaps"]] == ["2026-01-15", "2026-02-01"]


def test_credited_amounts_are_no_gap(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id)
    invoice = logs.document_issued(
        customer_id, None, ("CONTRACT", contract_id, january()), ("CONTRACT", contract_id, february())
    )
    logs.taken_back(invoice, bill_again=False)
    follow(pool, logs)
    found = item(views, contract_id)
    assert (found["billedThrough"], found["gaps"]) == ("2026-02-28", [])
    assert [len(one["creditedBy"]) for one in found["intervals"]] == [1, 1]


def test_every_item_is_covered_for_itself(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created()
    contract_id = logs.contract_signed(customer_id, items=(monthly("base"), kilometres()))
    logs.usage_recorded(contract_id, customer_id, ("2026-01-20T08:00:00Z", "10"))
    logs.document_issued(customer_id, None, ("CONTRACT", contract_id, january()))
    logs.document_issued(customer_id, None, ("CONTRACT", contract_id, february()))
    follow(pool, logs)
    assert item(views, contract_id)["gaps"] == []
    assert item(views, contract_id, "km")["gaps"] == [{"from": "2026-01-15", "to": "2026-01-31"}]
    logs.usage_billed(customer_id, UUID(int=7), contract_id, january())
    follow(pool, logs)
    assert item(views, contract_id, "km")["gaps"] == []
    assert item(views, contract_id, "km")["billedThrough"] == "2026-01-31"


def test_there_is_no_coverage_of_a_contract_that_nobody_signed(views: Views) -> None:
    assert views.coverage(UUID(int=5)) is None
