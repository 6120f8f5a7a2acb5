"""From what is due to drafts of documents: one pure function, the same for a run and for every other look at it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from services.billing.checks import check_draft
from services.billing.document import Draft
from services.billing.due import Billable, Cutoff, Position, positions
from services.billing.rating import HUNDRED, adjustment_amount, adjustments, line_amount
from services.billing.tax import Parties, Supply, Tax, exemption, tax_of
from services.messages import BillingEntityDefined, ContractSigned, CustomerCreated, OrderRecorded
from services.money import ZERO, rounded
from services.values import (
    Address,
    AddressType,
    AllowanceOrCharge,
    Buyer,
    DocumentAdjustment,
    DocumentGrouping,
    DocumentLine,
    DocumentTotals,
    LineOrigin,
    Period,
    TaxSubtotal,
)

Terms = ContractSigned | OrderRecorded


@dataclass(frozen=True, slots=True)
class Group:
    """What shares a document: one currency, invoice address, payment term and purchase order."""

    currency: str
    invoice_address_id: UUID
    payment_term_days: int
    purchase_order: str | None
    contract_id: UUID | None
    """Set where the customer wants a document per contract."""


def assemble(
    customer: CustomerCreated,
    billables: Iterable[Billable],
    entity: BillingEntityDefined,
    cutoff: Cutoff,
    issue_date: date,
) -> list[Draft]:
    """The documents that bill everything of `customer` that is due by `cutoff`, in a fixed order.

    Raises KontorError with a reason for a person where something cannot be billed.
    """
    grouped: defaultdict[Group, list[tuple[Terms, list[Position]]]] = defaultdict(list)
    for billable in sorted(billables, key=_order_of_billables):
        if due := positions(billable, cutoff):
            grouped[_group(customer, entity, billable.terms)].append((billable.terms, due))
    return [_Document(customer, entity, group, due, issue_date).draft() for group, due in grouped.items()]


def _order_of_billables(billable: Billable) -> tuple[bool, date, str]:
    terms = billable.terms
    if isinstance(terms, ContractSigned):
        return (False, terms.starts_on, terms.contract_ident)
    return (True, terms.ordered_on, terms.order_ident)


def _group(customer: CustomerCreated, entity: BillingEntityDefined, terms: Terms) -> Group:
    per_contract = customer.group_documents_by is DocumentGrouping.CONTRACT
    term = terms.payment_term_days
    return Group(
        currency=terms.currency,
        invoice_address_id=terms.invoice_address_id
        or _default_address(customer, AddressType.INVOICE).address_id,
        payment_term_days=entity.payment_term_days if term is None else term,
        purchase_order=terms.purchase_order,
        contract_id=terms.contract_id if per_contract and isinstance(terms, ContractSigned) else None,
    )


def _default_address(customer: CustomerCreated, address_type: AddressType) -> Address:
    return next(a for a in customer.addresses if a.address_type is address_type and a.default)


class _Document:
    """Builds one draft, section by section."""

    def __init__(
        self,
        customer: CustomerCreated,
        entity: BillingEntityDefined,
        group: Group,
        due: Sequence[tuple[Terms, list[Position]]],
        issue_date: date,
    ) -> None:
        self._customer = customer
        self._entity = entity
        self._group = group
        self._due = due
        self._issue_date = issue_date
        self._currency = group.currency

    def draft(self) -> Draft:
        lines = tuple(self._lines())
        allowances = tuple(self._order_adjustments(lines, "allowances"))
        charges = tuple(self._order_adjustments(lines, "charges"))
        taxes = self._taxes(lines, allowances, charges)
        draft = Draft(
            billing_entity_id=self._entity.billing_entity_id,
            customer_id=self._customer.customer_id,
            debtor_ident=self._customer.debtor_ident,
            issue_date=self._issue_date,
            due_date=self._issue_date + timedelta(days=self._group.payment_term_days),
            currency=self._currency,
            language=self._customer.language,
            seller=self._entity.seller,
            buyer=self._buyer(),
            lines=lines,
            taxes=taxes,
            totals=self._totals(lines, allowances, charges, taxes),
            allowances=allowances,
            charges=charges,
            payment_term_days=self._group.payment_term_days,
            purchase_order=self._group.purchase_order,
            supply_date=max(p.supplied_on for _, due in self._due for p in due),
        )
        check_draft(draft)
        return draft

    # -- parties --------------------------------------------------------------------------------

    def _buyer(self) -> Buyer:
        customer, address = self._customer, self._address(self._group.invoice_address_id)
        return Buyer(
            name=address.name,
            address=address,
            account_number=customer.account_number,
            vat_id=customer.vat_id,
            contact_person=customer.contact_person,
            email=address.email or customer.email,
            buyer_reference=customer.e_invoicing.buyer_reference if customer.e_invoicing else None,
        )

    def _address(self, address_id: UUID) -> Address:
        return next(a for a in self._customer.addresses if a.address_id == address_id)

    # -- lines ----------------------------------------------------------------------------------

    def _lines(self) -> Iterator[DocumentLine]:
        number = 0
        for terms, due in self._due:
            for position in due:
                number += 1
                yield self._line(number, terms, position)

    def _line(self, number: int, terms: Terms, position: Position) -> DocumentLine:
        amount = line_amount(position.quantity, position.unit_price, self._currency)
        allowances = adjustments(position.allowances, amount, self._currency)
        charges = adjustments(position.charges, amount, self._currency)
        supply = Supply(position.tax_category, position.is_goods, position.supplied_on, position.explicit_tax)
        tax = self._tax(terms, supply)
        interval = position.period
        return DocumentLine(
            line=number,
            name=position.name,
            quantity=position.quantity,
            unit=position.unit,
            unit_price=position.unit_price,
            net=amount - sum((a.amount for a in allowances), ZERO) + sum((c.amount for c in charges), ZERO),
            tax_category=tax.category,
            tax_rate=tax.rate,
            origin=_origin(terms, position),
            period=Period(first=interval.first, last=interval.last) if interval else None,
            supplied_on=None if interval else position.supplied_on,
            allowances=allowances,
            charges=charges,
        )

    def _tax(self, terms: Terms, supply: Supply) -> Tax:
        """Goods are taxed where they are shipped to, services where the buyer is."""
        customer, entity = self._customer, self._entity
        address_id = terms.shipping_address_id if supply.is_goods else None
        place = self._address(address_id or self._group.invoice_address_id)
        parties = Parties(
            seller_country=entity.seller.country,
            small_business=entity.small_business,
            buyer_country=place.country,
            buyer_type=customer.customer_type,
            buyer_vat_id=customer.vat_id,
        )
        return tax_of(parties, supply)

    # -- document level -------------------------------------------------------------------------

    def _order_adjustments(self, lines: Sequence[DocumentLine], kind: str) -> Iterator[DocumentAdjustment]:
        for terms, _ in self._due:
            if isinstance(terms, OrderRecorded):
                base = sum((line.net for line in lines if line.origin.id == terms.order_id), ZERO)
                given: tuple[AllowanceOrCharge, ...] = getattr(terms, kind)
                for adjustment in given:
                    yield self._order_adjustment(terms, adjustment, base)

    def _order_adjustment(
        self, order: OrderRecorded, given: AllowanceOrCharge, base: Decimal
    ) -> DocumentAdjustment:
        tax = self._tax(order, Supply(given.tax_category, False, order.ordered_on))
        return DocumentAdjustment(
            reason=given.reason,
            amount=adjustment_amount(given, base, self._currency),
            tax_category=tax.category,
            tax_rate=tax.rate,
            percent=given.percent,
        )

    def _taxes(
        self,
        lines: Sequence[DocumentLine],
        allowances: Sequence[DocumentAdjustment],
        charges: Sequence[DocumentAdjustment],
    ) -> tuple[TaxSubtotal, ...]:
        """VAT per category and rate, rounded half up once on the sum (BR-CO-17)."""
        taxable: defaultdict[Tax, Decimal] = defaultdict(Decimal)
        for line in lines:
            taxable[Tax(line.tax_category, line.tax_rate)] += line.net
        for allowance in allowances:
            taxable[Tax(allowance.tax_category, allowance.tax_rate)] -= allowance.amount
        for charge in charges:
            taxable[Tax(charge.tax_category, charge.tax_rate)] += charge.amount
        ordered = sorted(taxable.items(), key=lambda entry: (entry[0].category, -entry[0].rate))
        return tuple(self._subtotal(tax, amount) for tax, amount in ordered)

    def _subtotal(self, tax: Tax, taxable: Decimal) -> TaxSubtotal:
        code, text = exemption(tax.category, self._customer.language)
        return TaxSubtotal(
            category=tax.category,
            rate=tax.rate,
            taxable=taxable,
            tax=rounded(taxable * tax.rate / HUNDRED, self._currency),
            exemption_code=code,
            exemption_text=text,
        )

    def _totals(
        self,
        lines: Sequence[DocumentLine],
        allowances: Sequence[DocumentAdjustment],
        charges: Sequence[DocumentAdjustment],
        taxes: Sequence[TaxSubtotal],
    ) -> DocumentTotals:
        zero = rounded(ZERO, self._currency)
        line_sum = sum((line.net for line in lines), zero)
        allowance_sum = sum((a.amount for a in allowances), zero)
        charge_sum = sum((c.amount for c in charges), zero)
        net = line_sum - allowance_sum + charge_sum
        tax = sum((t.tax for t in taxes), zero)
        return DocumentTotals(
            lines=line_sum, allowances=allowance_sum, charges=charge_sum, net=net, tax=tax, gross=net + tax
        )


def _origin(terms: Terms, position: Position) -> LineOrigin:
    if isinstance(terms, ContractSigned):
        return LineOrigin(
            type="CONTRACT", ident=terms.contract_ident, id=terms.contract_id, item=position.item
        )
    return LineOrigin(type="ORDER", ident=terms.order_ident, id=terms.order_id, item=position.item)
