"""Correction proposals on the real database: what a backdated change makes of bills, accepted, declined, superseded."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.audit import replay_billing
from services.billing.correction import (
    CorrectionClosed,
    CorrectionImpossible,
    CorrectionNotFound,
    CorrectionOutdated,
)
from services.errors import Refused
from services.messages import (
    CorrectionAccepted,
    CorrectionDeclined,
    CorrectionProposed,
    CorrectionSuperseded,
    DocumentIssued,
    DocumentType,
)
from services.values import DocumentLine
from tests import examples
from tests.billing.test_changes import amend, pause, reprice, resume, sign, terminate
from tests.billing.test_corrections import bill, billed, cancel
from tests.system import System

Lines = list[tuple[str, str]]


@pytest.fixture
def seller(system: System) -> Iterator[System]:
    """A seller and its customer D-4711; in the end, billing's tables are what the logs say."""
    system.define_seller()
    system.create_customer(examples.beispiel_gmbh())
    yield system
    system.work()
    assert replay_billing(system.database.owner_url, system.customer_feed, system.billing_feed) == []


def happened(seller: System) -> list[Any]:
    """What became of proposals, in order."""
    seller.work()
    kinds = CorrectionProposed | CorrectionAccepted | CorrectionDeclined | CorrectionSuperseded
    return [e.body for e in seller.billing_events() if isinstance(e.body, kinds)]


def proposed(seller: System) -> CorrectionProposed:
    """The one proposal that there is."""
    [proposal] = happened(seller)
    assert isinstance(proposal, CorrectionProposed)
    return proposal


def difference(proposal: CorrectionProposed) -> tuple[Lines, Lines]:
    """First day and net of what is credited, and of what is billed instead."""
    credited = [line for credit in proposal.credits for line in credit.lines]
    return told(credited), told(proposal.bills)


def told(lines: Sequence[DocumentLine]) -> Lines:
    return [(str(line.days.first), f"{line.net:f}") for line in lines]


def accept(seller: System, proposal: CorrectionProposed) -> list[DocumentIssued]:
    answer = seller.billing.accept_correction(proposal.proposal_id, examples.asked())
    return [seller.billing.document(UUID(d["documentId"])) for d in answer["documents"]]


def nothing_due(seller: System, day: str) -> bool:
    return seller.bill(day).outcomes == {"D-4711": "NOTHING_DUE"}


# -- what is proposed ---------------------------------------------------------------------------


def test_a_backdated_price_is_proposed_for_the_billed_intervals_that_it_concerns(seller: System) -> None:
    contract_id = sign(seller)
    invoice = bill(seller, "2026-03-01")
    reprice(seller, contract_id, "2026-02-01", "11.99")
    proposal = proposed(seller)
    assert difference(proposal) == (
        [("2026-02-01", "9.99"), ("2026-03-01", "9.99")],
        [("2026-02-01", "11.99"), ("2026-03-01", "11.99")],
    )
    assert (f"{proposal.net:f}", f"{proposal.gross:f}") == ("4.00", "4.76")
    assert [credit.document.number for credit in proposal.credits] == [invoice.number]
    assert (proposal.contract_ident, proposal.debtor_ident) == ("C-1", "D-4711")
    assert [seller.customer_events()[position - 1].topic for position in proposal.causes] == [
        "customer.ContractAmended"
    ]


def test_a_price_that_changes_within_a_billed_interval_cuts_it(seller: System) -> None:
    contract_id = sign(seller)
    bill(seller, "2026-01-01")
    reprice(seller, contract_id, "2026-01-16", "19.99")
    assert difference(proposed(seller)) == (
        [("2026-01-01", "9.99")],
        [("2026-01-01", "4.83"), ("2026-01-16", "10.32")],
    )


def test_a_backdated_pause_is_credited(seller: System) -> None:
    contract_id = sign(seller)
    bill(seller, "2026-03-01")
    pause(seller, contract_id, "2026-02-15")
    proposal = proposed(seller)
    assert difference(proposal) == (
        [("2026-02-01", "9.99"), ("2026-03-01", "9.99")],
        [("2026-02-01", "5.00")],
    )
    assert f"{proposal.net:f}" == "-14.98"


def test_a_backdated_termination_is_credited(seller: System) -> None:
    contract_id = sign(seller)
    bill(seller, "2026-03-01")
    terminate(seller, contract_id, "2026-01-31")
    assert difference(proposed(seller)) == ([("2026-02-01", "9.99"), ("2026-03-01", "9.99")], [])


