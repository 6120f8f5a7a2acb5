"""IBM's Telco customer sample as a customer base to move in with: each row a customer with its contract and how it pays.

What the sample does not tell is made up as plainly as can be: the customer's id stands for name, account holder and the
gateway's token of a card; everybody lives in Germany and pays in euro. It knows no e-mail addresses, so nothing is e-mailed.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from infra.imports.rows import Malformed, Row, csv_rows
from services.values import add_months

Cells = dict[str, str]

FLAGS = {"Yes": True, "No": False, "1": True, "0": False}
FLAG_COLUMNS = ("SeniorCitizen", "Partner", "Dependents", "PhoneService", "PaperlessBilling")
TEXT_COLUMNS = (
    "gender",
    "MultipleLines",
    "InternetService",
    "OnlineSecurity",
    "OnlineBackup",
    "DeviceProtection",
    "TechSupport",
    "StreamingTV",
    "StreamingMovies",
)
TERM_MONTHS = {"Month-to-month": None, "One year": 12, "Two year": 24}
PAYMENT_METHODS = {
    "Bank transfer (automatic)": "BANK_TRANSFER",
    "Credit card (automatic)": "CREDIT_CARD",
    "Electronic check": "BANK_TRANSFER",
    "Mailed check": "BANK_TRANSFER",
}


def reader(
    day: date, bill_from: date | None = None
) -> Callable[[Iterable[bytes], Path], Iterator[Row | Malformed]]:
    """Reads the sample's file as rows of customers, as things stood on `day`.

    What lies before `bill_from` another system has billed.
    """
    return lambda lines, _: (_row(cells, day, bill_from) for cells in csv_rows(lines))


def _row(cells: Row | Malformed, day: date, bill_from: date | None) -> Row | Malformed:
    if isinstance(cells, Malformed):
        return cells
    try:
        return _customer(cells) | {
            "paymentAccounts": [_payment_account(cells, day)],
            "contracts": [_contract(cells, day, bill_from)],
        }
    except KeyError as unknown:
        return Malformed(f"is not a row of the Telco sample: {unknown} is missing or unknown")
    except ValueError as error:
        return Malformed(f"is not a row of the Telco sample: {error}")


def _customer(cells: Cells) -> Row:
    ident = cells["customerID"]
    flags: dict[str, Any] = {column: FLAGS[cells[column]] for column in FLAG_COLUMNS}
    texts = {column: cells[column] for column in TEXT_COLUMNS}
    return {
        "debtorIdent": ident,
        "customerType": "B2C",
        "language": "de",
        "preferredDocumentDelivery": "NONE",
        "addresses": [{"addressType": "INVOICE", "lastName": ident, "country": "DE"}],
        "properties": {_snake_case(column): value for column, value in (flags | texts).items()},
    }


def _payment_account(cells: Cells, day: date) -> Row:
    ident, method = cells["customerID"], PAYMENT_METHODS[cells["PaymentMethod"]]
    account = {
        "paymentMethod": method,
        "displayName": cells["PaymentMethod"],
        "accountHolderName": ident,
        "default": True,
    }
    if method != "CREDIT_CARD":
        return account
    card = {"brand": "Card", "lastFour": ident[:4], "expiry": f"{day.year + 2}-12"}
    return account | card | {"gatewayToken": f"telco-{ident}"}


def _contract(cells: Cells, day: date, bill_from: date | None) -> Row:
    """`tenure` months old on `day`; of who has churned it ended the day before."""
    start = add_months(day, -int(cells["tenure"]))
    term_months = TERM_MONTHS[cells["Contract"]]
    contract: Row = {
        "contractIdent": cells["customerID"],
        "currency": "EUR",
        "startDate": start.isoformat(),
        "alignment": "ANNIVERSARY",
        "items": [
            {
                "itemIdent": "monthly-charges",
                "name": "Monthly charges",
                "kind": "RECURRING",
                "unitPrice": cells["MonthlyCharges"],
                "unit": "MON",
                "billingInterval": {"count": 1, "unit": "MONTH"},
                "billingTiming": "INTERVAL_END",
            }
        ],
    }
    if bill_from and start < bill_from:
        contract["billingStartDate"] = bill_from.isoformat()
    if FLAGS[cells["Churn"]]:
        return contract | {"endDate": max(start, day - timedelta(days=1)).isoformat()}
    if term_months:
        term = {"count": term_months, "unit": "MONTH"}
        return contract | {"minimumTerm": term, "renewal": "AUTO_RENEW"}
    return contract


def _snake_case(column: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower()
