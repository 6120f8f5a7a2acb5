"""Use cases of correction proposals: look at contracts that changed, and issue what a person accepts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.application import Decision
from services.billing import (
    billables,
    billing_entities,
    correction_proposals,
    credit_notes,
    customer_changes,
    feed_positions,
    parties,
)
from services.billing.application.corrections import Corrections
from services.billing.correction import (
    CorrectionImpossible,
    CorrectionNotFound,
    CorrectionOutdated,
    CorrectionProposal,
)
from services.billing.correction_proposals import Check
from services.billing.document import Document, Draft
from services.billing.issuing import readable
from services.billing.numbering import numbers_for
from services.billing.party import Party
from services.billing.proposing import Correction, Invoice, correction
from services.billing.rendering.language import language
from services.billing.transaction import Cursor
from services.errors import KontorError
from services.events import Aggregate, Asked, Context
from services.messages import CorrectionProposed
from services.terms import ContractTerms
from services.values import DocumentLine, ProposedCredit

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A contract and its customer, and what corrects its bills at the terms that hold now."""

    customer: Party
    terms: ContractTerms
    correction: Correction

    @property
    def credits(self) -> tuple[ProposedCredit, ...]:
        return tuple(_proposed(draft) for draft in self.correction.credits)

    @property
    def bills(self) -> tuple[DocumentLine, ...]:
        return tuple(line for draft in self.correction.bills for line in draft.lines)


