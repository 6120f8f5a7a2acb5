"""What the overview's address asks for: filters, order and page, so that every view of it can be linked."""

from dataclasses import dataclass, field
from typing import ClassVar

from starlette.datastructures import QueryParams

from projections.portal.shell import with_query
from projections.views import CustomerFilter

PAGE_SIZE = 50
NEWEST_FIRST = "-createdAt"
COLUMNS = (
    "debtorIdent",
    "name",
    "accountNumber",
    "customerType",
    "city",
    "country",
    "language",
    "contractsActive",
    "openAmount",
    "lastDocument",
    "createdAt",
)


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of the overview as its address holds it; what is malformed there counts as not said."""

    columns: ClassVar = COLUMNS
    standard_sort: ClassVar = NEWEST_FIRST
    q: str | None = None
    customer_type: str | None = None
    country: str | None = None
    language: str | None = None
    has_open_amount: bool | None = None
    sort: str = NEWEST_FIRST
    cursors: list[str] = field(default_factory=list)
    """One for each page turned, so that there is a way back: the last is that of the shown page."""

    @classmethod
    def of(cls, query: QueryParams) -> "Overview":
        sort = query.get("sort", "")
        return cls(
            q=query.get("q", "").strip() or None,
            customer_type=query.get("customerType") or None,
            country=query.get("country") or None,
            language=query.get("language") or None,
            has_open_amount=True if query.get("hasOpenAmount") == "true" else None,
            sort=sort if sort.removeprefix("-") in COLUMNS else NEWEST_FIRST,
            cursors=query.getlist("cursor"),
        )

    def filter(self) -> CustomerFilter:
        return CustomerFilter(
            q=self.q,
            customer_type=self.customer_type,
            country=self.country,
            language=self.language,
            has_open_amount=self.has_open_amount,
            sort=self.sort,
            limit=PAGE_SIZE,
            cursor=self.cursors[-1] if self.cursors else None,
        )

    @property
    def is_filtered(self) -> bool:
        return any((self.q, self.customer_type, self.country, self.language, self.has_open_amount))

    @property
    def first_row(self) -> int:
        """Number of the page's first row among all that match."""
        return len(self.cursors) * PAGE_SIZE + 1

    def csv(self) -> str:
        """The API's address of everything that matches, in the same order."""
        return with_query("/v1/customers", format="csv", **self._query())

    def sorted_by(self, column: str) -> str:
        """Address of the same rows by `column`; a second time turns the order round."""
        return with_query("/", **{**self._query(), "sort": self._turned(column)})

    def next_page(self, cursor: str | None) -> str | None:
        return with_query("/", **self._query(), cursor=[*self.cursors, cursor]) if cursor else None

    def previous_page(self) -> str | None:
        return with_query("/", **self._query(), cursor=self.cursors[:-1]) if self.cursors else None

    def _turned(self, column: str) -> str:
        return f"-{column}" if self.sort == column else column

    def _query(self) -> dict[str, str | None]:
        return {
            "q": self.q,
            "customerType": self.customer_type,
            "country": self.country,
            "language": self.language,
            "hasOpenAmount": "true" if self.has_open_amount else None,
            "sort": None if self.sort == NEWEST_FIRST else self.sort,
        }
