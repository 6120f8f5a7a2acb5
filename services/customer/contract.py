"""The contract: what a customer agreed to pay, once or at intervals, and what becomes of it."""

from collections.abc import Callable
from datetime import date, datetime
from typing import ClassVar, Self, TypeVar
from uuid import UUID

from msgspec import structs

from services.customer.amendment import Amendment, amended
from services.customer.items import CALENDAR_NEEDS, check_items, described, fits_calendar, length
from services.customer.notice import first_term_end, ordinary_end
from services.errors import FieldError, InvalidFields, NotFound, Refused
from services.events import Aggregate, FirstEvent
from services.messages import (
    ContractAmended,
    ContractCancelled,
    ContractPaused,
    ContractResumed,
    ContractSigned,
    ContractTerminated,
    Message,
)
from services.terms import ContractChange, ContractTerms
from services.values import (
    Alignment,
    Discount,
    Duration,
    Item,
    ItemChange,
    ItemKind,
    PlanReference,
    Renewal,
    TerminationKind,
)

M = TypeVar("M", bound=Message)

# -- refusals -----------------------------------------------------------------------------------


class ContractIdentTaken(Refused):
    """A contract ident belongs to one contract only."""

    def __init__(self, contract_ident: str) -> None:
        super().__init__(f"Contract ident {contract_ident!r} is taken; choose another one.")


class ContractNotFound(NotFound):
    """There is no such contract."""


class ContractIsCancelled(Refused):
    """A cancelled contract cannot be changed: it is as if it had never been."""


class OutsideContract(Refused):
    """A change of a contract takes effect on one of its days."""

    def __init__(self, day: date, terms: ContractTerms) -> None:
        end = f"to {terms.last_day}" if terms.last_day else "on"
        super().__init__(
            f"{day} is not a day of the contract, which runs from {terms.signed.starts_on} {end}."
        )


class AlreadyPaused(Refused):
    """A contract can be paused only from a day on which it is active."""


class NotPaused(Refused):
    """A contract can be resumed only from a day on which it is paused."""


class NoticeTooShort(Refused):
    """An ordinary termination keeps the notice period and the term of the contract."""


class EndsAlready(Refused):
    """A termination is earlier than the end that the contract has already."""


class ContractIsBilled(Refused):
    """A contract can be cancelled only while nothing of it was billed; terminate it instead."""


# -- the contract -------------------------------------------------------------------------------


