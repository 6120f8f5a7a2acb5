"""Projections come out the same however the two logs are interleaved and cut into batches."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from infra.postgres.pool import Pool
from projections import catalogue, progress
from projections.engine import follow
from services.messages import BilledAmount, DocumentIssued, DocumentType, Outcome
from tests.projections import reading
from tests.projections.logs import Logs, february, january, kilometres, monthly

HAPPENINGS = (
    *("create", "edit", "add address", "stop billing", "erase", "sign", "pause", "amend", "terminate"),
    *("use", "order", "cancel order", "run for one", "run for all", "credit", "take back"),
)


@st.composite
def histories(draw: st.DrawFn) -> Logs:
    """Logs of a few customers, among whom the given things happened in any order."""
    logs = Logs()
    customers = [logs.customer_created("D-0")]
    contracts = {customers[0]: _signed(logs, customers[0], 0)}
    orders: dict[UUID, UUID] = {}
    for n, happening in enumerate(draw(st.lists(st.sampled_from(HAPPENINGS), min_size=8, max_size=25)), 1):
        customer_id = draw(st.sampled_from(customers))
        match happening:
            case "create":
                customers.append(logs.customer_created(f"D-{n}"))
            case "edit":
                logs.customer_edited(customer_id, language=draw(st.sampled_from(["de", "en"])), email=None)
            case "add address":
                address = logs.address_added(customer_id, default=draw(st.booleans()), city="Kiel")
                logs.address_edited(customer_id, address)
            case "stop billing":
                logs.billing_stopped(customer_id)
            case "erase":
                logs.erased(customer_id)
                customers.append(logs.customer_created(f"D-{n}"))
                customers.remove(customer_id)
            case "sign":
                contracts[customer_id] = _signed(logs, customer_id, n)
            case "pause" if contract := contracts.get(customer_id):
                logs.contract_paused(contract, customer_id, date(2026, 3, n))
                logs.contract_resumed(contract, customer_id, date(2026, 4, n))
            case "amend" if contract := contracts.get(customer_id):
                logs.contract_amended(contract, customer_id, date(2026, 2, n), removed=("extra",))
            case "terminate" if contract := contracts.pop(customer_id, None):
                logs.contract_terminated(contract, customer_id, date(2026, 5, n))
            case "use" if contract := contracts.get(customer_id):
                day = draw(st.sampled_from(["2026-01-20", "2026-02-10"]))
                logs.usage_recorded(contract, customer_id, (f"{day}T08:{n:02}:00Z", "1.5"))
            case "cancel order" if order := orders.pop(customer_id, None):
                logs.order_cancelled(order, customer_id)
            case "order":
                orders[customer_id] = logs.order_recorded(customer_id, f"O-{n}")
            case "run for one":
                _bill(logs, [customer_id], contracts, orders, alone=True)
            case "run for all":
                _bill(logs, customers, contracts, orders, alone=False)
            case "credit":
                logs.document_issued(
                    customer_id, logs.new_id(), type=DocumentType.CREDIT_NOTE, currency="USD"
                )
            case "take back" if documents := _not_taken_back(logs):
                document_id = draw(st.sampled_from(documents))
                logs.taken_back(document_id, bill_again=draw(st.booleans()))
    return logs


def _not_taken_back(logs: Logs) -> list[UUID]:
    issued = [e.body for e in logs.billing.read(0, logs.billing.head()) if isinstance(e.body, DocumentIssued)]
    taken_back = {d.preceding_document.document_id for d in issued if d.preceding_document}
    invoices = [d.document_id for d in issued if d.type is DocumentType.INVOICE]
    return [document_id for document_id in invoices if document_id not in taken_back]


def _signed(logs: Logs, customer_id: UUID, number: int) -> UUID:
    items = (monthly("base"), monthly("extra"), kilometres())
    return logs.contract_signed(customer_id, f"C-{number}", items=items)


def _bill(
    logs: Logs, customers: list[UUID], contracts: dict[UUID, UUID], orders: dict[UUID, UUID], *, alone: bool
) -> None:
    only = customers[0] if alone else None
    run = logs.run_requested(only)
    logs.run_started(run, len(customers), only)
    for customer_id in customers:
        origins = [
            ("CONTRACT", contracts[customer_id], period)
            for period in (february(), january())
            if customer_id in contracts
        ]
        if customer_id in orders:
            origins.append(("ORDER", orders[customer_id], None))
        if not origins:
            logs.customer_billed(run, customer_id, outcome=Outcome.FAILED, reason="no price")
            continue
        document = logs.document_issued(customer_id, run, *origins)
        if customer_id in contracts:
            logs.usage_billed(customer_id, run, contracts[customer_id], january(), february())
        amount = BilledAmount(currency="EUR", net=Decimal("9.99"), gross=Decimal("11.89"))
        logs.customer_billed(run, customer_id, document, amounts=[amount])
    logs.run_completed(run)


# Not shrunk: each example takes a while, and the first that fails tells enough.
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(logs=histories(), data=st.data())
def test_any_interleaving_and_any_batches_give_the_same_rows(
    pool: Pool, logs: Logs, data: st.DataObject
) -> None:
    _empty(pool)
    reading.follow(pool, logs)
    expected = reading.all_rows(pool)
    _empty(pool)
    _follow_in_pieces(pool, logs, data)
    assert reading.all_rows(pool) == expected
    with pool.connection() as conn:
        assert conn.execute("SELECT * FROM parked").fetchall() == []


def _follow_in_pieces(pool: Pool, logs: Logs, data: st.DataObject) -> None:
    with pool.connection() as conn:
        for projection in catalogue.ALL:
            positions = dict.fromkeys(projection.sources, 0)
            progress.begin(conn, projection)
            while behind := [s for s in projection.sources if positions[s] < logs.feeds[s].head()]:
                source = data.draw(st.sampled_from(behind))
                envelopes = logs.feeds[source].read(
                    positions[source], data.draw(st.sampled_from([1, 2, 3, 30]))
                )
                follow(conn, projection, envelopes, positions[source], logs.vault)
                positions[source] = envelopes[-1].position


def _empty(pool: Pool) -> None:
    names = [table.name for projection in catalogue.ALL for table in projection.tables]
    with pool.connection() as conn:
        for name in (*names, "positions", "parked"):
            conn.execute(f"DELETE FROM {name}")
