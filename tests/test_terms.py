"""The fold of a contract's messages that the contract itself, billing and the views share."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from services.messages import (
    ContractAmended,
    ContractCancelled,
    ContractPaused,
    ContractResumed,
    ContractSigned,
    ContractTerminated,
)
from services.terms import ContractChange, ContractTerms, Span
from services.values import (
    Alignment,
    BillingInterval,
    BillingTiming,
    IntervalUnit,
    Item,
    ItemChange,
    ItemKind,
    PlanReference,
    TerminationKind,
)

IDS: dict[str, Any] = {"contract_id": UUID(int=1), "customer_id": UUID(int=2)}
BASE = Item(
    item_ident="base",
    name="Base fee",
    kind=ItemKind.RECURRING,
    unit="MON",
    unit_price=Decimal("9.99"),
    billing_interval=BillingInterval(count=1, unit=IntervalUnit.MONTH),
    billing_timing=BillingTiming.INTERVAL_START,
)
KM = msgspec.structs.replace(BASE, item_ident="km", kind=ItemKind.USAGE, unit_price=None)


def day(text: str) -> date:
    """A day of 2026, by month and day."""
    return date.fromisoformat(f"2026-{text}")


def terms(*changes: ContractChange, ends_on: str | None = None, **agreed: Any) -> ContractTerms:
    """A contract from 15 January with what became of it."""
    folded = ContractTerms(
        signed=ContractSigned(
            **IDS,
            contract_ident="C-1",
            currency="EUR",
            signed_on=day("01-10"),
            starts_on=day("01-15"),
            ends_on=day(ends_on) if ends_on else None,
            alignment=Alignment.CALENDAR,
            **{"items": (BASE,)} | agreed,
        )
    )
    for change in changes:
        folded = folded.after(change)
    return folded


def paused(from_: str) -> ContractPaused:
    return ContractPaused(**IDS, paused_from=day(from_))


def resumed(from_: str) -> ContractResumed:
    return ContractResumed(**IDS, resumed_from=day(from_))


def terminated(last: str) -> ContractTerminated:
    return ContractTerminated(
        **IDS, kind=TerminationKind.ORDINARY, noticed_on=day("02-01"), terminates_on=day(last)
    )


def amended(from_: str, **what: Any) -> ContractAmended:
    return ContractAmended(**IDS, effective_on=day(from_), **what)


def priced(from_: str, price: int, ident: str = "base") -> ContractAmended:
    return amended(from_, changes=(ItemChange(item_ident=ident, unit_price=Decimal(price)),))


CANCELLED = ContractCancelled(**IDS)


@pytest.mark.parametrize(
    ("contract", "statuses"),
    [
        (terms(), {"01-14": "PENDING", "01-15": "ACTIVE", "12-31": "ACTIVE"}),
        (terms(ends_on="06-30"), {"06-30": "ACTIVE", "07-01": "EXPIRED"}),
        (terms(terminated("06-30")), {"06-30": "ACTIVE", "07-01": "TERMINATED"}),
        (terms(terminated("05-31"), ends_on="06-30"), {"05-31": "ACTIVE", "06-01": "TERMINATED"}),
        (terms(terminated("06-30"), terminated("05-31")), {"05-31": "ACTIVE", "06-01": "TERMINATED"}),
        (terms(paused("04-01")), {"03-31": "ACTIVE", "04-01": "PAUSED", "12-31": "PAUSED"}),
        (terms(paused("04-01"), resumed("05-01")), {"04-30": "PAUSED", "05-01": "ACTIVE"}),
        (terms(paused("04-01"), resumed("04-01")), {"04-01": "ACTIVE"}),
        (terms(paused("04-01"), terminated("04-30")), {"04-30": "PAUSED", "05-01": "TERMINATED"}),
        (terms(paused("01-15")), {"01-14": "PENDING", "01-15": "PAUSED"}),
        (terms(CANCELLED), {"01-14": "CANCELLED", "02-01": "CANCELLED"}),
        (terms(terminated("06-30"), CANCELLED), {"07-01": "CANCELLED"}),
    ],
)
def test_a_contract_has_one_status_on_a_day(contract: ContractTerms, statuses: dict[str, str]) -> None:
    assert {d: contract.status_on(day(d)).value for d in statuses} == statuses


def spans(contract: ContractTerms) -> list[tuple[str, str | None]]:
    return [_shown(span) for span in contract.active_spans()]


def _shown(span: Span) -> tuple[str, str | None]:
    return f"{span.first:%m-%d}", f"{span.last:%m-%d}" if span.last else None


@pytest.mark.parametrize(
    ("contract", "expected"),
    [
        (terms(), [("01-15", None)]),
        (terms(ends_on="06-30"), [("01-15", "06-30")]),
        (terms(paused("04-01"), resumed("05-01")), [("01-15", "03-31"), ("05-01", None)]),
        (terms(paused("04-01"), resumed("04-01")), [("01-15", None)]),
        (terms(paused("01-15"), resumed("02-01")), [("02-01", None)]),
        (terms(paused("04-01")), [("01-15", "03-31")]),
        (terms(paused("04-01"), resumed("05-01"), terminated("04-15")), [("01-15", "03-31")]),
        (terms(paused("04-01"), resumed("05-01"), terminated("05-01")), [("01-15", "03-31"), ("05-01", "05-01")]),
        (terms(paused("04-01"), resumed("05-01"), paused("05-01")), [("01-15", "03-31")]),
        (
            terms(paused("04-01"), resumed("05-01"), paused("02-01"), resumed("03-01")),
            [("01-15", "01-31"), ("03-01", "03-31"), ("05-01", None)],
        ),
        (terms(paused("04-01"), resumed("05-01"), paused("02-01")), [("01-15", "01-31"), ("05-01", None)]),
        (terms(CANCELLED), []),
    ],
)  # fmt: skip
def test_a_contract_is_active_in_spans_that_do_not_touch(
    contract: ContractTerms, expected: list[tuple[str, str | None]]
) -> None:
    assert spans(contract) == expected


def phases(contract: ContractTerms, ident: str = "base") -> list[tuple[str, str | None, Decimal | None]]:
    return [(*_shown(p.span), p.item.unit_price) for p in contract.phases().get(ident, [])]


def test_an_item_has_a_phase_for_each_of_its_terms() -> None:
    contract = terms(priced("05-01", 12), priced("03-01", 11), ends_on="06-30")
    assert phases(contract) == [
        ("01-15", "02-28", Decimal("9.99")),
        ("03-01", "04-30", 11),
        ("05-01", "06-30", 12),
    ]


def test_an_amendment_of_another_item_does_not_part_a_phase() -> None:
    contract = terms(priced("03-01", 1, "gps"), items=(BASE, msgspec.structs.replace(BASE, item_ident="gps")))
    assert phases(contract) == [("01-15", None, Decimal("9.99"))]


def test_an_amendment_after_the_last_day_changes_nothing() -> None:
    assert phases(terms(priced("07-01", 12), ends_on="06-30")) == [("01-15", "06-30", Decimal("9.99"))]


def test_an_amendment_of_the_first_day_leaves_nothing_of_what_was_before() -> None:
    assert phases(terms(priced("01-15", 12))) == [("01-15", None, 12)]


def test_an_item_that_is_removed_and_added_again_has_a_gap() -> None:
    contract = terms(amended("03-01", removed=("base",)), amended("05-01", added=(BASE,)))
    assert phases(contract) == [("01-15", "02-28", Decimal("9.99")), ("05-01", None, Decimal("9.99"))]


def test_a_change_of_what_was_removed_meanwhile_does_nothing() -> None:
    contract = terms(priced("05-01", 12), amended("03-01", removed=("base",)))
    assert phases(contract) == [("01-15", "02-28", Decimal("9.99"))]


def test_a_cancelled_contract_has_no_phases() -> None:
    assert terms(CANCELLED).phases() == {}


def test_the_plan_is_the_one_of_the_latest_day() -> None:
    def version(number: int) -> PlanReference:
        return PlanReference(plan_id=UUID(int=3), plan_ident="fleet-basic", plan_version=number)

    contract = terms(
        amended("06-01", plan=version(3)), amended("03-01", plan=version(2)), priced("07-01", 1), plan=version(1)
    )  # fmt: skip
    assert [contract.plan_on(day(d)) for d in ("02-28", "03-01", "06-01")] == [
        version(1),
        version(2),
        version(3),
    ]
    assert contract.plan == version(3)
    assert terms().plan is None


def test_a_contract_is_measured_if_it_ever_has_a_usage_item() -> None:
    added = terms(amended("03-01", added=(KM,)), amended("04-01", removed=("km",)))
    assert [t.is_measured for t in (terms(), added, terms(items=(KM,)))] == [False, True, True]
    assert (added.measures("km"), added.measures("base")) == (True, False)


def test_terms_are_stored_and_read_back() -> None:
    """Billing keeps them in its read model."""
    contract = terms(priced("03-01", 11), paused("04-01"), resumed("05-01"), terminated("06-30"))
    assert msgspec.json.decode(msgspec.json.encode(contract), type=ContractTerms) == contract