class Contract(Aggregate):
    """Items that are billed from the first to the last day of the contract; what was done to it is in its terms."""

    TOPIC: ClassVar[str] = "customer.Contract"

    def __init__(self) -> None:
        self.terms: ContractTerms

    # -- events ---------------------------------------------------------------------------------

    class Event(Aggregate.Event):
        MESSAGE: ClassVar[type[ContractChange]]

        contract_id: UUID
        customer_id: UUID

        def apply(self, aggregate: "Contract") -> None:
            aggregate.terms = aggregate.terms.after(_message(self, self.MESSAGE))

    class Signed(FirstEvent, Event):
        TOPIC: ClassVar[str] = "customer.ContractSigned"

        contract_ident: str
        currency: str
        signed_on: date
        starts_on: date
        alignment: Alignment
        items: tuple[Item, ...]
        ends_on: date | None = None
        billing_starts_on: date | None = None
        payment_term_days: int | None = None
        purchase_order: str | None = None
        invoice_address_id: UUID | None = None
        shipping_address_id: UUID | None = None
        plan: PlanReference | None = None
        overrides: tuple[ItemChange, ...] = ()
        minimum_term: Duration | None = None
        notice_period: Duration | None = None
        renewal: Renewal = Renewal.AUTO_RENEW
        discounts: tuple[Discount, ...] = ()
        billing_entity: str | None = None

        def apply(self, aggregate: "Contract") -> None:
            aggregate.terms = ContractTerms(signed=_message(self, ContractSigned))

    class Amended(Event):
        TOPIC: ClassVar[str] = "customer.ContractAmended"
        MESSAGE = ContractAmended

        effective_on: date
        changes: tuple[ItemChange, ...] = ()
        added: tuple[Item, ...] = ()
        removed: tuple[str, ...] = ()
        plan: PlanReference | None = None

    class Paused(Event):
        TOPIC: ClassVar[str] = "customer.ContractPaused"
        MESSAGE = ContractPaused

        paused_from: date

    class Resumed(Event):
        TOPIC: ClassVar[str] = "customer.ContractResumed"
        MESSAGE = ContractResumed

        resumed_from: date

    class Terminated(Event):
        TOPIC: ClassVar[str] = "customer.ContractTerminated"
        MESSAGE = ContractTerminated

        kind: TerminationKind
        noticed_on: date
        terminates_on: date
        reason: str | None = None

    class Cancelled(Event):
        TOPIC: ClassVar[str] = "customer.ContractCancelled"
        MESSAGE = ContractCancelled

        reason: str | None = None

    # -- decisions ------------------------------------------------------------------------------

    @classmethod
    def sign(cls, agreed: ContractSigned, *, options: int = 0, now: datetime) -> Self:
        """A new contract as agreed; the first `options` of its items come from its plan.

        A term that does not renew gives the contract its end.
        """
        signed = structs.replace(agreed, ends_on=agreed.ends_on or _end_of_term(agreed))
        _check_end(signed)
        check_items(signed.items[options:], "items", "itemIdent")
        _check_own_idents(signed.items, options)
        _check_calendar(signed, options)
        _check_discounts(signed)
        return cls._create(cls.Signed, id=signed.contract_id, timestamp=now, **structs.asdict(signed))

    def amend(self, amendment: Amendment, now: datetime) -> None:
        """Change, add or remove items from a day on, also one that is over; nothing happens if nothing differs."""
        self._check_within(amendment.effective_on)
        if recorded := amended(self.terms, amendment):
            self.trigger_event(Contract.Amended, timestamp=now, **structs.asdict(recorded))

    def pause(self, paused_from: date, now: datetime) -> None:
        """Pause from a day on, up to the day it is resumed from, if that is known already."""
        self._check_within(paused_from)
        if self.terms.is_paused_on(paused_from):
            raise AlreadyPaused(f"The contract is paused on {paused_from}; resume it first.")
        self._trigger(Contract.Paused, now, paused_from=paused_from)

    def resume(self, resumed_from: date, now: datetime) -> None:
        """End a pause; from its first day on that takes it back."""
        self._check_within(resumed_from)
        if not self.terms.is_paused_on(resumed_from):
            raise NotPaused(f"The contract is not paused on {resumed_from}.")
        self._trigger(Contract.Resumed, now, resumed_from=resumed_from)

    def terminate(
        self,
        kind: TerminationKind,
        *,
        noticed_on: date,
        terminates_on: date | None,
        reason: str | None,
        now: datetime,
    ) -> None:
        """End the contract after a last day: without one, the earliest that notice and term allow, or the notice's."""
        self._check_not_cancelled()
        if kind is TerminationKind.ORDINARY:
            last_day = self._ordinary_end(noticed_on, terminates_on)
        else:
            last_day = terminates_on or noticed_on
            _check_reason(reason)
        if last_day < self.terms.signed.starts_on:
            raise OutsideContract(last_day, self.terms)
        if self.terms.last_day and last_day >= self.terms.last_day:
            raise EndsAlready(f"The contract ends on {self.terms.last_day}, which is not after {last_day}.")
        self._trigger(
            Contract.Terminated, now, kind=kind, noticed_on=noticed_on, terminates_on=last_day, reason=reason
        )

    def cancel(self, reason: str | None, anything_billed: Callable[[UUID], bool], now: datetime) -> None:
        """Make the contract one that never was, unless `anything_billed` of it."""
        self._check_not_cancelled()
        if anything_billed(self.id):
            raise ContractIsBilled(
                "Something of the contract is billed: terminate it, or cancel its documents first."
            )
        self._trigger(Contract.Cancelled, now, reason=reason)

    @property
    def customer_id(self) -> UUID:
        return self.terms.signed.customer_id

    def _trigger(self, event: type[Event], now: datetime, **what: object) -> None:
        self.trigger_event(event, timestamp=now, contract_id=self.id, customer_id=self.customer_id, **what)

    def _ordinary_end(self, noticed_on: date, wanted: date | None) -> date:
        allowed = ordinary_end(self.terms.signed, noticed_on, wanted)
        if wanted and allowed != wanted:
            raise NoticeTooShort(
                f"With notice on {noticed_on} the contract cannot end on {wanted}, but on {allowed}."
            )
        return allowed

    def _check_within(self, day: date) -> None:
        self._check_not_cancelled()
        last_day = self.terms.last_day
        if day < self.terms.signed.starts_on or (last_day and day > last_day):
            raise OutsideContract(day, self.terms)

    def _check_not_cancelled(self) -> None:
        if self.terms.cancelled:
            raise ContractIsCancelled(f"Contract {self.terms.signed.contract_ident!r} is cancelled.")


