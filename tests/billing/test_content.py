"""What documents say beside what is billed: how they are paid, where it went, and what an e-invoice cannot do without."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.billing.assembly import assemble
from services.billing.complete import Incomplete
from services.billing.document import Draft
from services.billing.due import Billable, Cutoff
from services.billing.party import Party
from services.billing.sellers import Sellers
from services.messages import BillingEntityDefined, DocumentType, OrderRecorded
from services.money import minor_unit, rounded
from services.values import (
    Address,
    AddressType,
    BillingTime,
    DocumentDelivery,
    EInvoiceFormat,
    EInvoicing,
    ExplicitTax,
    ItemCategory,
    OrderLine,
    PaymentAccount,
    PaymentMeans,
    PaymentMethod,
)
from tests import examples
from tests.billing.contracts import SOMEBODY
from tests.billing.stories import CREATED

UP_TO = date(2026, 1, 31)
LEITWEG_ID = "04011000-12345-03"


def address(country: str = "DE", kind: AddressType = AddressType.INVOICE, **changes: Any) -> Address:
    given = {"company": "Beispiel GmbH", "postal_code": "20354", "city": "Hamburg", "street": "Alsterufer"}
    fields = {"address_id": UUID(int=1), "default": True} | given | changes
    return Address(address_type=kind, country=country, **fields)


def shipping(number: int, city: str, country: str = "DE", **changes: Any) -> Address:
    """The first of them is the default."""
    fields = {"address_id": UUID(int=number), "default": number == 11, "city": city} | changes
    return address(country, AddressType.SHIPPING, **fields)


def customer(*addresses: Address, **changes: Any) -> Party:
    given = {"addresses": addresses or (address(),), "vat_id": "FR40303265045"} | changes
    return structs.replace(Party.of(CREATED), **given)


def account(method: PaymentMethod, **fields: Any) -> tuple[PaymentAccount, ...]:
    """One before, and the default one."""
    other = PaymentAccount(payment_account_id=UUID(int=1), payment_method=PaymentMethod.PAY_PAL)
    given = {"account_holder_name": "Beispiel GmbH"} | fields
    chosen = PaymentAccount(payment_account_id=UUID(int=2), payment_method=method, default=True, **given)
    return other, chosen


DEBITED = account(
    PaymentMethod.DIRECT_DEBIT,
    iban="DE89370400440532013000",
    mandate_reference="M-1",
    mandate_date=date(2026, 1, 2),
)


def order(number: int = 10, price: str = "100", goods: bool = False, **changes: Any) -> OrderRecorded:
    line = OrderLine(
        name="Tracker",
        quantity=Decimal(1),
        unit_price=Decimal(price),
        item_category=ItemCategory.PHYSICAL_PRODUCT if goods else ItemCategory.SERVICE,
        tax=changes.pop("tax", None),
    )
    given = {"currency": "EUR", "lines": (line,)} | changes
    return OrderRecorded(
        order_id=UUID(int=number),
        customer_id=SOMEBODY,
        order_ident=f"O-{number}",
        ordered_on=date(2026, 1, 20),
        billing_time=BillingTime.ON_DEMAND,
        **given,
    )


def seller(**changes: Any) -> BillingEntityDefined:
    entity = examples.ENTITY | {"seller": structs.replace(examples.SELLER, **changes)}
    return BillingEntityDefined(billing_entity_id=UUID(int=9), **entity)


def documents(of: Party, *orders: OrderRecorded, by: BillingEntityDefined | None = None) -> Sequence[Draft]:
    billables = [Billable(one.order_id, one, {}) for one in orders]
    return assemble(of, billables, Sellers([by or seller()]), Cutoff(UP_TO, UP_TO))


def document(of: Party, *orders: OrderRecorded, by: BillingEntityDefined | None = None) -> Draft:
    [found] = documents(of, *(orders or (order(),)), by=by)
    return found


# -- payment means ------------------------------------------------------------------------------


def test_the_default_payment_account_says_how_a_document_is_paid() -> None:
    assert document(customer(payment_accounts=DEBITED)).payment_means == PaymentMeans(
        method=PaymentMethod.DIRECT_DEBIT,
        account_holder_name="Beispiel GmbH",
        iban="DE89370400440532013000",
        mandate_reference="M-1",
        mandate_date=date(2026, 1, 2),
    )


def test_of_a_card_a_document_says_its_brand_and_last_digits_and_never_its_token() -> None:
    card = {"gateway_token": "tok_1", "brand": "Visa", "last_four": "4242", "expiry": "2028-05"}
    paid = document(customer(payment_accounts=account(PaymentMethod.CREDIT_CARD, **card))).payment_means
    holder = {"account_holder_name": "Beispiel GmbH"}
    assert paid == PaymentMeans(method=PaymentMethod.CREDIT_CARD, brand="Visa", last_four="4242", **holder)


def test_pay_pal_is_named_without_the_payers_reference() -> None:
    payer = account(PaymentMethod.PAY_PAL, payer_reference="B-5YM51794TD", account_holder_name=None)
    assert document(customer(payment_accounts=payer)).payment_means == PaymentMeans(
        method=PaymentMethod.PAY_PAL
    )


def test_without_an_account_or_by_bank_transfer_the_buyer_transfers_the_money() -> None:
    assert document(customer()).payment_means is None
    assert document(customer(payment_accounts=account(PaymentMethod.BANK_TRANSFER))).payment_means is None


def test_nothing_is_collected_where_nothing_is_due_or_in_a_currency_that_sepa_does_not_know() -> None:
    debited = customer(payment_accounts=DEBITED)
    assert document(debited, order(prepaid_amount=Decimal("100"), tax=_untaxed())).payment_means is None
    assert document(debited, order(currency="CHF")).payment_means is None
    back = document(debited, order(price="-5"))
    assert (back.type, back.payment_means) == (DocumentType.CREDIT_NOTE, None)


def _untaxed() -> ExplicitTax:
    return ExplicitTax(category="E", rate=Decimal(0), exemption_text="Exempt by treaty.")


# -- ship-to ------------------------------------------------------------------------------------


def test_goods_went_to_the_default_shipping_address_and_services_nowhere() -> None:
    buyer = customer(address(), shipping(11, "Kiel"), shipping(12, "Bremen"))
    to = document(buyer, order(goods=True), order(11)).deliver_to
    assert to == buyer.shipping_address(None)
    assert to
    assert to.city == "Kiel"
    assert document(buyer, order()).deliver_to is None


@pytest.mark.parametrize("goods", [True, False])
def test_what_names_a_shipping_address_went_there(goods: bool) -> None:
    buyer = customer(address(), shipping(11, "Kiel"), shipping(12, "Bremen"))
    to = document(buyer, order(goods=goods, shipping_address_id=UUID(int=12))).deliver_to
    assert to
    assert to.city == "Bremen"


def test_a_shipping_address_that_is_the_invoice_address_is_not_said_once_more() -> None:
    assert document(customer(address(), shipping(11, "Hamburg")), order(goods=True)).deliver_to is None


def test_what_went_to_several_addresses_shares_a_document_that_names_none() -> None:
    buyer = customer(address(), shipping(11, "Kiel"), shipping(12, "Bremen"))
    both = document(buyer, order(goods=True), order(11, goods=True, shipping_address_id=UUID(int=12)))
    assert (len(both.lines), both.deliver_to) == (2, None)


def test_goods_that_are_free_of_vat_share_no_document_with_those_that_went_elsewhere() -> None:
    places = [shipping(11, "Paris", "FR"), shipping(12, "Wien", "AT"), shipping(13, "Kiel")]
    buyer = customer(address("FR"), *places)
    to_vienna, to_kiel = ({"shipping_address_id": UUID(int=n), "goods": True} for n in (12, 13))
    placed = [order(10, goods=True), order(11, **to_vienna), order(12), order(13, **to_kiel)]
    found = documents(buyer, *placed)
    shown = [
        ([line.origin.ident for line in one.lines], one.deliver_to and one.deliver_to.city) for one in found
    ]
    assert shown == [(["O-10", "O-12", "O-13"], "Paris"), (["O-11"], "Wien")]


# -- e-invoice and delivery ---------------------------------------------------------------------


def test_a_document_says_which_e_invoice_the_customer_wants_and_whether_it_is_mailed() -> None:
    found = document(customer())
    assert (found.e_invoice, found.delivery) == (EInvoiceFormat.ZUGFERD, DocumentDelivery.NONE)
    wishes = x_rechnung(preferred_document_delivery=DocumentDelivery.EMAIL, email="rechnung@example.com")
    found = document(wishes)
    assert (found.e_invoice, found.delivery) == (EInvoiceFormat.XRECHNUNG, DocumentDelivery.EMAIL)


# -- what is missing ----------------------------------------------------------------------------


def x_rechnung(*addresses: Address, reference: str | None = LEITWEG_ID, **changes: Any) -> Party:
    wanted = EInvoicing(format=EInvoiceFormat.XRECHNUNG, buyer_reference=reference)
    return customer(*addresses, e_invoicing=wanted, **changes)


NO_TAX_ID = {"vat_id": None, "tax_number": None}
NO_IDENT = {**NO_TAX_ID, "creditor_id": None}
REVERSE = ExplicitTax(category="AE", rate=Decimal(0))


@pytest.mark.parametrize(
    ("of", "lacking", "placed", "rule"),
    [
        (customer(), NO_TAX_ID, order(), "BR-S-02"),
        (customer(address("CH")), NO_IDENT, order(), "BR-CO-26"),
        (customer(), NO_TAX_ID, order(tax=_untaxed()), "BR-E-02"),
        (customer(), NO_TAX_ID, order(tax=ExplicitTax(category="Z", rate=Decimal(0))), "BR-Z-02"),
        (customer(address("FR")), NO_TAX_ID, order(), "BR-AE-02"),
        (customer(address("FR")), {"vat_id": None, "tax_number": "27/123/45678"}, order(goods=True), "BR-IC-02"),
        (customer(address("CH")), {"vat_id": None, "tax_number": "27/123/45678"}, order(goods=True), "BR-G-02"),
        (customer(vat_id=None), {}, order(tax=REVERSE), "BR-AE-02"),
        (customer(vat_id=None), {}, order(tax=ExplicitTax(category="K", rate=Decimal(0))), "BR-IC-02"),
        (customer(payment_accounts=DEBITED), {"creditor_id": None}, order(), "BR-DE-30"),
        (x_rechnung(reference=None, email="a@example.com"), {}, order(), "BR-DE-15"),
        (x_rechnung(reference="4711"), {}, order(), "PEPPOL-EN16931-R010"),
        (x_rechnung(), {"phone": None}, order(), "BR-DE-6"),
        (x_rechnung(), {"phone": "0-4"}, order(), "BR-DE-27"),
        (x_rechnung(), {"email": None}, order(), "BR-DE-7"),
        (x_rechnung(), {"bank_account": None}, order(), "BR-DE-23"),
        (x_rechnung(address(city=None)), {}, order(), "BR-DE-8"),
        (x_rechnung(address(postal_code=None)), {}, order(), "BR-DE-9"),
        (x_rechnung(address(), shipping(11, "")), {}, order(goods=True), "BR-DE-10"),
        (x_rechnung(address(), shipping(11, "Kiel", postal_code=None)), {}, order(goods=True), "BR-DE-11"),
    ],
)  # fmt: skip
def test_what_an_e_invoice_cannot_do_without_is_named_with_where_to_enter_it(
    of: Party, lacking: dict[str, Any], placed: OrderRecorded, rule: str
) -> None:
    with pytest.raises(Incomplete, match=rf"(customer|entity 'main').*{rule}.*Enter it, then run again"):
        document(of, placed, by=seller(**lacking))


def test_all_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(Incomplete) as refused:
        document(x_rechnung(reference=None), by=seller(phone=None, email=None))
    rules = ("BR-DE-6", "BR-DE-7", "BR-DE-15", "PEPPOL-EN16931-R010")
    assert all(rule in str(refused.value) for rule in rules)


@pytest.mark.parametrize(
    "of",
    [
        x_rechnung(),
        x_rechnung(reference="4711", email="a@example.com"),
        x_rechnung(payment_accounts=DEBITED),
        x_rechnung(payment_accounts=account(PaymentMethod.CREDIT_CARD, brand="Visa", last_four="4242")),
    ],
)
def test_what_is_complete_is_issued(of: Party) -> None:
    bank = of.payment_account() is None
    complete = seller() if bank else seller(bank_account=None)
    assert document(of, by=complete).e_invoice is EInvoiceFormat.XRECHNUNG


def test_a_seller_with_a_tax_number_and_no_vat_id_can_bill_at_home() -> None:
    assert document(customer(), by=seller(vat_id=None, tax_number="27/123/45678"))


def test_what_is_outside_the_scope_of_vat_needs_no_tax_id() -> None:
    registered = seller(**NO_IDENT, register_number="HRB 123456")
    [tax] = document(customer(address("CH")), by=registered).taxes
    assert tax.category == "O"


# -- gross prices -------------------------------------------------------------------------------


bought = st.lists(
    st.tuples(
        st.decimals("0.01", 500, places=2), st.integers(1, 9), st.sampled_from(["19", "7", "27", "5.5"])
    ),
    min_size=1,
    max_size=8,
)


@given(bought, st.sampled_from(["EUR", "JPY", "KWD"]))
def test_a_document_of_gross_prices_alone_asks_for_their_sum(
    lines: list[tuple[Decimal, int, str]], currency: str
) -> None:
    placed = [
        OrderLine(
            name="Cable",
            quantity=Decimal(quantity),
            gross_unit_price=price,
            tax=ExplicitTax(category="S", rate=Decimal(rate)),
        )
        for price, quantity, rate in lines
    ]
    totals = document(customer(), order(lines=tuple(placed), currency=currency)).totals
    assert totals.due == sum(rounded(price * quantity, currency) for price, quantity, _ in lines)
    assert abs(totals.rounding) <= len(lines) * minor_unit(currency)
