"""What must hold at every moment: documents add up, and come to what the ledger says."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis.stateful import invariant

from services.billing.checks import check_draft
from services.messages import (
    CorrectionAccepted,
    CorrectionDeclined,
    CorrectionProposed,
    CorrectionSuperseded,
    DocumentIssued,
    DocumentType,
)
from services.money import ZERO, rounded
from services.settlement import owed_more
from tests.billing.bills import Key
from tests.billing.ledger import Difference
from tests.billing.upstream import Upstream
from tests.system import System

BALANCES = "SELECT customer_id, sum(owed - credited) AS owed FROM billing.receivables GROUP BY customer_id"


class Audited(Upstream):
    """Looks at everything that billing issues and proposes."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[date, UUID | None]] = []
        """Runs that are requested, and whom they are for."""
        self.documents: list[DocumentIssued] = []
        self.open: dict[UUID, CorrectionProposed] = {}
        """Proposals, by contract."""
        self.expected: dict[UUID, tuple[date, Difference]] = {}
        """What they have to say, and since when."""
        self.declined: set[UUID] = set()
        self.seen = 0
        self.checked = 0

    def follow(self) -> None:
        while self.system.billing.follow(self.system.customer_feed):
            pass
        self.hear()

    def work_off(self, worker: System | None = None) -> None:
        """Let a worker do all that there is to do, and look at what came of it."""
        (worker or self.system).work()
        self.is_worked_off()

    def is_worked_off(self) -> None:
        self.hear()
        for up_to, whom in self.waiting:
            self.ledger.fall_due(up_to, lambda customer_id, whom=whom: whom in (None, customer_id))
        self.waiting.clear()
        self.agrees()
        self._proposes_what_differs()

    def _invoices(self) -> list[DocumentIssued]:
        return [document for document in self.documents if document.type is DocumentType.INVOICE]

    def invoices_left(self) -> list[DocumentIssued]:
        """Those of which something is left, the newest first."""
        return [invoice for invoice in reversed(self._invoices()) if self.ledger.left_on(invoice)]

    # -- what must hold -------------------------------------------------------------------------

    @invariant()
    def every_document_adds_up(self) -> None:
        for number, document in enumerate(self.documents[self.checked :], self.checked):
            taxable: defaultdict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
            for line in document.lines:
                taxable[line.tax_category, line.tax_rate] += line.net
            for charge in document.charges:
                taxable[charge.tax_category, charge.tax_rate] += charge.amount
            assert {(t.category, t.rate): t.taxable for t in document.taxes} == taxable
            assert document.totals.net == sum(taxable.values())
            assert document.totals.tax == sum(t.tax for t in document.taxes)
            assert document.totals.gross == document.totals.net + document.totals.tax
            before = self._notes_about(document.preceding_document, self.documents[:number])
            check_draft(document, [tax for note in before for tax in note.taxes])
        self.checked = len(self.documents)

    def agrees(self) -> None:
        """What was billed less what was credited is what is owed, item by item, in each rate of VAT and in all."""
        self._take_in()
        assert self.ledger.not_issued == []
        assert _netted(self.documents) == self.ledger.net
        assert _taxable(self.documents) == self.ledger.taxable
        for invoice in self._invoices():
            self._check_credited(invoice)
        self._check_balances()

    def _take_in(self) -> None:
        for event in self.system.billing_feed.read(self.seen, 10_000):
            match event.body:
                case DocumentIssued() as document:
                    self.documents.append(document)
                    if document.type is DocumentType.INVOICE:
                        self.ledger.is_issued(document)
                case CorrectionProposed() as proposal:
                    assert proposal.contract_id not in self.open
                    self.open[proposal.contract_id] = proposal
                case CorrectionAccepted() | CorrectionDeclined() | CorrectionSuperseded() as closed:
                    assert self.open.pop(closed.contract_id).proposal_id == closed.proposal_id
                case _:
                    pass
            self.seen = event.position

    def _check_credited(self, invoice: DocumentIssued) -> None:
        """VAT goes back as of all that was credited, and nothing is left once no line is."""
        notes = self._notes_about(invoice, self.documents)
        for billed in invoice.taxes:
            same = [
                t for n in notes for t in n.taxes if (t.category, t.rate) == (billed.category, billed.rate)
            ]
            taxable = sum((t.taxable for t in same), ZERO)
            assert ZERO <= taxable <= billed.taxable
            assert sum((t.tax for t in same), ZERO) == rounded(taxable * billed.rate / 100, "EUR")
        if not self.ledger.left_on(invoice):
            for name in invoice.totals.__struct_fields__:
                assert sum(getattr(note.totals, name) for note in notes) == getattr(invoice.totals, name)

    def _notes_about(self, invoice: Any, among: Sequence[DocumentIssued]) -> list[DocumentIssued]:
        """The credit notes about an invoice, which may be given as a reference to it."""
        found = [d for d in among if d.preceding_document and invoice]
        return [d for d in found if d.preceding_document.document_id == invoice.document_id]

    def _check_balances(self) -> None:
        """What customers are known to owe is what their documents come to."""
        owed: defaultdict[UUID, Decimal] = defaultdict(Decimal)
        for document in self.documents:
            owed[document.customer_id] += _sign(document) * document.totals.gross
        with self.system.billing_pool.connection() as connection:
            found = {row["customer_id"]: row["owed"] for row in connection.execute(BALANCES.encode())}
        assert found == owed
        assert sum(owed_more(document) for document in self.documents) == sum(owed.values())

    def _proposes_what_differs(self) -> None:
        """Of each contract that changed, and of no other one; a proposal that is right still stays as it is."""
        for contract_id, since in self.ledger.changed.items():
            before, said = self.expected.pop(contract_id, (since, None))
            now = self.ledger.difference(contract_id, min(before, since))
            if now.credits:
                self.expected[contract_id] = (before if now == said else min(before, since), now)
        self.ledger.changed.clear()
        found = {c: (p.since, difference_of(p)) for c, p in self.open.items()}
        assert found == self.expected, f"{found}\nEXPECTED {self.expected}"

    def check_numbers(self) -> None:
        """Unique and without gaps, for each kind of document and year."""
        ranges: defaultdict[str, list[int]] = defaultdict(list)
        for document in self.documents:
            name, _, number = document.number.rpartition("-")
            ranges[name].append(int(number))
        for numbers in ranges.values():
            assert sorted(numbers) == list(range(1, len(numbers) + 1))


