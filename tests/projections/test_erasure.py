"""Erasing a customer, from the real log: the views forget, and a replay gives the same."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from infra.postgres.pool import Pool
from projections import catalogue
from projections.customer_overview import CustomerFilter
from projections.engine import catch_up
from projections.replay import replay
from projections.views import Views
from services.customer.commands.customers import AddressBody, EditCustomer
from services.customer.commands.payment_accounts import AddPaymentAccount
from services.errors import Unavailable
from services.messages import Feed
from tests import examples
from tests.database import Database
from tests.projections.reading import all_rows
from tests.system import System

PERSONAL = (
    "Erika",
    "Mustermann",
    "Musterfrau",
    "erika@example.com",
    "neu@example.com",
    "DE02120300000000202051",
)
"""What only the erased customer says, before and after she changed her mind."""


class Told:
    """The services' real logs, followed by the projections when the test says so."""

    def __init__(self, system: System, pool: Pool) -> None:
        self._system = system
        self._pool = pool
        self.views = Views(pool, system.vault, self.feeds)

    @property
    def feeds(self) -> Mapping[str, Feed]:
        return {feed.source: feed for feed in (self._system.customer_feed, self._system.billing_feed)}

    def follow(self) -> None:
        with self._pool.connection() as conn:
            for projection in catalogue.ALL:
                catch_up(conn, projection, self.feeds, self._system.vault)


@pytest.fixture
def told(system: System, pool: Pool) -> Told:
    system.define_seller()
    return Told(system, pool)


def erika_lives(system: System) -> UUID:
    """A customer who changes her name and e-mail, and was billed once."""
    made = system.create_customer(examples.erika(email="erika@example.com", properties={"age": 44}))
    customer_id = UUID(made["customerId"])
    new_mail = EditCustomer.model_validate({"email": "neu@example.com"})
    system.customer.edit_customer(customer_id, new_mail, examples.asked())
    account = AddPaymentAccount.model_validate(examples.direct_debit(iban="DE02120300000000202051"))
    system.customer.add_payment_account(customer_id, account, examples.asked())
    address = next(e.body.addresses[0] for e in system.customer_events() if e.subject == customer_id)
    married = examples.invoice_address(company=None, firstName="Erika", lastName="Musterfrau")
    system.customer.edit_address(
        customer_id, address.address_id, AddressBody.model_validate(married), examples.asked()
    )
    system.record_order(examples.order(debtorIdent="D-0815"))
    return customer_id


def test_the_views_forget_an_erased_customer_and_a_replay_gives_the_same(
    system: System, database: Database, pool: Pool, told: Told
) -> None:
    customer_id = erika_lives(system)
    other = UUID(system.create_customer(examples.beispiel_gmbh())["customerId"])
    system.bill("2026-02-28")
    told.follow()
    assert _name(told.views, customer_id) == "Erika Musterfrau"
    assert replay(database.owner_url, told.feeds, system.vault) == []
    assert told.views.left_to_bill(customer_id) == []

    system.customer.erase_customer(customer_id, examples.asked())
    told.follow()
    assert _name(told.views, customer_id) == "[erased]"
    assert _name(told.views, other) == "Beispiel GmbH"
    assert replay(database.owner_url, told.feeds, system.vault) == []
    assert not [word for word in PERSONAL if word in str(all_rows(pool))]


def test_what_the_views_show_before_they_come_to_an_erasure_is_not_called_wrong(
    system: System, database: Database, told: Told
) -> None:
    customer_id = erika_lives(system)
    system.bill("2026-02-28")
    told.follow()
    system.customer.erase_customer(customer_id, examples.asked())
    with pytest.raises(Unavailable, match="erasure"):
        replay(database.owner_url, told.feeds, system.vault)
    told.follow()
    assert replay(database.owner_url, told.feeds, system.vault) == []


def test_history_and_documents_of_an_erased_customer(system: System, pool: Pool, told: Told) -> None:
    customer_id = erika_lives(system)
    system.bill("2026-02-28")
    system.customer.erase_customer(customer_id, examples.asked())
    told.follow()
    changes = [change for item in told.views.history(customer_id)["items"] for change in item["changes"]]
    assert {"field": "email", "before": "[erased]", "after": "[erased]"} in changes
    assert not [word for word in PERSONAL if word in str(changes)]
    [document] = told.views.documents(customer_id=customer_id)["items"]
    assert document["buyerName"] == "Erika Musterfrau", "an issued document stays as it is"


def test_an_erased_customer_is_not_found_by_what_was_known_of_it(system: System, told: Told) -> None:
    customer_id = erika_lives(system)
    told.follow()
    assert _found(told.views, "musterfrau") == 1
    system.bill("2026-02-28")
    system.customer.erase_customer(customer_id, examples.asked())
    told.follow()
    assert _found(told.views, "musterfrau") == _found(told.views, "neu@example") == 0
    assert _found(told.views, "D-0815") == 1


def _found(views: Views, q: str) -> int:
    return views.customers(CustomerFilter(q=q))["total"]


def _name(views: Views, customer_id: UUID) -> Any:
    customer = views.customer(customer_id)
    assert customer is not None
    return customer["name"]
