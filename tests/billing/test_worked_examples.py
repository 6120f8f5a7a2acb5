"""The worked examples of `worked_examples/`, carried out by the services and compared to the cent."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache

import pytest

from infra.postgres.embedded import Server
from services.billing.explaining import Rule
from services.billing.rendering.explanation import told
from services.billing.rendering.language import available, language
from services.messages import DocumentIssued
from services.money import plain
from services.values import DocumentAdjustment, DocumentLine, LineAdjustment
from tests.billing.rendering.validation import Validator, findings
from tests.billing.worked_examples.arithmetic import check_arithmetic
from tests.billing.worked_examples.reading import Example, Row, Run, examples
from tests.billing.worked_examples.story import Story
from tests.database import fresh_database
from tests.system import System, system_on

EXAMPLES = examples()
Billed = tuple[Run, list[DocumentIssued]]
RULES = set(
    re.split(
        r",\s+",
        """in advance, in arrears, anniversary, month ends, leap day, yearly, half-yearly, quarterly,
        calendar month, calendar quarter, calendar half-year, calendar year, day interval,
        proration, billing start, catch-up, several items, several contracts, several orders,
        end date, minimum term, renewal, notice period, cancellation,
        ordinary termination, extraordinary termination, pause, resume,
        amended price, amended quantity, added item, removed item, plan, one-time item,
        discount percent, discount amount, discount intervals, discount until,
        grouping by currency, grouping by payment term, grouping by purchase order, grouping by contract, grouping by invoice address,
        usage flat, usage graduated, usage volume, included quantity, late usage, zero usage,
        time zone, DST, many decimals, half up, negative price, zero amount, JPY, KWD,
        line allowance, line charge, document allowance, document charge, gross price, order date,
        VAT per category, standard rate, reduced rate, zero rate, explicit tax, rounding, prepaid, small business,
        German VAT 2020, German VAT 2021, reverse charge, intra-community supply, export, outside scope,
        buyer abroad at home rate, one-stop shop""",
    )
)


@pytest.fixture(scope="module")
def shared(postgres: Server) -> Iterator[System]:
    """One database for all examples; each has a customer of its own."""
    with fresh_database(postgres) as database, system_on(database) as system:
        yield system


@pytest.fixture(scope="module")
def carry_out(shared: System) -> Callable[[Example], list[Billed]]:
    """Carries out an example, once: what its runs were to issue, and what they issued."""

    @cache
    def numbered(number: int) -> list[Billed]:
        story = Story(shared, f"D-{number}", EXAMPLES[number])
        billed: list[Billed] = []
        for step in EXAMPLES[number].steps:
            if isinstance(step, Run):
                billed.append((step, story.bill(step)))
            else:
                story.tell(step)
        return billed

    return lambda example: numbered(EXAMPLES.index(example))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.topic}: {example.name}")
def test_a_worked_example(
    shared: System, carry_out: Callable[[Example], list[Billed]], example: Example
) -> None:
    billed = carry_out(example)
    for run, issued in billed:
        assert [shown(document) for document in issued] == [
            [normal(row) for row in document] for document in run.documents
        ]
    # Whatever happened since, every line is explained by what was known when it was issued.
    for _, issued in billed:
        for document in issued:
            for line in document.lines:
                check_explained(shared, document, line)


def test_every_document_of_the_examples_is_a_valid_e_invoice(
    carry_out: Callable[[Example], list[Billed]], official_rules: Validator
) -> None:
    issued = [document for example in EXAMPLES for _, issued in carry_out(example) for document in issued]
    assert findings(official_rules, issued) == []


def check_explained(system: System, document: DocumentIssued, line: DocumentLine) -> None:
    steps = system.billing.explanation(document.document_id, line.line).steps
    assert steps[-1].result == line.net
    assert Rule.DIFFERENCE not in {step.rule for step in steps}
    for tag in available():
        assert told(steps, document.currency, language(tag))


def test_there_are_examples_of_every_rule() -> None:
    assert len(EXAMPLES) >= 60
    assert {rule for example in EXAMPLES for rule in example.rules} == RULES


def test_no_two_examples_have_the_same_name() -> None:
    assert len({example.name for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.topic}: {example.name}")
def test_the_arithmetic_of_an_example_is_right(example: Example) -> None:
    assert example.by_hand
    check_arithmetic(example)


# -- documents as rows --------------------------------------------------------------------------


def shown(document: DocumentIssued) -> list[Row]:
    """A document as an example shows it."""
    rows = [row for line in document.lines for row in _line(line)]
    rows += [_of_document("allowance", a) for a in document.allowances]
    rows += [_of_document("charge", c) for c in document.charges]
    rows += [
        (f"VAT {t.category} {t.rate:f}", f"on {t.taxable:f}", "", f"{t.tax:f}", "") for t in document.taxes
    ]
    rows += [
        (name, "", "", f"{amount:f}", "")
        for name in ("rounding", "prepaid")
        if (amount := getattr(document.totals, name))
    ]
    rows.append(
        (f"total {document.currency}", f"due {document.due_date}", "", f"{document.totals.due:f}", "")
    )
    return [normal(row) for row in rows]


def _line(line: DocumentLine) -> Iterator[Row]:
    period = f"{line.period.first} – {line.period.last}" if line.period else str(line.supplied_on)
    price = f"{line.quantity:f} × {line.unit_price:f}"
    yield line.name, period, price, f"{line.net:f}", f"{line.tax_category} {line.tax_rate:f}"
    yield from (_of_line("less", a) for a in line.allowances)
    yield from (_of_line("plus", c) for c in line.charges)


def _of_line(word: str, adjustment: LineAdjustment) -> Row:
    return f"{word} {adjustment.reason}", "", _percent(adjustment), f"{adjustment.amount:f}", ""


def _of_document(word: str, adjustment: DocumentAdjustment) -> Row:
    vat = f"{adjustment.tax_category} {adjustment.tax_rate:f}"
    return f"{word} {adjustment.reason}", "", _percent(adjustment), f"{adjustment.amount:f}", vat


def _percent(adjustment: LineAdjustment | DocumentAdjustment) -> str:
    return f"{adjustment.percent:f} %" if adjustment.percent is not None else ""


def normal(row: Row) -> Row:
    """The row with its numbers written in one way: 9.90 as 9.9."""
    return tuple(re.sub(r"\d+\.\d+", lambda number: plain(Decimal(number[0])), cell) for cell in row)