def _sign(document: DocumentIssued) -> int:
    return -1 if document.type is DocumentType.CREDIT_NOTE else 1


def _netted(documents: Sequence[DocumentIssued]) -> dict[Key, Decimal]:
    """What lines charge less what they credit, by contract or order, item and first day."""
    found: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for document in documents:
        for line in document.lines:
            found[line.origin.id, line.origin.item, line.days.first] += _sign(document) * line.net
    return {key: net for key, net in found.items() if net}


def _taxable(documents: Sequence[DocumentIssued]) -> dict[tuple[UUID, Decimal], Decimal]:
    """The same of VAT breakdowns, by customer and rate."""
    found: defaultdict[tuple[UUID, Decimal], Decimal] = defaultdict(Decimal)
    for document in documents:
        for tax in document.taxes:
            found[document.customer_id, tax.rate] += _sign(document) * tax.taxable
    return {key: net for key, net in found.items() if net}


def difference_of(proposal: CorrectionProposed) -> Difference:
    credited = [(c.document.document_id, line) for c in proposal.credits for line in c.lines]
    return Difference(
        frozenset(
            (invoice_id, line.credits.line, line.net, line.credits.quantity)
            for invoice_id, line in credited
            if line.credits
        ),
        frozenset((line.origin.item, line.days, line.net) for line in proposal.bills),
    )
