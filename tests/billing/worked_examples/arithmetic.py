"""Works the arithmetic of the worked examples out once more, with fractions and by none of the code that bills."""

import re
from fractions import Fraction
from math import floor

from tests.billing.worked_examples.reading import Example, Row

DECIMALS = {"EUR": 2, "CHF": 2, "JPY": 0, "KWD": 3}

NUMBER = r"[−-]?\d[\d,]*(?:\.\d+)?(?: %)?"
SUM = rf"{NUMBER}(?: [+−×÷] {NUMBER})*"
CHAIN = re.compile(rf"{NUMBER}(?: [+−×÷] {NUMBER})+ = {SUM}…?(?: = {SUM})*(?: → {NUMBER})?")


def check_arithmetic(example: Example) -> None:
    """What stands below an example, and the sums of its documents."""
    for chain in CHAIN.findall(example.by_hand):
        _check_chain(chain)
    for run in example.runs:
        for document in run.documents:
            _check_sums(document)


def _check_chain(chain: str) -> None:
    """`9.99 × 17 ÷ 31 = 5.478387… → 5.48`: what is equal is equal, what is cut off or rounded is so rightly."""
    exact, _, rounded = chain.partition(" → ")
    first, *others = exact.split(" = ")
    value = worked_out(first)
    for other in others:
        if other.endswith("…"):
            assert abs(value - worked_out(other[:-1])) < Fraction(1, 10**6), chain
        else:
            assert value == worked_out(other), chain
    if rounded:
        assert half_up(value, len(rounded.partition(".")[2])) == worked_out(rounded), chain


def worked_out(text: str) -> Fraction:
    """The value of sums of products."""
    total = Fraction(0)
    for sign, product in re.findall(r"(^|[+−] )(.+?)(?= [+−] |$)", text):
        factor = Fraction(1)
        for operator, number in re.findall(rf"(^|[×÷] )({NUMBER})", product):
            factor = factor / fraction(number) if operator == "÷ " else factor * fraction(number)
        total += -factor if sign == "− " else factor
    return total


def fraction(number: str) -> Fraction:
    value = Fraction(number.removesuffix(" %").replace(",", "").replace("−", "-"))
    return value / 100 if number.endswith("%") else value


def half_up(value: Fraction, places: int) -> Fraction:
    """Rounded to so many decimals, half away from zero."""
    cents = floor(abs(value) * 10**places + Fraction(1, 2))
    return Fraction(cents if value >= 0 else -cents, 10**places)


def _check_sums(rows: list[Row]) -> None:
    """Each line is quantity × price less and plus what it says, each tax on the sum of its lines, the total the sum of all, with its
    rounding and without what was prepaid."""
    places = DECIMALS[rows[-1][0].removeprefix("total ")]
    taxable: dict[str, Fraction] = {}
    taxed: dict[str, Fraction] = {}
    line_base = line_net = Fraction(0)
    for item, period, price, net, vat in rows:
        amount = fraction(net)
        match item.split()[0]:
            case "less" | "plus" as word:
                line_base += -amount if word == "less" else amount
            case "allowance" | "charge" as word:
                taxable[vat] = taxable.get(vat, Fraction(0)) + (-amount if word == "allowance" else amount)
            case "VAT":
                vat = item.removeprefix("VAT ")
                assert fraction(period.removeprefix("on ")) == taxable.pop(vat)
                base, rate = fraction(period.removeprefix("on ")), Fraction(vat.split()[1])
                assert amount == half_up(base * rate / 100, places)
                taxed[vat] = base + amount
            case "rounding" | "prepaid" as word:
                taxed[word] = -amount if word == "prepaid" else amount
            case "total":
                assert amount == sum(taxed.values())
            case _:
                assert line_base == line_net
                quantity, unit_price = price.split(" × ")
                line_base, line_net = half_up(fraction(quantity) * fraction(unit_price), places), amount
                taxable[vat] = taxable.get(vat, Fraction(0)) + amount
    assert line_base == line_net
    assert not taxable