def test_a_change_of_what_is_not_billed_proposes_nothing(seller: System) -> None:
    contract_id = sign(seller)
    bill(seller, "2026-01-31")
    reprice(seller, contract_id, "2026-02-01", "11.99")
    pause(seller, contract_id, "2026-03-01")
    assert happened(seller) == []


def test_days_that_become_active_are_made_up_by_the_next_run_and_need_no_correction(seller: System) -> None:
    contract_id = sign(seller)
    pause(seller, contract_id, "2026-01-11")
    bill(seller, "2026-01-31")
    resume(seller, contract_id, "2026-01-21")
    assert happened(seller) == []
    assert billed(bill(seller, "2026-01-31")) == [("2026-01-21", "3.54")]


def test_an_amendment_that_costs_the_same_proposes_nothing(seller: System) -> None:
    contract_id = sign(seller)
    bill(seller, "2026-01-01")
    amend(seller, contract_id, "2026-01-01", changes=[{"itemIdent": "base", "name": "Basic fee"}])
    assert happened(seller) == []


def test_a_contract_that_begins_in_the_middle_of_a_month_is_corrected_only_where_it_changed(
    seller: System,
) -> None:
    """Its intervals go over the end of every year, also of the last one that is looked at."""
    contract_id = sign(seller, startDate="2026-01-15", alignment="ANNIVERSARY")
    bill(seller, "2026-02-28")
    reprice(seller, contract_id, "2026-02-15", "11.99")
    assert difference(proposed(seller)) == ([("2026-02-15", "9.99")], [("2026-02-15", "11.99")])


# -- accepting ----------------------------------------------------------------------------------


def test_accepting_issues_the_credit_note_and_the_invoice_at_once(seller: System) -> None:
    contract_id = sign(seller)
    invoice = bill(seller, "2026-03-01")
    reprice(seller, contract_id, "2026-02-01", "11.99")
    proposal = proposed(seller)
    note, new = accept(seller, proposal)
    assert (note.type, new.type) == (DocumentType.CREDIT_NOTE, DocumentType.INVOICE)
    assert note.preceding_document
    assert note.preceding_document.document_id == invoice.document_id
    assert new.totals.gross - note.totals.gross == proposal.gross
    assert (str(new.issue_date), str(new.due_date)) == ("2026-03-01", "2026-03-15")
    assert nothing_due(seller, "2026-03-01")
    accepted = happened(seller)[-1]
    assert accepted.documents == (note.document_id, new.document_id)


def test_what_was_billed_and_credited_is_what_the_terms_say_in_the_end(seller: System) -> None:
    contract_id = sign(seller, examples.base_fee(), examples.base_fee(itemIdent="more", unitPrice="30.00"))
    bill(seller, "2026-01-31")
    bill(seller, "2026-02-28")
    reprice(seller, contract_id, "2026-01-16", "19.99")
    accept(seller, proposed(seller))
    documents = seller.documents()
    net = sum(d.totals.net * (-1 if d.type is DocumentType.CREDIT_NOTE else 1) for d in documents)
    assert f"{net:f}" == "95.14"  # 4.83 + 10.32 + 19.99 + 2 × 30.00


def test_a_correction_that_only_credits_issues_credit_notes_alone(seller: System) -> None:
    contract_id = sign(seller)
    bill(seller, "2026-01-31")
    bill(seller, "2026-02-28")
    pause(seller, contract_id, "2026-01-01")
    notes = accept(seller, proposed(seller))
    assert [note.type for note in notes] == [DocumentType.CREDIT_NOTE] * 2
    assert len({note.number for note in notes}) == 2


def test_an_accepted_correction_can_be_corrected_again(seller: System) -> None:
    contract_id = sign(seller)
    bill(seller, "2026-01-31")
    for price in ("11.99", "12.99"):
        reprice(seller, contract_id, "2026-01-01", price)
        proposal = happened(seller)[-1]
        _, new = accept(seller, proposal)
        assert billed(new) == [("2026-01-01", price)]


def test_a_proposal_is_accepted_once(seller: System) -> None:
    contract_id = sign(seller)
    bill(seller, "2026-01-31")
    reprice(seller, contract_id, "2026-01-01", "11.99")
    proposal, asked = proposed(seller), examples.asked()
    first = seller.billing.accept_correction(proposal.proposal_id, asked)
    assert seller.billing.accept_correction(proposal.proposal_id, asked) == first
    with pytest.raises(CorrectionClosed):
        accept(seller, proposal)


