"""What of a contract is billed, item by item and day by day, with what is missing and what is there twice."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from msgspec import convert
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections import unbilled_usage
from projections.projection import Row, Table
from services.as_json import compact, full
from services.billing.coverage import Bill, ItemCoverage, coverage
from services.messages import DocumentIssued
from services.terms import ContractTerms
from services.values import BilledUsage, DocumentLine, Period

BILLS = Table("contract_bills", ("contract_id", "document_id", "line"), append_only=True)


Days = TypedDict("Days", {"from": str, "to": str})
"""Whole days, both ends inclusive."""


Interval = TypedDict(
    "Interval",
    {
        "from": str,
        "to": str,
        "documentId": str,
        "documentNumber": str,
        "creditedBy": list[str],
        "released": bool,
        "late": bool,
    },
)
"""Days that a document bills. `creditedBy` are the numbers of the credit notes that take something of it back;
`released`: after one of them it was to be billed again. `late`: usage that was reported after the first bill."""


class CoveredItem(TypedDict):
    """An item; `gaps` and `overlaps` are the days on which something is wrong: none, if both are empty."""

    itemIdent: str
    billedThrough: str | None
    intervals: list[Interval]
    gaps: list[Days]
    overlaps: list[Days]


class Coverage(TypedDict):
    """Every item that the contract ever had, with all its billed intervals in the order of their days."""

    contractId: str
    contractIdent: str
    items: list[CoveredItem]


def row_of(message: DocumentIssued, line: DocumentLine) -> Row | None:
    """What is kept of a line of a contract; None for the credit of what no single line bills."""
    credited = line.credits
    if credited and not credited.line:
        return None
    preceding = message.preceding_document
    return {
        "contract_id": line.origin.id,
        "document_id": message.document_id,
        "line": line.line,
        "document_number": message.number,
        "item_ident": line.origin.item,
        "first_day": line.days.first,
        "last_day": line.days.last,
        "issued_on": message.issue_date,
        "usage": compact(line.usage) if line.usage else None,
        "credited_document": preceding.document_id if credited and preceding else None,
        "credited_line": credited.line if credited else None,
        "bill_again": credited.bill_again if credited else False,
    }


def of_contract(conn: Connection[DictRow], contract_id: UUID) -> Coverage | None:
    """What of a contract is billed; None if there is no such contract."""
    contract = conn.execute(
        "SELECT contract_ident, terms, unbilled FROM contracts"
        " LEFT JOIN contract_unbilled_usage USING (contract_id) WHERE contract_id = %s",
        [contract_id],
    ).fetchone()
    if contract is None:
        return None
    rows = conn.execute(
        "SELECT * FROM contract_bills WHERE contract_id = %s ORDER BY first_day, document_number, line",
        [contract_id],
    ).fetchall()
    items = coverage(
        contract_id,
        convert(contract["terms"], ContractTerms),
        _bills(rows),
        unbilled_usage.by_quarters(contract["unbilled"] or {}),
    )
    return Coverage(
        contractId=str(contract_id),
        contractIdent=contract["contract_ident"],
        items=[_item(item) for item in items],
    )


def _bills(rows: Iterable[Row]) -> list[Bill]:
    """One for each interval on a document, whose usage may stand on several lines."""
    credited: defaultdict[tuple[UUID, int], list[Row]] = defaultdict(list)
    lines: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["credited_line"] is None:
            lines[row["document_id"], row["item_ident"], row["first_day"], str(row["usage"])].append(row)
        else:
            credited[row["credited_document"], row["credited_line"]].append(row)
    return [
        _bill(of_interval, [c for row in of_interval for c in credited[row["document_id"], row["line"]]])
        for of_interval in lines.values()
    ]


def _bill(lines: Sequence[Row], credited: Sequence[Row]) -> Bill:
    row = lines[0]
    return Bill(
        document_id=row["document_id"],
        document_number=row["document_number"],
        item=row["item_ident"],
        days=Period(first=row["first_day"], last=row["last_day"]),
        issued_on=row["issued_on"],
        usage=convert(row["usage"], BilledUsage) if row["usage"] else None,
        credited_by=tuple(dict.fromkeys(credit["document_number"] for credit in credited)),
        is_released=any(credit["bill_again"] for credit in credited),
    )


def _item(item: ItemCoverage) -> CoveredItem:
    return CoveredItem(
        itemIdent=item.item,
        billedThrough=full(item.billed_through),
        intervals=[_interval(bill) for bill in item.bills],
        gaps=[_days(gap) for gap in item.gaps],
        overlaps=[_days(overlap) for overlap in item.overlaps],
    )


def _interval(bill: Bill) -> Interval:
    return {
        **_days(bill.days),
        "documentId": str(bill.document_id),
        "documentNumber": bill.document_number,
        "creditedBy": list(bill.credited_by),
        "released": bill.is_released,
        "late": bool(bill.usage and bill.usage.late),
    }


def _days(period: Period) -> Days:
    return {"from": period.first.isoformat(), "to": period.last.isoformat()}
