"""Many customers at once: made and stored by the services' own code, hundreds to a transaction."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from typing import TypeVar

from infra.postgres.pool import connect
from infra.runtime import Runtime
from services.billing.billing_entity import Settings
from services.customer.application.deciding import CONTRACT, DEBTOR
from services.customer.contract import Contract
from services.customer.customer import Customer, Profile
from services.events import Asked, Claim, Command, Context
from services.ids import new_id
from services.messages import ContractSigned, CustomerChanges
from services.values import (
    Address,
    AddressType,
    Alignment,
    BillingInterval,
    BillingTiming,
    CustomerType,
    IntervalUnit,
    Item,
    ItemKind,
)
from tests import examples

NOW = datetime(2026, 1, 2, 9, 30, tzinfo=UTC)
CONTRACTS_START = date(2026, 1, 1)
AT_ONCE = 500

FIRST = "Alster Bergmann Cordes Dachstein Elbtal Falken Giebel Hansa Isar Jansen Küsten Linden Möwe Nordlicht".split()
SECOND = (
    "Apotheken Bau Catering Druck Elektro Fahrrad Garten Handel Immobilien Kälte Logistik Möbel Optik".split()
)
LEGAL = "AG GmbH KG".split()
CITIES = (
    "Bremen Hamburg Hannover Kiel Köln Leipzig Lübeck München Nürnberg Rostock Stuttgart Würzburg".split()
)
NAMES = [f"{first} {second} {legal}" for first, second, legal in product(FIRST, SECOND, LEGAL)]

T = TypeVar("T")


def populate(runtime: Runtime, count: int) -> None:
    """`count` customers, each edited once and with a monthly contract from January 2026: three events each."""
    numbers = range(1, count + 1)
    database = runtime.database
    with connect(database.service_url, schema="customer", role=database.service_role) as conn:
        for chunk in _chunks(numbers, AT_ONCE):
            customers = [_customer(number) for number in chunk]
            contracts = [_contract(customer) for customer in customers]
            claims = [Claim(DEBTOR, customer.debtor_ident, customer.id) for customer in customers]
            claims += [
                Claim(CONTRACT, one.terms.signed.contract_ident, one.id, one.terms.signed.customer_id)
                for one in contracts
            ]
            command = Command(_context(), claims=tuple(claims))
            with conn.transaction(), conn.cursor() as cursor:
                runtime.customer.save(*customers, *contracts, command=command, within=cursor)


def define_seller(runtime: Runtime) -> None:
    settings = {name: value for name, value in examples.ENTITY.items() if name != "ident"}
    runtime.billing.define_billing_entity(examples.ENTITY["ident"], Settings(**settings), Asked(_context()))


def bill_everything(runtime: Runtime) -> None:
    """Let billing take in the customer log and carry out what runs it requests, in this process."""
    while runtime.billing.follow(runtime.customer_feed):
        pass
    while runtime.billing.bill_some():
        pass


def _context() -> Context:
    command_id = new_id()
    return Context(command_id, "benchmark", NOW, command_id)


def _customer(number: int) -> Customer:
    profile = Profile(
        customer_type=CustomerType.B2B,
        language="de",
        email=f"rechnung{number}@example.com",
        phone=f"+49 40 {number:06}",
        vat_id="DE136695976",
    )
    address = Address(
        address_id=new_id(),
        address_type=AddressType.INVOICE,
        country="DE",
        company=f"{NAMES[number % len(NAMES)]} {number}",
        street="Alsterufer",
        street_number=str(number % 100),
        postal_code=f"{20000 + number % 999}",
        city=CITIES[number % len(CITIES)],
    )
    customer = Customer.create(
        customer_id=new_id(),
        debtor_ident=f"D-{number:06}",
        account_number=f"{100000 + number}",
        profile=profile,
        addresses=[address],
        properties={"segment": "mobility"},
        now=NOW,
    )
    customer.edit(CustomerChanges(contact_person="Erika Beispiel"), NOW)
    return customer


def _contract(customer: Customer) -> Contract:
    agreed = ContractSigned(
        contract_id=new_id(),
        customer_id=customer.id,
        contract_ident=f"C-{customer.account_number}",
        currency="EUR",
        signed_on=CONTRACTS_START,
        starts_on=CONTRACTS_START,
        alignment=Alignment.CALENDAR,
        items=(_base_fee(),),
        payment_term_days=14,
    )
    return Contract.sign(agreed, now=NOW)


def _base_fee() -> Item:
    return Item(
        item_ident="base",
        name="Base fee",
        kind=ItemKind.RECURRING,
        unit_price=Decimal("9.99"),
        quantity=Decimal(1),
        unit="MON",
        billing_interval=BillingInterval(count=1, unit=IntervalUnit.MONTH),
        billing_timing=BillingTiming.INTERVAL_START,
    )


def _chunks(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
