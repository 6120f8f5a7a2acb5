"""Where things are supplied, which document they are on, and the reason why a document bears no VAT."""

from dataclasses import replace as changed
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from infra.postgres.migrate import migrations
from infra.postgres.pool import connect
from services.billing.assembly import assemble
from services.billing.checks import WrongVat, check_draft
from services.billing.document import Draft
from services.billing.due import Billable, Cutoff
from services.billing.party import Party
from services.billing.sellers import Sellers
from services.messages import BillingEntityDefined, OrderRecorded
from services.values import (
    Address,
    AddressType,
    AllowanceOrCharge,
    BillingTime,
    CustomerType,
    ExplicitTax,
    ItemCategory,
    OrderLine,
    TaxCategory,
)
from tests import examples
from tests.billing.contracts import recurring, signed
from tests.system import System

ENTITY = BillingEntityDefined(billing_entity_id=uuid4(), **examples.ENTITY)
DAY = date(2026, 1, 20)
TEN_PERCENT = AllowanceOrCharge(reason="Loyalty", percent=Decimal(10))
FREIGHT = AllowanceOrCharge(reason="Freight", amount=Decimal("12.50"))


def address(country: str, address_type: AddressType = AddressType.INVOICE) -> Address:
    return Address(address_id=uuid4(), address_type=address_type, country=country, default=True, company="A")


def buyer(country: str, vat_id: str | None = None, shipping: str | None = None) -> Party:
    addresses = [address(country), *([address(shipping, AddressType.SHIPPING)] if shipping else [])]
    return Party(
        customer_id=UUID(int=1),
        debtor_ident="D-1",
        account_number="100001",
        customer_type=CustomerType.B2B,
        language="de",
        addresses=tuple(addresses),
        vat_id=vat_id,
    )


FRANCE, SWITZERLAND, GERMANY = buyer("FR", "FR40303265045"), buyer("CH"), buyer("DE")


def tracker(**given: Any) -> OrderLine:
    """Goods for 100.00."""
    usual: dict[str, Any] = {"unit_price": Decimal(100), "item_category": ItemCategory.PHYSICAL_PRODUCT}
    return OrderLine(name="Tracker", quantity=Decimal(1), **usual | given)


def fitting(**given: Any) -> OrderLine:
    """A service for 50.00."""
    usual: dict[str, Any] = {"unit_price": Decimal(50)}
    return OrderLine(name="Fitting", quantity=Decimal(1), **usual | given)


def taxed_as(category: str, rate: str = "0", **reason: str) -> ExplicitTax:
    return ExplicitTax(category=category, rate=Decimal(rate), **reason)


def order(*lines: OrderLine, **given: Any) -> Billable:
    recorded = OrderRecorded(
        order_id=UUID(int=2),
        customer_id=UUID(int=1),
        order_ident="O-1",
        ordered_on=DAY,
        billing_time=BillingTime.ON_DEMAND,
        currency="EUR",
        lines=lines,
        **given,
    )
    return Billable(recorded.order_id, recorded, {})


def drafts(customer: Party, *billables: Billable) -> list[Draft]:
    return assemble(customer, billables, Sellers([ENTITY]), Cutoff(DAY, DAY))


def vat(draft: Draft) -> list[tuple[str, str]]:
    return [(line.name, line.tax_category) for line in draft.lines]


def adjusted(draft: Draft) -> list[tuple[str, str, str, str]]:
    return [
        (a.reason, f"{a.amount:f}", a.tax_category, f"{a.tax_rate:f}")
        for a in (*draft.allowances, *draft.charges)
    ]


# -- place of supply ----------------------------------------------------------------------------


def test_goods_are_taxed_where_they_are_shipped_to_and_services_where_the_buyer_is() -> None:
    [draft] = drafts(buyer("DE", shipping="CH"), order(tracker(), fitting()))
    assert vat(draft) == [("Tracker", "G"), ("Fitting", "S")]


def test_goods_without_a_shipping_address_go_to_the_buyer() -> None:
    [draft] = drafts(FRANCE, order(tracker()))
    assert vat(draft) == [("Tracker", "K")]


# -- scope --------------------------------------------------------------------------------------


def test_what_is_outside_the_scope_of_vat_has_a_document_of_its_own() -> None:
    inside, outside = drafts(SWITZERLAND, order(tracker(), fitting()))
    assert (vat(inside), vat(outside)) == ([("Tracker", "G")], [("Fitting", "O")])


def test_contracts_and_orders_outside_the_scope_share_their_document() -> None:
    contract = signed("2026-01-01", recurring())
    abroad = drafts(
        SWITZERLAND, Billable(contract.signed.contract_id, contract, {}), order(tracker(), fitting())
    )
    assert [vat(draft) for draft in abroad] == [
        [("Base fee", "O"), ("Fitting", "O")],
        [("Tracker", "G")],
    ]


def test_an_explicit_tax_outside_the_scope_is_alone_as_well() -> None:
    inside, outside = drafts(GERMANY, order(fitting(), tracker(tax=taxed_as("O"))))
    assert (vat(inside), vat(outside)) == ([("Fitting", "S")], [("Tracker", "O")])


def test_an_order_on_two_documents_is_billed_once(system: System) -> None:
    system.define_seller()
    system.create_customer(
        examples.beispiel_gmbh(vatId=None, addresses=[examples.invoice_address(country="CH")])
    )
    lines = [
        {"name": "Tracker", "unitPrice": "100.00", "itemCategory": "PHYSICAL_PRODUCT"},
        {"name": "Fitting", "unitPrice": "50.00"},
    ]
    system.record_order(examples.order(lines=lines))
    inside, outside = system.bill("2026-01-31").documents
    assert [inside.totals.gross, outside.totals.gross] == [Decimal("112.50"), Decimal("50.00")]
    assert system.bill("2026-02-28").outcomes == {"D-4711": "NOTHING_DUE"}


