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
from services.billing.safety import check_once, check_usual
from services.billing.sellers import Sellers
from services.errors import KontorError
from services.messages import BilledAmount, CustomerBilled, Outcome
from services.money import ZERO
from services.personal_data import Vault, is_erased, looked_up, opened

log = logging.getLogger(__name__)

STOPPED = "Billing is stopped for this customer; lift the billing stop, or run for this customer alone."


class CustomerErased(KontorError):
    """A customer whose personal data were erased gets no documents."""

    def __init__(self) -> None:
        super().__init__(
            "The customer's personal data were erased, so nothing can be addressed to it;"
            " end its contracts and cancel its orders."
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """How far a run or a preview bills, and whom it leaves out."""

    cutoff: Cutoff
    for_all: bool
    """It is for all customers, and skips those whose billing is stopped."""
    unusual_multiple: int | None
    """Days that cost more than so many times what they cost last are not billed; None: whatever they cost."""


@dataclass(frozen=True, slots=True)
class Billed:
    """What becomes of one customer: drafts under the ids of the documents to be, or why there are none."""

    account: Account
    drafts: Sequence[tuple[UUID, Draft]] = ()
    failure: str | None = None
    blocked: str | None = None

    @property
    def reason(self) -> str | None:
        """Why there are no documents, where something kept them from being issued."""
        return self.failure or self.blocked


def bill_all(
    accounts: Sequence[Account],
    sellers: Sellers,
    scope: Scope,
    new_id: Callable[[], UUID],
    vault: Vault,
) -> list[Billed]:
    """What becomes of several customers, whose keys are looked up at once."""
    at_hand = looked_up([(a.customer.customer_id, a.customer) for a in accounts if a.billables], vault)
    return [bill(account, sellers, scope, new_id, at_hand) for account in accounts]


def bill(
    account: Account,
    sellers: Sellers,
    scope: Scope,
    new_id: Callable[[], UUID],
    vault: Vault,
) -> Billed:
    """What would be issued to a customer. A failure concerns this customer alone, never the others."""
    if scope.for_all and account.customer.stopped_since:
        return Billed(account, blocked=STOPPED)
    if not account.billables:
        return Billed(account)
    try:
        customer = readable(account.customer, vault)
        drafts = assemble(customer, account.billables, sellers, scope.cutoff)
        check_once(account.billables, drafts)
        if scope.unusual_multiple:
            check_usual(account.billables, drafts, scope.unusual_multiple)
    except KontorError as error:
        return Billed(account, failure=str(error))
    except Exception as error:
        log.exception("customer %s cannot be billed", account.customer.customer_id)
        return Billed(account, failure=f"Unexpected {type(error).__name__}; please report this.")
    return Billed(account, [(new_id(), draft) for draft in drafts])


def readable(customer: Party, vault: Vault) -> Party:
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
        outcome=kind_of(billed),
        documents=tuple(document_id for document_id, _ in billed.drafts),
        amounts=_amounts([draft for _, draft in billed.drafts]),
        reason=billed.reason,
    )


def kind_of(billed: Billed) -> Outcome:
    """What became of the customer, as outcomes name it."""
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
