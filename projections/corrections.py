"""Correction proposals: what backdated changes make of bills, as a difference, and what was decided."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any
from uuid import UUID

from msgspec import convert, to_builtins
from psycopg import Connection
from psycopg.rows import DictRow
from typing_extensions import TypedDict

from projections.paging import Filters, Page, newest_first, one
from projections.projection import Projection, Row, Rows, Table
from services.as_json import compact, full
from services.messages import (
    CorrectionAccepted,
    CorrectionDeclined,
    CorrectionProposed,
    CorrectionSuperseded,
    Envelope,
)
from services.money import ZERO
from services.values import DocumentLine, DocumentReference, Period

PROPOSALS = Table("correction_proposals", ("proposal_id",))

PROJECTION = Projection("corrections", 1, PROPOSALS)

Json = dict[str, Any]
Decision = CorrectionAccepted | CorrectionDeclined | CorrectionSuperseded

OPEN = "OPEN"
STATUSES = {
    CorrectionAccepted.TOPIC: "ACCEPTED",
    CorrectionDeclined.TOPIC: "DECLINED",
    CorrectionSuperseded.TOPIC: "SUPERSEDED",
}


def _of_proposal(message: CorrectionProposed | Decision) -> Iterable[UUID]:
    return (message.proposal_id,)


@PROJECTION.on(CorrectionProposed, loads={PROPOSALS: _of_proposal})
def proposed(rows: Rows, message: CorrectionProposed, envelope: Envelope) -> None:
    row = {
        "proposal_id": message.proposal_id,
        "customer_id": message.customer_id,
        "contract_id": message.contract_id,
        "status": OPEN,
        "proposal": compact(message),
        "decision": None,
        "position": envelope.position,
        "created_at": envelope.occurred_at,
    }
    rows.put(PROPOSALS, row)


@PROJECTION.on(CorrectionAccepted, CorrectionDeclined, CorrectionSuperseded, loads={PROPOSALS: _of_proposal})
def decided(rows: Rows, message: Decision, envelope: Envelope) -> None:
    row = rows.change(PROPOSALS, message.proposal_id)
    row["status"] = STATUSES[message.TOPIC]
    row["decision"] = {
        "at": full(envelope.occurred_at),
        "actor": envelope.actor,
        "reason": message.reason if isinstance(message, CorrectionDeclined) else None,
        "documents": full(message.documents) if isinstance(message, CorrectionAccepted) else [],
    }


class BilledLine(TypedDict):
    """A line as it was billed, or would be; `document` and `line` name what would be credited."""

    name: str
    period: Json
    quantity: str
    unitPrice: str
    net: str
    taxCategory: str
    taxRate: str
    document: Json | None
    line: int | None


class Change(TypedDict):
    """The bills of some days of an item, before and after; `net` is what would be owed more, negative: less."""

    item: str
    period: Json
    before: list[BilledLine]
    after: list[BilledLine]
    net: str


class ProposalItem(TypedDict):
    """A correction proposal: OPEN, ACCEPTED, DECLINED or SUPERSEDED (something changed again).

    `net` and `gross` are what the customer would owe more in all, negative: less. `since` is the first day from which
    the contract changed; `causes` are positions of what changed it in the customer log.
    """

    proposalId: str
    customerId: str
    debtorIdent: str
    contractId: str
    contractIdent: str
    status: str
    since: str
    causes: list[int]
    currency: str
    net: str
    gross: str
    createdAt: str
    decision: Json | None


class Proposal(ProposalItem):
    """A correction proposal as a difference."""

    changes: list[Change]


_PROPOSALS = newest_first("*", "correction_proposals", "position")


def proposals(
    conn: Connection[DictRow],
    *,
    customer_id: UUID | None = None,
    status: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[ProposalItem]:
    """Correction proposals, newest first."""
    filters = Filters()
    filters.add("customer_id = %(customer_id)s", customer_id=customer_id)
    filters.add("status = %(status)s", status=status)
    return _PROPOSALS.page(conn, filters, limit, cursor, _item)


def proposal(conn: Connection[DictRow], proposal_id: UUID) -> Proposal | None:
    filters = Filters()
    filters.add("proposal_id = %(proposal_id)s", proposal_id=proposal_id)
    return one(_PROPOSALS.page(conn, filters, 1, None, _whole)["items"])


def _item(row: Row) -> ProposalItem:
    message = convert(row["proposal"], CorrectionProposed)
    return ProposalItem(
        proposalId=str(message.proposal_id),
        customerId=str(message.customer_id),
        debtorIdent=message.debtor_ident,
        contractId=str(message.contract_id),
        contractIdent=message.contract_ident,
        status=row["status"],
        since=full(message.since),
        causes=list(message.causes),
        currency=message.currency,
        net=f"{message.net:f}",
        gross=f"{message.gross:f}",
        createdAt=to_builtins(row["created_at"]),
        decision=row["decision"],
    )


def _whole(row: Row) -> Proposal:
    message = convert(row["proposal"], CorrectionProposed)
    return Proposal(**_item(row), changes=list(_changes(message)))


Side = tuple[DocumentLine, DocumentReference | None]
"""A line that would be credited with its document, or one that would be billed."""


def _changes(message: CorrectionProposed) -> Iterator[Change]:
    """By item and days: lines that overlap are one change, as a new one may take the place of several."""
    items: defaultdict[str, list[Side]] = defaultdict(list)
    for line, document in chain(
        ((line, credit.document) for credit in message.credits for line in credit.lines),
        ((line, None) for line in message.bills),
    ):
        items[line.origin.item].append((line, document))
    for item, sides in items.items():
        for together in _overlapping(sides):
            yield _change(item, together)


def _overlapping(sides: Iterable[Side]) -> Iterator[list[Side]]:
    together: list[Side] = []
    for side in sorted(sides, key=lambda side: (side[0].days.first, side[1] is None)):
        if together and side[0].days.first > max(line.days.last for line, _ in together):
            yield together
            together = []
        together.append(side)
    yield together


def _change(item: str, sides: Sequence[Side]) -> Change:
    days = [line.days for line, _ in sides]
    return Change(
        item=item,
        period=full(Period(first=min(p.first for p in days), last=max(p.last for p in days))),
        before=[_line(line, document) for line, document in sides if document],
        after=[_line(line, None) for line, document in sides if document is None],
        net=f"{sum((_owed(side) for side in sides), ZERO):f}",
    )


def _owed(side: Side) -> Decimal:
    line, document = side
    return -line.net if document else line.net


def _line(line: DocumentLine, document: DocumentReference | None) -> BilledLine:
    told = full(line)
    return BilledLine(
        name=line.name,
        period=full(line.days),
        quantity=told["quantity"],
        unitPrice=told["unitPrice"],
        net=told["net"],
        taxCategory=line.tax_category,
        taxRate=told["taxRate"],
        document=full(document),
        line=line.credits.line if line.credits else None,
    )
