"""Why a line bears its VAT: the row of the decision table that fitted, and since when the rate holds."""

from services.billing.due import Position
from services.billing.explaining.known import Known
from services.billing.explaining.steps import Country, Percent, Rule, Step, named
from services.billing.tax import Row, Tax, Why
from services.billing.taxed import Head, Taxation
from services.messages import DocumentIssued
from services.values import AddressType, DocumentLine

AS_ISSUED = "AS_ISSUED"


def tax_of(known: Known, document: DocumentIssued, head: Head, position: Position) -> Tax:
    """The VAT of a position as it was decided; raises NoTaxRate where the tax table has none any more."""
    taxation = Taxation(known.party(document), known.entity())
    [part] = taxation.parts(head, [position])
    return part.taxed[0].tax


def why(tax: Tax, known: Known, position: Position) -> Step:
    """The row that decided, with the facts that it is decided by."""
    decided = tax.why
    assert decided is not None, "a tax that was decided says why"
    values: dict[str, object] = {
        "category": tax.category,
        "rate": Percent(tax.rate),
        "day": position.supplied_on,
    }
    if decided.country:
        values["country"] = Country(decided.country)
    if decided.since:
        values["since"] = decided.since
    if decided.row is Row.EXPLICIT:
        return Step(Rule.TAX, decided.row.value, values, events=named([known.first]))
    place = AddressType.SHIPPING if position.is_goods else AddressType.INVOICE
    return Step(Rule.TAX, _form(decided, tax), values, events=named(known.who_and_where(place)))


def as_issued(line: DocumentLine) -> Step:
    """The VAT that the document shows, where it is not known why."""
    return Step(Rule.TAX, AS_ISSUED, {"category": line.tax_category, "rate": Percent(line.tax_rate)})


def _form(why: Why, tax: Tax) -> str:
    """Rows that lead to a rate have another text for items of tax category ZERO, the others one for each category."""
    if why.country:
        return why.row.value if why.since else f"{why.row}_ZERO"
    return why.row.value if why.row is Row.SMALL_BUSINESS else f"{why.row}_{tax.category}"
