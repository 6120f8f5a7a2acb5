"""Demo data: the customers and invoices of the Chinook sample shop, a seller for them, and a few contracts of our own."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from infra.imports import Kind, import_rows
from infra.imports.rejects import Reject
from services.billing.application import BillingApplication
from services.billing.billing_entity import Settings
from services.customer.application import CustomerApplication
from services.events import Asked, Context
from services.values import BankAccount, Seller

Row = dict[str, Any]

ACTOR = "demo"
CURRENCY = "EUR"
COUNTRIES = {
    "Argentina": "AR",
    "Australia": "AU",
    "Austria": "AT",
    "Belgium": "BE",
    "Brazil": "BR",
    "Canada": "CA",
    "Chile": "CL",
    "Czech Republic": "CZ",
    "Denmark": "DK",
    "Finland": "FI",
    "France": "FR",
    "Germany": "DE",
    "Hungary": "HU",
    "India": "IN",
    "Ireland": "IE",
    "Italy": "IT",
    "Netherlands": "NL",
    "Norway": "NO",
    "Poland": "PL",
    "Portugal": "PT",
    "Spain": "ES",
    "Sweden": "SE",
    "USA": "US",
    "United Kingdom": "GB",
}
GERMAN_SPEAKING = {"DE", "AT"}

SELLER = Seller(
    name="Nordlicht Musik GmbH",
    street="Alsterufer 1",
    postal_code="20354",
    city="Hamburg",
    country="DE",
    vat_id="DE136695976",
    tax_number="27/123/45678",
    register_court="Amtsgericht Hamburg",
    register_number="HRB 123456",
    managing_directors="Erika Beispiel, Max Muster",
    email="hallo@nordlicht.example",
    phone="+49 40 123456-0",
    website="www.nordlicht.example",
    bank_account=BankAccount(
        iban="DE89370400440532013000",
        bic="COBADEFFXXX",
        bank_name="Commerzbank",
        account_holder="Nordlicht Musik GmbH",
    ),
    accent_color="#1f4e79",
    creditor_id="DE98ZZZ09999999999",
    contact_name="Erika Beispiel, Buchhaltung",
)


class Runtime(Protocol):
    """What the demo is loaded into."""

    @property
    def customer(self) -> CustomerApplication: ...
    @property
    def billing(self) -> BillingApplication: ...


def load_demo(runtime: Runtime, report: Callable[[str, int, int], None]) -> None:
    """Load what is not loaded yet; `report` is told what, how many are done, and how many there are."""
    if not runtime.billing.billing_entities():
        define_seller(runtime.billing)
    parts: Sequence[tuple[Kind, list[Row]]] = (
        ("customers", list(customers())),
        ("orders", list(orders())),
        ("contracts", list(contracts())),
    )
    for kind, rows in parts:
        _load(kind, rows, runtime.customer, report)


def define_seller(billing: BillingApplication) -> None:
    """Define the demo's billing entity."""
    command_id = uuid5(NAMESPACE_URL, "kontor:demo:seller")
    settings = Settings(
        seller=SELLER,
        time_zone="Europe/Berlin",
        currency=CURRENCY,
        payment_term_days=14,
        number_prefix="RE",
        small_business=False,
    )
    asked = Asked(Context(command_id, ACTOR, datetime.now(UTC), command_id))
    billing.define_billing_entity("main", settings, asked)


def _load(
    kind: Kind, rows: Sequence[Row], application: CustomerApplication, report: Callable[[str, int, int], None]
) -> None:
    def refuse(reject: Reject) -> None:
        raise ValueError(f"the demo {kind} have a bad row: {reject}")

    def progress(done: int) -> None:
        report(kind, done, len(rows))

    import_rows(kind, rows, application, actor=ACTOR, reject=refuse, progress=progress)


# -- Chinook ------------------------------------------------------------------------------------


