"""What is due with the VAT that it bears: where it is supplied, and what of it may share a document."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from msgspec import structs

from services.billing.due import Position
from services.billing.party import Party
from services.billing.tax import Parties, Supply, Tax, tax_of
from services.messages import BillingEntityDefined, ContractSigned, OrderRecorded
from services.money import ZERO
from services.values import AllowanceOrCharge, OrderLine, TaxCategory

Head = ContractSigned | OrderRecorded
"""What a contract or order says of documents: currency, addresses, payment term."""

OUTSIDE_SCOPE = "O"


@dataclass(frozen=True, slots=True)
class Taxed:
    """A position and its VAT."""

    position: Position
    tax: Tax


@dataclass(frozen=True, slots=True)
class Part:
    """Of one contract or order what may be on a document together."""

    head: Head
    taxed: Sequence[Taxed]

    @property
    def prepaid(self) -> Decimal:
        """What was collected for it before it is billed."""
        return self.head.prepaid_amount if isinstance(self.head, OrderRecorded) else ZERO

    @property
    def is_outside_scope(self) -> bool:
        return self.taxed[0].tax.category == OUTSIDE_SCOPE


@dataclass(frozen=True, slots=True)
class Taxation:
    """The VAT of what a billing entity supplies to a customer."""

    customer: Party
    entity: BillingEntityDefined

    @property
    def time_zone(self) -> ZoneInfo:
        """By whose days is billed."""
        return ZoneInfo(self.entity.time_zone)

    def parts(self, head: Head, due: Sequence[Position]) -> Iterator[Part]:
        """All that is due of a contract or order, in its order; one part, or two.

        What is outside the scope of VAT has a document of its own (EN 16931 BR-O-11 to BR-O-14).
        """
        taxed = [Taxed(position, self._tax(head, _supply(position))) for position in due]
        outside = [t for t in taxed if t.tax.category == OUTSIDE_SCOPE]
        inside = [t for t in taxed if t.tax.category != OUTSIDE_SCOPE]
        for part in filter(None, (inside, outside)):
            yield Part(_with_share(head, part), part)

    def of_adjustment(self, part: Part, category: TaxCategory) -> Tax:
        """The VAT of an order's allowance or charge, which shares the fate of what is principally supplied.

        Where both bear a rate, its own tax category decides which.
        """
        principal = _principal(part.taxed)
        position = principal.position
        own = self._tax(part.head, Supply(category, position.is_goods, position.supplied_on))
        return own if {own.category, principal.tax.category} <= {"S", "Z"} else principal.tax

    def _tax(self, head: Head, supply: Supply) -> Tax:
        """Goods are supplied where they are shipped to, services where the buyer is."""
        customer, entity = self.customer, self.entity
        shipped_to = customer.shipping_address(head.shipping_address_id) if supply.is_goods else None
        place = shipped_to or customer.invoice_address(head.invoice_address_id)
        parties = Parties(
            seller_country=entity.seller.country,
            small_business=entity.small_business,
            oss=entity.oss,
            buyer_country=place.country,
            buyer_type=customer.customer_type,
            buyer_vat_id=customer.vat_id,
        )
        return tax_of(parties, supply)


def _supply(position: Position) -> Supply:
    return Supply(position.tax_category, position.is_goods, position.supplied_on, position.explicit_tax)


def _principal(taxed: Sequence[Taxed]) -> Taxed:
    """What the rest is an accessory of: the position with the highest amount, the first of equal ones."""
    return max(taxed, key=lambda t: abs(_amount(t.position)))


def _principal_line(order: OrderRecorded) -> str:
    """Number of an order's line with the highest amount, the first of equal ones."""
    return str(max(range(len(order.lines)), key=lambda n: abs(_amount(order.lines[n]))) + 1)


def _amount(priced: Position | OrderLine) -> Decimal:
    price = priced.gross_unit_price if priced.unit_price is None else priced.unit_price
    assert price is not None
    return priced.quantity * price


def _with_share(head: Head, part: Sequence[Taxed]) -> Head:
    """An order with the share of document-level allowances and charges, and of what was prepaid, of some of its lines.

    A percentage is of each part; an amount cannot be divided and goes with what is principally supplied, also where
    only a part is billed again.
    """
    if isinstance(head, ContractSigned) or _principal_line(head) in {t.position.item for t in part}:
        return head
    return structs.replace(
        head,
        allowances=_percentages(head.allowances),
        charges=_percentages(head.charges),
        prepaid_amount=ZERO,
    )


def _percentages(given: Sequence[AllowanceOrCharge]) -> tuple[AllowanceOrCharge, ...]:
    return tuple(a for a in given if a.percent is not None)