def test_an_order_that_was_marked_as_a_whole_is_marked_line_by_line_by_the_migration(system: System) -> None:
    system.define_seller()
    system.create_customer(examples.beispiel_gmbh())
    lines = [{"name": name, "unitPrice": "1.00"} for name in "ABC"]
    for ident in ("O-1", "O-2"):
        system.record_order(examples.order(orderIdent=ident, lines=lines))
    system.bill("2026-01-31")
    tables = (
        "SELECT * FROM billing.billed_intervals ORDER BY document_id, line",
        "SELECT * FROM billing.billables ORDER BY billable_id",
    )
    with connect(system.database.owner_url) as connection:
        marked = [connection.execute(table).fetchall() for table in tables]
        connection.execute("DELETE FROM billing.billed_intervals WHERE item <> '1'")
        connection.execute("UPDATE billing.billed_intervals SET item = 'order'")
        connection.execute(
            "UPDATE billing.billables SET progress = jsonb_build_object('order', progress -> '1')"
        )
        [migration] = [m for m in migrations() if m.name == "order_lines"]
        connection.execute(migration.sql)
        assert [connection.execute(table).fetchall() for table in tables] == marked


# -- allowances and charges of an order ---------------------------------------------------------


def test_where_rates_apply_a_charge_has_that_of_its_own_category() -> None:
    reduced = replace(FREIGHT, tax_category=TaxCategory.REDUCED)
    [draft] = drafts(GERMANY, order(tracker(), charges=(FREIGHT, reduced)))
    assert adjusted(draft) == [("Freight", "12.50", "S", "19"), ("Freight", "12.50", "S", "7")]


@pytest.mark.parametrize(
    ("customer", "line", "category"),
    [
        (FRANCE, tracker(), "K"),
        (FRANCE, fitting(), "AE"),
        (SWITZERLAND, tracker(), "G"),
        (SWITZERLAND, fitting(), "O"),
        (GERMANY, fitting(tax=taxed_as("E")), "E"),
    ],
)
def test_a_charge_shares_the_fate_of_what_is_principally_supplied(
    customer: Party, line: OrderLine, category: str
) -> None:
    [draft] = drafts(customer, order(line, charges=(FREIGHT,)))
    assert [adjustment[2] for adjustment in adjusted(draft)] == [category]


def test_a_charge_beside_an_explicit_rate_abroad_bears_that_rate() -> None:
    [draft] = drafts(SWITZERLAND, order(fitting(tax=taxed_as("S", "7")), charges=(FREIGHT,)))
    assert adjusted(draft) == [("Freight", "12.50", "S", "7")]


def test_of_an_order_on_two_documents_percentages_are_shared_and_amounts_go_with_the_greater_part() -> None:
    inside, outside = drafts(
        SWITZERLAND, order(fitting(), tracker(), allowances=(TEN_PERCENT,), charges=(FREIGHT,))
    )
    assert adjusted(inside) == [("Loyalty", "10.00", "G", "0"), ("Freight", "12.50", "G", "0")]
    assert adjusted(outside) == [("Loyalty", "5.00", "O", "0")]


# -- reasons ------------------------------------------------------------------------------------


def test_a_subtotal_without_vat_says_why_in_the_language_of_the_document() -> None:
    [german] = drafts(FRANCE, order(fitting()))
    [english] = drafts(replace(FRANCE, language="en-GB"), order(fitting()))
    assert [(t.exemption_code, t.exemption_text) for t in (*german.taxes, *english.taxes)] == [
        ("VATEX-EU-AE", "Steuerschuldnerschaft des Leistungsempfängers."),
        ("VATEX-EU-AE", "Reverse charge: VAT is owed by the recipient of the service."),
    ]


def test_a_taxed_or_zero_rated_subtotal_has_no_reason() -> None:
    [draft] = drafts(GERMANY, order(tracker(), fitting(tax_category=TaxCategory.ZERO)))
    assert [(t.category, t.exemption_code, t.exemption_text) for t in draft.taxes] == [
        ("S", None, None),
        ("Z", None, None),
    ]


def test_different_reasons_of_one_category_stand_side_by_side_without_a_code() -> None:
    course = taxed_as("E", exemption_code="VATEX-EU-132-1I", exemption_text="§ 4 Nr. 21 UStG.")
    loan = taxed_as("E", exemption_code="VATEX-EU-135-1", exemption_text="§ 4 Nr. 8 UStG.")
    [draft] = drafts(GERMANY, order(fitting(tax=course), fitting(tax=loan), fitting(tax=course)))
    assert [(t.exemption_code, t.exemption_text) for t in draft.taxes] == [
        (None, "§ 4 Nr. 21 UStG. § 4 Nr. 8 UStG."),
    ]


# -- checks -------------------------------------------------------------------------------------


def test_a_document_that_mixes_scopes_is_not_issued() -> None:
    inside, outside = drafts(SWITZERLAND, order(tracker(), fitting(unit_price=Decimal(0))))
    nothing = replace(outside.taxes[0], taxable=Decimal("0.00"))
    mixed = changed(inside, lines=(*inside.lines, *outside.lines), taxes=(*inside.taxes, nothing))
    with pytest.raises(WrongVat, match="BR-O-11"):
        check_draft(mixed)


def test_an_exemption_without_a_reason_is_not_issued() -> None:
    [draft] = drafts(FRANCE, order(tracker()))
    bare = replace(draft.taxes[0], exemption_code=None, exemption_text=None)
    with pytest.raises(WrongVat, match="BR-IC-10"):
        check_draft(changed(draft, taxes=(bare,)))