def customers() -> Iterator[Row]:
    """The shop's 59 customers in 24 countries as bodies of `POST /v1/customers`."""
    for row in _chinook("customers"):
        country = COUNTRIES[row["Country"]]
        address = {
            "addressType": "INVOICE",
            "firstName": row["FirstName"],
            "lastName": row["LastName"],
            "company": row["Company"],
            "street": row["Address"],
            "postalCode": row["PostalCode"],
            "city": row["City"],
            "state": row["State"],
            "country": country,
        }
        yield {
            "debtorIdent": _debtor(row["CustomerId"]),
            "customerType": "B2B" if row["Company"] else "B2C",
            "language": "de" if country in GERMAN_SPEAKING else "en",
            "contactPerson": f"{row['FirstName']} {row['LastName']}" if row["Company"] else None,
            "email": row["Email"],
            "phone": row["Phone"],
            "contractorReferences": [{"system": "chinook", "ident": row["CustomerId"]}],
            "addresses": [{name: value for name, value in address.items() if value}],
        }


def orders() -> Iterator[Row]:
    """The shop's 412 invoices as bodies of `POST /v1/orders`; their lines add up to 2,328.60."""
    lines = defaultdict(list)
    for row in _chinook("invoice_lines"):
        lines[row["InvoiceId"]].append(
            {
                "name": row["TrackName"],
                "quantity": row["Quantity"],
                "unit": "C62",
                "unitPrice": row["UnitPrice"],
                "itemCategory": "DIGITAL_PRODUCT",
            }
        )
    for row in _chinook("invoices"):
        yield {
            "debtorIdent": _debtor(row["CustomerId"]),
            "orderIdent": f"chinook-{row['InvoiceId']}",
            "orderDate": row["InvoiceDate"],
            "currency": CURRENCY,
            "lines": lines[row["InvoiceId"]],
        }


def _chinook(name: str) -> Iterable[dict[str, str]]:
    text = (files("infra.demo") / "chinook" / f"{name}.csv").read_text("utf-8-sig")
    yield from csv.DictReader(text.splitlines())


def _debtor(customer_id: str) -> str:
    return f"chinook-{customer_id}"


# -- contracts of our own -----------------------------------------------------------------------


def contracts() -> Iterator[Row]:
    """Subscriptions of some of the shop's customers, all of them from 2026 on."""
    for customer, start in ((2, "2026-01-15"), (7, "2026-02-01"), (36, "2026-01-31"), (42, "2026-03-10")):
        yield _contract(
            customer, "stream", start, "CALENDAR", [_recurring("stream", "Music streaming", "9.99")]
        )
    for customer, start in ((1, "2026-01-20"), (5, "2026-02-15"), (10, "2026-04-01"), (19, "2026-05-05")):
        jukebox = [
            {
                "itemIdent": "setup",
                "name": "Jukebox delivery and setup",
                "kind": "ONE_TIME",
                "unitPrice": "149.00",
                "itemCategory": "LABOR_COST",
            },
            _recurring("rent", "Jukebox rental", "89.00", months=3, timing="INTERVAL_END"),
            _recurring("care", "Care plan", "199.00", months=12),
        ]
        yield _contract(customer, "jukebox", start, "ANNIVERSARY", jukebox)


def _contract(customer: int, ident: str, start: str, alignment: str, items: list[Row]) -> Row:
    return {
        "debtorIdent": _debtor(str(customer)),
        "contractIdent": f"{ident}-{customer}",
        "currency": CURRENCY,
        "startDate": start,
        "alignment": alignment,
        "items": items,
    }


def _recurring(ident: str, name: str, price: str, months: int = 1, timing: str = "INTERVAL_START") -> Row:
    return {
        "itemIdent": ident,
        "name": name,
        "kind": "RECURRING",
        "unitPrice": price,
        "unit": "MON" if months == 1 else "C62",
        "billingInterval": {"count": months, "unit": "MONTH"},
        "billingTiming": timing,
    }