class Proposals(Corrections):
    """Proposing corrections, accepting and declining them. Nothing is issued without acceptance."""

    # -- proposing ------------------------------------------------------------------------------

    def look_for_corrections(self) -> int:
        """Look at the bills of the next contract that changed, and propose what corrects them; return how many."""
        with self._transaction() as cursor:
            check = correction_proposals.take(cursor)
            if check is None:
                return 0
            billing_entities.keep(cursor)
            opened = self._open_about(cursor, check.contract_id)
            if opened:
                check = replace(check, since=min(check.since, opened.proposed.since))
            if found := self._found(cursor, check):
                changed = self._proposed(check, found, opened)
                self._store(cursor, changed, self._because_of(check))
            return 1

    def _open_about(self, cursor: Cursor, contract_id: UUID) -> CorrectionProposal | None:
        proposal_id = correction_proposals.open_about(cursor, contract_id)
        return self._loaded(cursor, CorrectionProposal, proposal_id) if proposal_id else None

    def _found(self, cursor: Cursor, check: Check) -> Found | None:
        """None where nothing can be billed in the place of what is wrong; a person has to credit it then."""
        try:
            return self._corrected(cursor, check, self._clock())
        except KontorError as error:
            log.warning("contract %s cannot be corrected: %s", check.contract_id, error)
        except Exception:
            log.exception("contract %s cannot be corrected; please report this", check.contract_id)
        return None

    def _corrected(self, cursor: Cursor, check: Check, now: datetime) -> Found:
        terms = billables.contract(cursor, check.contract_id)
        customer = readable(parties.read(cursor, [check.customer_id])[check.customer_id], self.keyring)
        sellers = billing_entities.read(cursor)
        zone = sellers.time_zone(terms.signed.billing_entity or customer.billing_entity)
        words = language(customer.language)
        found = correction(
            customer,
            terms,
            self._invoices(cursor, check),
            sellers,
            since=check.since,
            reason=words.say("reason.contract_changed", contract=terms.signed.contract_ident),
            today=now.astimezone(zone).date(),
        )
        return Found(customer, terms, found)

    def _invoices(self, cursor: Cursor, check: Check) -> list[Invoice]:
        """The documents on which the contract is billed from a day on, oldest first."""
        issued = self._issued(correction_proposals.billed_on(cursor, check.contract_id, check.since), cursor)
        notes = {invoice_id: credit_notes.about(cursor, invoice_id) for invoice_id in issued}
        credited = self._issued([note_id for about in notes.values() for note_id in about], cursor)
        return [
            Invoice(document, [credited[note_id] for note_id in notes[document.document_id]])
            for document in sorted(issued.values(), key=lambda d: (d.issue_date, d.number))
        ]

    def _proposed(self, check: Check, found: Found, opened: CorrectionProposal | None) -> Sequence[Aggregate]:
        """The proposal, in the place of the open one; nothing where that is still right."""
        now, changed = self._clock(), list[Aggregate]()
        if opened:
            if (found.credits, found.bills) == (opened.proposed.credits, opened.proposed.bills):
                return []
            opened.supersede(now)
            changed.append(opened)
        if found.credits:
            causes = {*check.causes, *(opened.proposed.causes if opened else ())}
            proposed = CorrectionProposed(
                proposal_id=self._new_id(),
                customer_id=check.customer_id,
                debtor_ident=found.customer.debtor_ident,
                contract_id=check.contract_id,
                contract_ident=found.terms.signed.contract_ident,
                since=check.since,
                causes=tuple(sorted(causes)),
                currency=found.terms.signed.currency,
                credits=found.credits,
                bills=found.bills,
                net=found.correction.net,
                gross=found.correction.gross,
            )
            changed.append(CorrectionProposal.propose(proposed, now))
        return changed

    def _because_of(self, check: Check) -> Context:
        return Context(self._new_id(), check.actor, self._clock(), check.correlation_id, check.causation_id)

    # -- deciding -------------------------------------------------------------------------------

    def accept_correction(self, proposal_id: UUID, asked: Asked) -> dict[str, Any]:
        """Issue the credit notes and invoices of a proposal, in one transaction.

        Answers proposalId, documents (each documentId, number), version, position. Raises CorrectionNotFound,
        CorrectionClosed, CorrectionImpossible; CorrectionOutdated where something changed, and then the contract is looked at once more.
        """
        try:
            return self._carry_out(asked, lambda cursor: self._accept(cursor, proposal_id, asked))
        except CorrectionOutdated:
            with self._transaction() as cursor:
                proposal = self._locked_proposal(cursor, proposal_id)
                correction_proposals.ask_for(cursor, [_again(proposal, asked.context)])
            raise

    def _accept(self, cursor: Cursor, proposal_id: UUID, asked: Asked) -> Decision:
        proposal, now = self._locked_proposal(cursor, proposal_id), asked.context.occurred_at
        try:
            found = self._corrected(cursor, _again(proposal, asked.context), now)
        except KontorError as error:
            raise CorrectionImpossible(str(error)) from error
        proposal.check_still(found.credits, found.bills)
        documents = self._documents_of(cursor, found.correction, now)
        proposal.accept(tuple(document.id for document in documents), now)
        answer = {
            "proposalId": str(proposal_id),
            "documents": [{"documentId": str(d.id), "number": d.number} for d in documents],
            "version": proposal.version,
        }
        return Decision([*documents, proposal], answer)

    def _documents_of(self, cursor: Cursor, found: Correction, now: datetime) -> list[Document]:
        """Credit notes first: what they release is what the invoices bill."""
        drafts = [*found.credits, *found.bills]
        reached = feed_positions.reached(cursor, self._customers.source)
        seen = customer_changes.seen(cursor, {draft.customer_id for draft in drafts}, reached)
        numbers = numbers_for(cursor, billing_entities.read(cursor), drafts)
        return [
            Document.issue(
                draft,
                document_id=self._new_id(),
                number=number,
                billing_run_id=None,
                now=now,
                seen_position=seen[draft.customer_id],
            )
            for draft, number in zip(drafts, numbers, strict=True)
        ]

    def decline_correction(self, proposal_id: UUID, reason: str, asked: Asked) -> dict[str, Any]:
        """Close a proposal: nothing is issued, what is billed stays. Answers proposalId, version, position.

        Raises CorrectionNotFound, CorrectionClosed.
        """

        def decide(cursor: Cursor) -> Decision:
            proposal = self._locked_proposal(cursor, proposal_id)
            proposal.decline(reason, asked.context.occurred_at)
            return Decision([proposal], {"proposalId": str(proposal_id), "version": proposal.version})

        return self._carry_out(asked, decide)

    def _locked_proposal(self, cursor: Cursor, proposal_id: UUID) -> CorrectionProposal:
        """The proposal as it is once nobody else, until the transaction ends, bills or changes its customer."""
        billing_entities.keep(cursor)
        proposal = self._loaded(cursor, CorrectionProposal, proposal_id)
        if proposal is None:
            raise CorrectionNotFound(f"There is no correction proposal {proposal_id}.")
        parties.lock(cursor, [proposal.proposed.customer_id])
        return self._loaded(cursor, CorrectionProposal, proposal_id) or proposal


def _proposed(draft: Draft) -> ProposedCredit:
    assert draft.preceding_document
    return ProposedCredit(document=draft.preceding_document, lines=draft.lines)


def _again(proposal: CorrectionProposal, context: Context) -> Check:
    proposed = proposal.proposed
    return Check(
        contract_id=proposed.contract_id,
        customer_id=proposed.customer_id,
        since=proposed.since,
        causes=proposed.causes,
        actor=context.actor,
        correlation_id=context.correlation_id,
        causation_id=context.command_id,
    )
