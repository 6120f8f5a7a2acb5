"""What becomes of one customer in a run."""

from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

from msgspec.structs import replace

from services.billing.billables import Account
from services.billing.due import Billable, Cutoff
from services.billing.issuing import Scope, bill, outcome
from services.billing.party import Party
from services.billing.run_queue import Run
from services.billing.sellers import Sellers
from services.ids import new_id
from services.messages import BillingEntityDefined, CustomerBilled
from services.personal_data import ERASED
from services.values import Address, AddressType, CustomerType
from tests import examples
from tests.billing.contracts import signed

ENTITY = BillingEntityDefined(billing_entity_id=uuid4(), **examples.ENTITY)
ADDRESS = Address(
    address_id=uuid4(), address_type=AddressType.INVOICE, country="DE", default=True, company="A GmbH"
)
PARTY = Party(
    customer_id=UUID(int=1),
    debtor_ident="D-1",
    account_number="100001",
    customer_type=CustomerType.B2B,
    language="de",
    addresses=(ADDRESS,),
)
TERMS = signed("2026-01-01")


class NoVault:
    """There is nothing sealed here."""

    def keys(self, key_ids):
        return {}


def billed(party: Party, *, due: bool = True) -> CustomerBilled:
    day = date(2026, 1, 31)
    run = Run(uuid4(), None, day, day, None, "tester", uuid4(), had_failures=False, accept_unusual=False)
    scope = Scope(Cutoff(day, day), for_all=True, unusual_multiple=20)
    billables = [Billable(TERMS.signed.contract_id, TERMS, {})] if due else []
    return outcome(run, bill(Account(party, billables), Sellers([ENTITY]), scope, new_id, NoVault()))


def test_what_is_due_becomes_a_document() -> None:
    found = billed(PARTY)
    assert (found.outcome, [a.net for a in found.amounts]) == ("DOCUMENTS_CREATED", [Decimal("9.99")])


def test_an_erased_customer_fails_with_what_to_do_where_something_is_due() -> None:
    found = billed(replace(PARTY, erased=True))
    assert found.outcome == "FAILED"
    assert "end its contracts" in (found.reason or "")


def test_a_customer_whose_key_is_gone_gets_no_document() -> None:
    nameless = replace(PARTY, addresses=(replace(ADDRESS, company=ERASED),))
    assert billed(nameless).outcome == "FAILED"


def test_an_erased_customer_of_which_nothing_is_due_is_no_failure() -> None:
    assert billed(replace(PARTY, erased=True), due=False).outcome == "NOTHING_DUE"