def _message(event: Aggregate.Event, kind: type[M]) -> M:
    """An event as its public message, which has the same fields (docs/decisions/0003)."""
    return kind(**{name: getattr(event, name) for name in kind.__struct_fields__})


# -- what was agreed ----------------------------------------------------------------------------


def _end_of_term(agreed: ContractSigned) -> date | None:
    if agreed.minimum_term is None or agreed.renewal is Renewal.AUTO_RENEW:
        return None
    return first_term_end(agreed.starts_on, agreed.minimum_term)


def _check_end(signed: ContractSigned) -> None:
    if signed.ends_on is None:
        return
    if signed.ends_on < signed.starts_on:
        raise InvalidFields(FieldError("endDate", "is before startDate", signed.ends_on.isoformat()))
    if signed.renewal is Renewal.AUTO_RENEW:
        raise InvalidFields(
            FieldError("renewal", "a contract with an endDate does not renew; send NONE", signed.renewal)
        )
    if signed.minimum_term and signed.ends_on < first_term_end(signed.starts_on, signed.minimum_term):
        raise InvalidFields(
            FieldError("endDate", "is before the end of minimumTerm", signed.ends_on.isoformat())
        )


def _check_own_idents(items: tuple[Item, ...], options: int) -> None:
    of_plan = {item.item_ident for item in items[:options]}
    for index, item in enumerate(items[options:]):
        if item.item_ident in of_plan:
            raise InvalidFields(
                FieldError(
                    f"items[{index}].itemIdent", "is an option of the plan; use overrides", item.item_ident
                )
            )


def _check_calendar(signed: ContractSigned, options: int) -> None:
    """Calendar intervals begin on the first of a month; what the plan offers may not."""
    if signed.alignment is not Alignment.CALENDAR:
        return
    for index, item in enumerate(signed.items):
        if item.billing_interval is None or fits_calendar(item.billing_interval):
            continue
        if index < options:
            message = f"option {item.item_ident!r} is {described(item)}; {CALENDAR_NEEDS}"
            raise InvalidFields(FieldError("alignment", message, signed.alignment))
        path = f"items[{index - options}].billingInterval"
        raise InvalidFields(FieldError(path, CALENDAR_NEEDS, length(item.billing_interval)))


def _check_discounts(signed: ContractSigned) -> None:
    """A discount is on recurring items, an amount on one of them: it would not be clear which one it makes cheaper."""
    recurring = [item.item_ident for item in signed.items if item.kind is ItemKind.RECURRING]
    for index, discount in enumerate(signed.discounts):
        path = f"discounts[{index}].{'optionIdent' if signed.plan else 'itemIdent'}"
        if discount.item_ident and discount.item_ident not in recurring:
            message = "is not a RECURRING item of the contract"
            raise InvalidFields(FieldError(path, message, discount.item_ident))
        if not recurring:
            raise InvalidFields(FieldError(f"discounts[{index}]", "the contract has no RECURRING item"))
        if discount.amount and not discount.item_ident and len(recurring) > 1:
            raise InvalidFields(FieldError(path, "say which item the amount is for, or give a percent"))


def _check_reason(reason: str | None) -> None:
    if not reason:
        raise InvalidFields(FieldError("reason", "is needed for an EXTRAORDINARY termination"))
