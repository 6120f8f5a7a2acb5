"""What a run does for a chunk of customers, computed before anything is numbered or stored."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.billing.assembly import assemble
from services.billing.billables import Account
from services.billing.document import Draft
from services.billing.due import Cutoff
from services.billing.run_queue import Run
from services.errors import KontorError
from services.messages import BilledAmount, BillingEntityDefined, CustomerBilled, Outcome
from services.money import ZERO

log = logging.getLogger(__name__)

NO_SELLER = "No billing entity is defined; define the seller, then run again."


@dataclass(frozen=True, slots=True)
class Billed:
    """What becomes of one customer: drafts under the ids of the documents to be, or why there are none."""

    account: Account
    drafts: Sequence[tuple[UUID, Draft]] = ()
    failure: str | None = None


def bill(
    account: Account, entity: BillingEntityDefined | None, run: Run, new_id: Callable[[], UUID]
) -> Billed:
    """What a run would issue to a customer. A failure concerns this customer alone, never the run."""
    if not account.billables:
        return Billed(account)
    if entity is None:
        return Billed(account, failure=NO_SELLER)
    cutoff = Cutoff(run.processing_date, run.ended_by)
    try:
        drafts = assemble(account.customer, account.billables, entity, cutoff, run.processing_date)
    except KontorError as error:
        return Billed(account, failure=str(error))
    except Exception as error:
        log.exception("customer %s cannot be billed", account.customer.customer_id)
        return Billed(account, failure=f"Unexpected {type(error).__name__}; please report this.")
    return Billed(account, [(new_id(), draft) for draft in drafts])


def outcome(run: Run, billed: Billed) -> CustomerBilled:
    """The one outcome of a run for a customer."""
    if billed.failure:
        found = Outcome.FAILED
    else:
        found = Outcome.DOCUMENTS_CREATED if billed.drafts else Outcome.NOTHING_DUE
    return CustomerBilled(
        billing_run_id=run.billing_run_id,
        customer_id=billed.account.customer.customer_id,
        debtor_ident=billed.account.customer.debtor_ident,
        outcome=found,
        documents=tuple(document_id for document_id, _ in billed.drafts),
        amounts=_amounts([draft for _, draft in billed.drafts]),
        reason=billed.failure,
    )


def _amounts(drafts: Sequence[Draft]) -> tuple[BilledAmount, ...]:
    return tuple(
        BilledAmount(
            currency=currency,
            net=sum((d.totals.net for d in drafts if d.currency == currency), ZERO),
            gross=sum((d.totals.gross for d in drafts if d.currency == currency), ZERO),
        )
        for currency in sorted({d.currency for d in drafts})
    )
