"""The standard cast of the tests: bodies as upstream systems send them, and the people and things in them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from services.events import Asked, Context
from services.values import BankAccount, Seller

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

Row = dict[str, Any]


def asked(at: datetime = NOW, actor: str = "tester") -> Asked:
    """A new command of its own."""
    command_id = uuid4()
    return Asked(Context(command_id, actor, at, command_id), command_id.bytes)


def beispiel_gmbh(**changes: Any) -> Row:
    """A German business customer with an invoice and a shipping address."""
    return {
        "debtorIdent": "D-4711",
        "customerType": "B2B",
        "language": "de",
        "vatId": "DE136695976",
        "email": "rechnung@example.com",
        "contactPerson": "Erika Beispiel",
        "phone": "+49 40 1234",
        "contractorReferences": [{"system": "crm", "ident": "0017"}],
        "preferredDocumentDelivery": "NONE",
        "eInvoicing": {"format": "XRECHNUNG", "buyerReference": "04011000-12345-03"},
        "properties": {"fleet_size": 12, "segment": "mobility"},
        "addresses": [invoice_address(), shipping_address()],
    } | changes


def erika(**changes: Any) -> Row:
    """A German consumer."""
    return {
        "debtorIdent": "D-0815",
        "customerType": "B2C",
        "language": "de",
        "addresses": [invoice_address(company=None, firstName="Erika", lastName="Mustermann")],
    } | changes


def invoice_address(**changes: Any) -> Row:
    return {
        "addressType": "INVOICE",
        "company": "Beispiel GmbH",
        "street": "Alsterufer",
        "streetNumber": "1",
        "postalCode": "20354",
        "city": "Hamburg",
        "country": "DE",
    } | changes


def shipping_address(**changes: Any) -> Row:
    return invoice_address(
        addressType="SHIPPING", street="Kaistraße", streetNumber="2", postalCode="20457", **changes
    )


def direct_debit(**changes: Any) -> Row:
    return {
        "paymentMethod": "DIRECT_DEBIT",
        "iban": "DE89370400440532013000",
        "mandateReference": "M-1",
        "mandateDate": "2026-01-02",
        "accountHolderName": "Beispiel GmbH",
    } | changes


def credit_card(**changes: Any) -> Row:
    return {
        "paymentMethod": "CREDIT_CARD",
        "gatewayToken": "tok_1NirD82eZvKYlo2C",
        "brand": "Visa",
        "lastFour": "4242",
        "expiry": "2028-05",
    } | changes


def base_fee(**changes: Any) -> Row:
    """9.99 a month, in advance."""
    return {
        "itemIdent": "base",
        "name": "Base fee",
        "kind": "RECURRING",
        "unitPrice": "9.99",
        "quantity": "1",
        "unit": "MON",
        "billingInterval": {"count": 1, "unit": "MONTH"},
        "billingTiming": "INTERVAL_START",
    } | changes


def setup_fee(**changes: Any) -> Row:
    return {"itemIdent": "setup", "name": "Setup", "kind": "ONE_TIME", "unitPrice": "49.00"} | changes


def kilometres(**changes: Any) -> Row:
    """Driven kilometres of a month: 100 free, up to 1,000 at 0.20, above that at 0.15."""
    return {
        "itemIdent": "km",
        "name": "Kilometres",
        "kind": "USAGE",
        "unit": "KMT",
        "billingInterval": {"count": 1, "unit": "MONTH"},
        "pricing": {
            "model": "GRADUATED",
            "includedQuantity": "100",
            "tiers": [{"upTo": "1000", "unitPrice": "0.20"}, {"upTo": None, "unitPrice": "0.15"}],
        },
    } | changes


def option(item: Row) -> Row:
    """An item as a plan offers it."""
    return {"optionIdent": item["itemIdent"]} | {k: v for k, v in item.items() if k != "itemIdent"}


def plan(**changes: Any) -> Row:
    """A setup fee, a monthly base fee and driven kilometres."""
    return {
        "planIdent": "fleet-basic",
        "name": "Fleet Basic",
        "currency": "EUR",
        "options": [option(item) for item in (setup_fee(), base_fee(), kilometres())],
    } | changes


def usage(**changes: Any) -> Row:
    """250.5 km of contract C-1 in February 2026."""
    return {
        "eventId": "u-1",
        "contractIdent": "C-1",
        "optionIdent": "km",
        "quantity": "250.5",
        "occurredAt": "2026-02-03T08:00:00Z",
    } | changes


def contract(**changes: Any) -> Row:
    """Calendar-aligned from 15 January 2026: 17 of January's 31 days, then whole months."""
    return {
        "debtorIdent": "D-4711",
        "contractIdent": "C-1",
        "currency": "EUR",
        "date": "2026-01-10",
        "startDate": "2026-01-15",
        "alignment": "CALENDAR",
        "items": [base_fee()],
        "paymentTermDays": 14,
        "purchaseOrder": "PO-9",
    } | changes


def plan_contract(**changes: Any) -> Row:
    """The same from the plan, for terms of a year that renew, with a month's notice."""
    own = {"currency", "items"}
    return {
        **{name: value for name, value in contract().items() if name not in own},
        "planIdent": "fleet-basic",
        "minimumTerm": {"count": 12, "unit": "MONTH"},
        "noticePeriod": {"count": 1, "unit": "MONTH"},
        "renewal": "AUTO_RENEW",
    } | changes


def order(**changes: Any) -> Row:
    """Three trackers with 10 % rebate, and freight."""
    return {
        "debtorIdent": "D-4711",
        "orderIdent": "O-1",
        "orderDate": "2026-01-20",
        "billingTime": "ON_DEMAND",
        "currency": "EUR",
        "paymentTermDays": 30,
        "lines": [
            {
                "name": "Vehicle tracker",
                "quantity": "3",
                "unit": "C62",
                "unitPrice": "59.90",
                "taxCategory": "STANDARD",
                "allowances": [{"reason": "Rebate", "percent": "10"}],
            }
        ],
        "allowances": [],
        "charges": [{"reason": "Freight", "amount": "12.50", "taxCategory": "STANDARD"}],
    } | changes


SELLER = Seller(
    name="Nordlicht Software GmbH",
    street="Alsterufer 1",
    postal_code="20354",
    city="Hamburg",
    country="DE",
    vat_id="DE136695976",
    email="rechnung@nordlicht.example",
    phone="+49 40 5550-0",
    bank_account=BankAccount(iban="DE89370400440532013000"),
    creditor_id="DE98ZZZ09999999999",
)
ENTITY: Row = {
    "ident": "main",
    "seller": SELLER,
    "time_zone": "Europe/Berlin",
    "currency": "EUR",
    "payment_term_days": 14,
    "number_prefix": "RE",
    "small_business": False,
}

BILLING_ENTITY: Row = {
    "seller": {
        "name": "Nordlicht Software GmbH",
        "street": "Alsterufer 1",
        "postalCode": "20354",
        "city": "Hamburg",
        "country": "DE",
        "vatId": "DE136695976",
        "email": "rechnung@nordlicht.example",
        "phone": "+49 40 5550-0",
        "bankAccount": {"iban": "DE89370400440532013000"},
        "creditorId": "DE98ZZZ09999999999",
    },
    "currency": "EUR",
    "numberPrefix": "RE",
}
"""The same seller as a body of `PUT /v1/billing-entities/main`."""
