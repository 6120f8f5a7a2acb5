"""Correction proposals as a difference, and what became of them."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from infra.postgres.pool import Pool
from projections.views import Views
from services.messages import CorrectionDeclined, CorrectionSuperseded
from services.values import DocumentLine, DocumentReference, LineOrigin, Period
from tests.projections.logs import Logs
from tests.projections.reading import follow

INVOICE = DocumentReference(document_id=UUID(int=7), number="RE-2026-000001", issue_date=date(2026, 2, 1))


def line(item: str, first: int, last: int, net: str) -> DocumentLine:
    """An item from one day of February to another."""
    return DocumentLine(
        line=1,
        name="Base fee",
        quantity=Decimal(1),
        unit="MON",
        unit_price=Decimal(net),
        net=Decimal(net),
        tax_category="S",
        tax_rate=Decimal(19),
        origin=LineOrigin(type="CONTRACT", ident="C-1", id=UUID(int=8), item=item),
        period=Period(first=date(2026, 2, first), last=date(2026, 2, last)),
    )


def propose(logs: Logs, customer_id: UUID, credited: list[DocumentLine], bills: list[DocumentLine]) -> UUID:
    return logs.correction_proposed(customer_id, credited, bills, INVOICE)


def test_lines_of_the_same_days_are_one_change(pool: Pool, logs: Logs, views: Views) -> None:
    """One new line takes the place of two old ones; another item and other days are changes of their own."""
    proposal_id = propose(
        logs,
        logs.customer_created(),
        [line("base", 1, 14, "5.00"), line("base", 15, 28, "5.50"), line("more", 1, 28, "3.00")],
        [line("base", 1, 28, "11.50")],
    )
    follow(pool, logs)
    proposal = views.correction_proposal(proposal_id)
    assert proposal is not None
    assert [
        (c["item"], c["period"], len(c["before"]), len(c["after"]), c["net"]) for c in proposal["changes"]
    ] == [
        ("base", {"from": "2026-02-01", "to": "2026-02-28"}, 2, 1, "1.00"),
        ("more", {"from": "2026-02-01", "to": "2026-02-28"}, 1, 0, "-3.00"),
    ]
    assert (proposal["status"], proposal["decision"], proposal["causes"]) == ("OPEN", None, [3])


def test_proposals_are_found_by_customer_and_by_what_became_of_them(
    pool: Pool, logs: Logs, views: Views
) -> None:
    one, other = logs.customer_created("D-1"), logs.customer_created("D-2")
    first, second, third = (
        propose(logs, customer_id, [line("base", 1, 28, "9.99")], []) for customer_id in (one, one, other)
    )
    logs.correction_decided(CorrectionSuperseded, first, one)
    logs.correction_decided(CorrectionDeclined, third, other, reason="goodwill")
    follow(pool, logs)
    found = views.correction_proposals(customer_id=one)["items"]
    assert [p["status"] for p in found] == ["OPEN", "SUPERSEDED"]
    assert [p["proposalId"] for p in views.correction_proposals(status="OPEN")["items"]] == [str(second)]
    [refused] = views.correction_proposals(status="DECLINED")["items"]
    assert refused["decision"] is not None
    assert refused["decision"]["reason"] == "goodwill"
