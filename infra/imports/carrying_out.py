"""Carrying out rows of customers, contracts and orders: what is new in them is done, what is done is passed over."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from infra.imports.asks import IDENTS, Answer, Ask, Kind, asks_of
from infra.imports.rejects import Reject
from infra.imports.rows import Row
from services.customer.application import CustomerApplication
from services.customer.commands.card_numbers import CardNumberSent, refuse_card_numbers
from services.errors import FieldError, KontorError

Numbered = tuple[int, Row]


@dataclass(slots=True)
class Taken:
    """What became of some rows: how many were created, how many were there already, and the rejects."""

    created: int = 0
    unchanged: int = 0
    rejects: list[Reject] = field(default_factory=list)


@dataclass(slots=True)
class _RowAsked:
    """A row with its commands, and what became of them."""

    number: int
    row: Row
    asks: tuple[Ask, ...]
    created: bool = False
    errors: list[FieldError] = field(default_factory=list)


class RowImport:
    """Imports rows side by side in `threads`, so that they share commits."""

    rows_at_once = 256

    def __init__(
        self, kind: Kind, application: CustomerApplication, actor: str, threads: ThreadPoolExecutor
    ) -> None:
        self._kind = kind
        self._application = application
        self._actor = actor
        self._threads = threads

    def take(self, batch: Sequence[Numbered]) -> Taken:
        """Import rows; of several with the same ident the first in the file wins."""
        rows = [_RowAsked(number, row, asks_of(self._kind, row, self._actor)) for number, row in batch]
        done = self._application.log_index.answered([ask.id for each in rows for ask in each.asks])
        namesakes: defaultdict[str, list[_RowAsked]] = defaultdict(list)
        for each in rows:
            if any(ask.id not in done for ask in each.asks):
                namesakes[str(each.row.get(IDENTS[self._kind]) or each.asks[0].id)].append(each)
        list(self._threads.map(lambda several: self._carry_out(several, done), namesakes.values()))
        return Taken(
            created=sum(each.created and not each.errors for each in rows),
            unchanged=sum(not each.created and not each.errors for each in rows),
            rejects=[Reject(each.number, self._kept(each.row), each.errors) for each in rows if each.errors],
        )

    def _carry_out(self, rows: Iterable[_RowAsked], done: set[UUID]) -> None:
        """Do what is not done yet, one after the other; what belongs to a refused customer is left out."""
        for row in rows:
            itself, *parts = row.asks
            if answer := self._answer(row, itself, done, None):
                customer_id = UUID(answer["customerId"])
                for part in parts:
                    if part.id not in done:
                        self._answer(row, part, done, customer_id)

    def _answer(self, row: _RowAsked, ask: Ask, done: set[UUID], customer_id: UUID | None) -> Answer | None:
        """The answer to a command, which is carried out if it is not done; None where it is refused."""
        if ask.id in done:
            return self._application.log_index.answer_to(ask.id, ask.asked.request_hash)
        try:
            answer = ask.carry_out(self._application, customer_id)
        except (KontorError, ValidationError) as error:
            row.errors += ask.refused(error)
            return None
        row.created = True
        done.add(ask.id)
        return answer

    def _kept(self, row: Row) -> Row | None:
        """What the rejects hold of a row: of a customer's with a card number, nothing."""
        return None if self._kind == "customers" and _holds_card_number(row) else row


def _holds_card_number(value: Any) -> bool:
    match value:
        case dict():
            return any(map(_holds_card_number, (*value, *value.values())))
        case list():
            return any(map(_holds_card_number, value))
    try:
        refuse_card_numbers(value)
    except CardNumberSent:
        return True
    return False
