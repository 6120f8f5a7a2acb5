"""The overview as CSV: everything that matches, page by page, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from projections.customer_overview import CustomerFilter, CustomerItem
from projections.paging import MAX_LIMIT, Page

COLUMNS = (
    "customerId",
    "debtorIdent",
    "name",
    "accountNumber",
    "customerType",
    "city",
    "country",
    "language",
    "contractsActive",
    "openAmounts",
    "lastDocument",
    "email",
    "createdAt",
)

# A spreadsheet takes a cell for a formula that begins so (OWASP, CSV injection), also in full-width letters.
_FORMULA_SIGNS = tuple("=+-@\t\r\n＝＋－＠")

Customers = Callable[[CustomerFilter], Page[CustomerItem]]


def customers_as_csv(customers: Customers, wanted: CustomerFilter) -> Iterator[str]:
    """CSV lines (RFC 4180) of all customers that match, from the first; no connection is held between pages."""
    yield _line(COLUMNS)
    page = customers(replace(wanted, limit=MAX_LIMIT, cursor=None))
    while True:
        yield "".join(_line(_cells(item)) for item in page["items"])
        if page["cursor"] is None:
            return
        page = customers(replace(wanted, limit=MAX_LIMIT, cursor=page["cursor"]))


def neutral(text: str) -> str:
    """`text` as a cell that no spreadsheet takes for a formula: with an apostrophe before it where it looks like one."""
    return f"'{text}" if text.startswith(_FORMULA_SIGNS) else text


def _cells(item: CustomerItem) -> list[str]:
    document = item["lastDocument"]
    shown: dict[str, Any] = {
        **item,
        "openAmounts": "; ".join(f"{one['currency']} {one['amount']}" for one in item["openAmounts"]),
        "lastDocument": document and document["number"],
    }
    return [neutral("" if shown[name] is None else str(shown[name])) for name in COLUMNS]


def _line(cells: tuple[str, ...] | list[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