def test_of_several_who_accept_a_proposal_at_once_all_but_one_hear_that_it_is_closed(seller: System) -> None:
    contract_id = sign(seller)
    bill(seller, "2026-01-31")
    reprice(seller, contract_id, "2026-01-01", "11.99")
    proposal = proposed(seller)

    def attempt(_: int) -> type[Refused] | None:
        try:
            accept(seller, proposal)
        except Refused as refused:
            return type(refused)
        return None

    with ThreadPoolExecutor(5) as people:
        answers = list(people.map(attempt, range(5)))
    assert (answers.count(None), answers.count(CorrectionClosed)) == (1, 4)
    assert len(seller.documents()) == 3


def test_a_proposal_about_bills_that_were_all_cancelled_is_superseded_when_somebody_accepts_it(
    seller: System,
) -> None:
    contract_id = sign(seller)
    january = bill(seller, "2026-01-31")
    reprice(seller, contract_id, "2026-01-01", "11.99")
    proposal = proposed(seller)
    cancel(seller, january)
    with pytest.raises(CorrectionOutdated):
        accept(seller, proposal)
    assert isinstance(happened(seller)[-1], CorrectionSuperseded)


def test_a_proposal_that_is_out_of_date_is_not_issued_but_replaced(seller: System) -> None:
    contract_id = sign(seller)
    january, _ = bill(seller, "2026-01-31"), bill(seller, "2026-02-28")
    reprice(seller, contract_id, "2026-01-01", "11.99")
    proposal = proposed(seller)
    cancel(seller, january)
    with pytest.raises(CorrectionOutdated):
        accept(seller, proposal)
    assert len(seller.documents()) == 3
    _, superseded, newer = happened(seller)
    assert isinstance(superseded, CorrectionSuperseded)
    assert difference(newer) == ([("2026-02-01", "9.99")], [("2026-02-01", "11.99")])
    accept(seller, newer)


def test_there_must_be_such_a_proposal(seller: System) -> None:
    with pytest.raises(CorrectionNotFound):
        seller.billing.accept_correction(uuid4(), examples.asked())


def test_a_correction_of_an_erased_customer_can_only_be_declined(seller: System) -> None:
    customer_id = UUID(seller.create_customer(examples.erika())["customerId"])
    contract_id = sign(seller, debtorIdent="D-0815", contractIdent="C-2")
    bill(seller, "2026-01-31")
    terminate(seller, contract_id, "2026-01-15")
    proposal = proposed(seller)
    seller.customer.erase_customer(customer_id, examples.asked())
    seller.work()
    with pytest.raises(CorrectionImpossible):
        accept(seller, proposal)
    seller.billing.decline_correction(proposal.proposal_id, "erased", examples.asked())


# -- declining, superseding ---------------------------------------------------------------------


def test_a_declined_correction_leaves_what_is_billed(seller: System) -> None:
    contract_id = sign(seller)
    bill(seller, "2026-01-31")
    reprice(seller, contract_id, "2026-01-01", "11.99")
    proposal = proposed(seller)
    seller.billing.decline_correction(proposal.proposal_id, "goodwill", examples.asked())
    assert nothing_due(seller, "2026-01-31")
    assert len(seller.documents()) == 1
    with pytest.raises(CorrectionClosed):
        accept(seller, proposal)


def test_a_newer_change_supersedes_an_open_proposal(seller: System) -> None:
    contract_id = sign(seller)
    bill(seller, "2026-01-31")
    bill(seller, "2026-02-28")
    reprice(seller, contract_id, "2026-01-01", "11.99")
    first = proposed(seller)
    reprice(seller, contract_id, "2026-02-01", "12.99")
    _, superseded, second = happened(seller)
    assert superseded.proposal_id == first.proposal_id
    assert difference(second)[1] == [("2026-01-01", "11.99"), ("2026-02-01", "12.99")]
    assert len(second.causes) == 2
    with pytest.raises(CorrectionClosed):
        accept(seller, first)


def test_a_change_that_is_taken_back_leaves_nothing_to_decide(seller: System) -> None:
    contract_id = sign(seller)
    bill(seller, "2026-01-31")
    pause(seller, contract_id, "2026-01-10")
    assert isinstance(proposed(seller), CorrectionProposed)
    resume(seller, contract_id, "2026-01-10")
    assert [type(event) for event in happened(seller)] == [CorrectionProposed, CorrectionSuperseded]
