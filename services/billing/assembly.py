"""From what is due to drafts of documents: one pure function, the same for a run and for every other look at it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from msgspec import structs

from services.billing.as_due import check_as_due
from services.billing.checks import check_draft
from services.billing.complete import check_complete
from services.billing.document import Draft
from services.billing.due import Billable, Cutoff, Position, Terms, positions
from services.billing.gross import rounding_to_agreed
from services.billing.money_back import as_credit_note, is_money_back
from services.billing.party import Party
from services.billing.paying import payment_means
from services.billing.rating import HUNDRED, adjustment_amount, adjustments, line_amount, net_price
from services.billing.sellers import Sellers, shown
from services.billing.shipping import apart, delivered_to
from services.billing.sums import Vat, totals_of
from services.billing.tax import Tax
from services.billing.taxed import Head, Part, Taxation, Taxed
from services.messages import ContractSigned, OrderRecorded
from services.money import ZERO, rounded
from services.terms import ContractTerms
from services.values import (
    AllowanceOrCharge,
    Buyer,
    DocumentAdjustment,
    DocumentGrouping,
    DocumentLine,
    DocumentTotals,
    EInvoiceFormat,
    LineOrigin,
    TaxSubtotal,
)


@dataclass(frozen=True, slots=True)
class Group:
    """What shares a document: one seller, currency, invoice address, payment term, purchase order and scope of VAT."""

    billing_entity_id: UUID
    currency: str
    invoice_address_id: UUID
    payment_term_days: int
    purchase_order: str | None
    contract_id: UUID | None
    """Set where the customer wants a document per contract."""
    is_outside_scope: bool


def assemble(
    customer: Party,
    billables: Iterable[Billable],
    sellers: Sellers,
    cutoff: Cutoff,
) -> list[Draft]:
    """The documents that bill everything of `customer` that is due by `cutoff`, in a fixed order.

    Raises KontorError with a reason for a person where something cannot be billed.
    """
    grouped: defaultdict[Group, list[Part]] = defaultdict(list)
    for billable in sorted(billables, key=lambda billable: _order(_head(billable.terms))):
        taxation = Taxation(customer, sellers.of(_head(billable.terms), customer))
        if due := positions(billable, cutoff.in_zone(taxation.time_zone)):
            for part in taxation.parts(_head(billable.terms), due):
                grouped[_group(taxation, part)].append(part)
    return [
        _document(Taxation(customer, sellers.with_id(group.billing_entity_id)), group, document, cutoff)
        for group, parts in grouped.items()
        for document in apart(customer, parts)
    ]


def _document(taxation: Taxation, group: Group, parts: Sequence[Part], cutoff: Cutoff) -> Draft:
    """Issued on the day on which the seller bills."""
    return _Document(taxation, group, parts, cutoff.in_zone(taxation.time_zone).begins_by).draft()


def _head(terms: Terms) -> Head:
    return terms.signed if isinstance(terms, ContractTerms) else terms


def _order(head: Head) -> tuple[bool, date, str]:
    if isinstance(head, ContractSigned):
        return (False, head.starts_on, head.contract_ident)
    return (True, head.ordered_on, head.order_ident)


def _group(taxation: Taxation, part: Part) -> Group:
    customer, entity, head = taxation.customer, taxation.entity, part.head
    per_contract = customer.group_documents_by is DocumentGrouping.CONTRACT
    term = head.payment_term_days
    return Group(
        billing_entity_id=entity.billing_entity_id,
        currency=head.currency,
        invoice_address_id=customer.invoice_address(head.invoice_address_id).address_id,
        payment_term_days=entity.payment_term_days if term is None else term,
        purchase_order=head.purchase_order,
        contract_id=head.contract_id if per_contract and isinstance(head, ContractSigned) else None,
        is_outside_scope=part.is_outside_scope,
    )


class _Document:
    """Builds one draft, section by section."""

    def __init__(self, taxation: Taxation, group: Group, parts: Sequence[Part], issue_date: date) -> None:
        self._taxation = taxation
        self._customer = taxation.customer
        self._entity = taxation.entity
        self._group = group
        self._parts = parts
        self._issue_date = issue_date
        self._currency = group.currency

    def draft(self) -> Draft:
        lines = tuple(self._lines())
        allowances = tuple(self._order_adjustments(lines, "allowances"))
        charges = tuple(self._order_adjustments(lines, "charges"))
        taxes = self._taxes(lines, allowances, charges)
        totals = self._totals(lines, allowances, charges, taxes)
        buyer = self._buyer()
        draft = Draft(
            billing_entity_id=self._entity.billing_entity_id,
            customer_id=self._customer.customer_id,
            debtor_ident=self._customer.debtor_ident,
            issue_date=self._issue_date,
            due_date=self._issue_date + timedelta(days=self._group.payment_term_days),
            currency=self._currency,
            language=self._customer.language,
            seller=shown(self._entity, self._customer.language),
            buyer=buyer,
            lines=lines,
            taxes=taxes,
            totals=totals,
            allowances=allowances,
            charges=charges,
            payment_term_days=self._group.payment_term_days,
            purchase_order=self._group.purchase_order,
            supply_date=max(t.position.supplied_on for part in self._parts for t in part.taxed),
            payment_means=payment_means(self._customer, totals.due, self._currency),
            deliver_to=delivered_to(self._customer, self._parts, buyer.address),
            e_invoice=self._e_invoice(),
            delivery=self._customer.preferred_document_delivery,
        )
        issued = as_credit_note(draft) if is_money_back(draft) else draft
        check_as_due(issued, self._taxation, self._parts)
        check_draft(issued)
        check_complete(issued, self._entity.ident)
        return issued

    # -- parties --------------------------------------------------------------------------------

    def _buyer(self) -> Buyer:
        customer = self._customer
        address = customer.invoice_address(self._group.invoice_address_id)
        return Buyer(
            name=address.name,
            address=address,
            account_number=customer.account_number,
            vat_id=customer.vat_id,
            contact_person=customer.contact_person,
            email=address.email or customer.email,
            buyer_reference=customer.e_invoicing.buyer_reference if customer.e_invoicing else None,
        )

    def _e_invoice(self) -> EInvoiceFormat:
        wanted = self._customer.e_invoicing
        return wanted.format if wanted else EInvoiceFormat.ZUGFERD

    # -- lines ----------------------------------------------------------------------------------

    def _lines(self) -> Iterator[DocumentLine]:
        number = 0
        for part in self._parts:
            for taxed in part.taxed:
                number += 1
                yield self._line(number, part.head, taxed)

    def _line(self, number: int, head: Head, taxed: Taxed) -> DocumentLine:
        position, tax = taxed.position, taxed.tax
        unit_price = self._net_price(position, tax)
        amount = line_amount(position.quantity, unit_price, self._currency)
        allowances = adjustments(position.allowances, amount, self._currency)
        charges = adjustments(position.charges, amount, self._currency)
        return DocumentLine(
            line=number,
            name=position.name,
            quantity=position.quantity,
            unit=position.unit,
            unit_price=unit_price,
            net=amount - sum((a.amount for a in allowances), ZERO) + sum((c.amount for c in charges), ZERO),
            tax_category=tax.category,
            tax_rate=tax.rate,
            origin=_origin(head, position),
            period=position.period,
            supplied_on=None if position.period else position.supplied_on,
            allowances=allowances,
            charges=charges,
            usage=position.usage,
        )

    def _net_price(self, position: Position, tax: Tax) -> Decimal:
        if position.unit_price is not None:
            return position.unit_price
        assert position.gross_unit_price is not None
        return net_price(position.gross_unit_price, position.quantity, tax.rate, self._currency)

    # -- document level -------------------------------------------------------------------------

    def _order_adjustments(self, lines: Sequence[DocumentLine], kind: str) -> Iterator[DocumentAdjustment]:
        for part in self._parts:
            if isinstance(head := part.head, OrderRecorded):
                base = sum((line.net for line in lines if line.origin.id == head.order_id), ZERO)
                given: tuple[AllowanceOrCharge, ...] = getattr(head, kind)
                for adjustment in given:
                    yield self._order_adjustment(part, adjustment, base)

    def _order_adjustment(self, part: Part, given: AllowanceOrCharge, base: Decimal) -> DocumentAdjustment:
        tax = self._taxation.of_adjustment(part, given.tax_category)
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
        taxable: defaultdict[Vat, Decimal] = defaultdict(Decimal)
        for line in lines:
            taxable[line.tax_category, line.tax_rate] += line.net
        for allowance in allowances:
            taxable[allowance.tax_category, allowance.tax_rate] -= allowance.amount
        for charge in charges:
            taxable[charge.tax_category, charge.tax_rate] += charge.amount
        ordered = sorted(taxable.items(), key=lambda entry: (entry[0][0], -entry[0][1]))
        return tuple(self._subtotal(vat, amount) for vat, amount in ordered)

    def _totals(
        self,
        lines: Sequence[DocumentLine],
        allowances: Sequence[DocumentAdjustment],
        charges: Sequence[DocumentAdjustment],
        taxes: Sequence[TaxSubtotal],
    ) -> DocumentTotals:
        """With what was prepaid of its orders, and with what rounding makes of gross prices."""
        prepaid = sum((part.prepaid for part in self._parts), ZERO)
        totals = totals_of(lines, allowances, charges, taxes, self._currency, prepaid)
        rounding = rounding_to_agreed(self._parts, lines, totals.gross, self._currency)
        return structs.replace(totals, rounding=rounding)

    def _subtotal(self, vat: Vat, taxable: Decimal) -> TaxSubtotal:
        category, rate = vat
        code, text = self._exemption(vat)
        return TaxSubtotal(
            category=category,
            rate=rate,
            taxable=taxable,
            tax=rounded(taxable * rate / HUNDRED, self._currency),
            exemption_code=code,
            exemption_text=text,
        )

    def _exemption(self, vat: Vat) -> tuple[str | None, str | None]:
        """Why a subtotal bears no VAT: all that its lines say, under a code if it is the same for all."""
        taxes = [t.tax for part in self._parts for t in part.taxed if (t.tax.category, t.tax.rate) == vat]
        reasons = [tax.exemption for tax in taxes if tax.exemption]
        codes = {reason.code for reason in reasons}
        texts = dict.fromkeys(reason.text(self._customer.language) for reason in reasons)
        return codes.pop() if len(codes) == 1 else None, " ".join(texts) or None


def _origin(head: Head, position: Position) -> LineOrigin:
    if isinstance(head, ContractSigned):
        return LineOrigin(type="CONTRACT", ident=head.contract_ident, id=head.contract_id, item=position.item)
    return LineOrigin(type="ORDER", ident=head.order_ident, id=head.order_id, item=position.item)
