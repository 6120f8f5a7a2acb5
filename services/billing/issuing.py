"""What a run does for a chunk of customers, computed before anything is numbered or stored."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.billing.assembly import assemble
from services.billing.billables import Account
from services.billing.document import Draft
from services.billing.due import Cutoff
from services.billing.party import Party
from services.billing.run_queue import Run
from services.errors import KontorError
from services.messages import BilledAmount, BillingEntityDefined, CustomerBilled, Outcome
from services.money import ZERO
from services.personal_data import Vault, is_erased, opened

log = logging.getLogger(__name__)

NO_SELLER = "No billing entity is defined; define the seller, then run again."
STOPPED = "Billing is stopped for this customer; lift the billing stop, or run for this customer alone."


class CustomerErased(KontorError):
    """A customer whose personal data were erased gets no documents."""

    def __init__(self) -> None:
        super().__init__(
            "The customer's personal data were erased, so nothing can be addressed to it;"
            " end its contracts and cancel its orders."
        )


@dataclass(frozen=True, slots=True)
class Billed:
    """What becomes of one customer: drafts under the ids of the documents to be, or why there are none."""

    account: Account
    drafts: Sequence[tuple[UUID, Draft]] = ()
    failure: str | None = None
    blocked: str | None = None


def bill(
    account: Account,
    entity: BillingEntityDefined | None,
    run: Run,
    new_id: Callable[[], UUID],
    vault: Vault,
) -> Billed:
    """What a run would issue to a customer. A failure concerns this customer alone, never the run."""
    if run.customer_id is None and account.customer.stopped_since:
        return Billed(account, blocked=STOPPED)
    if not account.billables:
        return Billed(account)
    if entity is None:
        return Billed(account, failure=NO_SELLER)
    cutoff = Cutoff(run.processing_date, run.ended_by)
    try:
        customer = _readable(account.customer, vault)
        drafts = assemble(customer, account.billables, entity, cutoff, run.processing_date)
    except KontorError as error:
        return Billed(account, failure=str(error))
    except Exception as error:
        log.exception("customer %s cannot be billed", account.customer.customer_id)
        return Billed(account, failure=f"Unexpected {type(error).__name__}; please report this.")
    return Billed(account, [(new_id(), draft) for draft in drafts])


def _readable(customer: Party, vault: Vault) -> Party:
    """The customer with its personal data opened."""
    [plain] = opened([(customer.customer_id, customer)], vault)
    if customer.erased or is_erased(plain):
        raise CustomerErased
    return plain


def outcome(run: Run, billed: Billed) -> CustomerBilled:
    """The one outcome of a run for a customer."""
    return CustomerBilled(
        billing_run_id=run.billing_run_id,
        customer_id=billed.account.customer.customer_id,
        debtor_ident=billed.account.customer.debtor_ident,
        outcome=_kind(billed),
        documents=tuple(document_id for document_id, _ in billed.drafts),
        amounts=_amounts([draft for _, draft in billed.drafts]),
        reason=billed.failure or billed.blocked,
    )


def _kind(billed: Billed) -> Outcome:
    if billed.failure:
        return Outcome.FAILED
    if billed.blocked:
        return Outcome.BLOCKED
    return Outcome.DOCUMENTS_CREATED if billed.drafts else Outcome.NOTHING_DUE


def _amounts(drafts: Sequence[Draft]) -> tuple[BilledAmount, ...]:
    return tuple(
        BilledAmount(
            currency=currency,
            net=sum((d.totals.net for d in drafts if d.currency == currency), ZERO),
            gross=sum((d.totals.gross for d in drafts if d.currency == currency), ZERO),
        )
        for currency in sorted({d.currency for d in drafts})
    )
