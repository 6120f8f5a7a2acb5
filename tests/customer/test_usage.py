"""Rules of usage: each event once, all of a batch or nothing, and only what the contract measures."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from services.customer.commands.contracts import AmendContract, CancelContract
from services.customer.commands.usage import RecordUsage
from services.errors import FieldError, InvalidFields
from services.messages import UsageRecorded
from services.values import UsageEntry
from tests import examples
from tests.examples import usage
from tests.system import System


@pytest.fixture
def fleet(system: System) -> System:
    """A system in which contract C-1 measures kilometres and C-2 nothing."""
    system.create_customer(examples.beispiel_gmbh())
    system.create_plan(examples.plan())
    system.sign_contract(examples.plan_contract())
    system.sign_contract(examples.contract(contractIdent="C-2"))
    return system


def recorded(system: System) -> list[UsageRecorded]:
    return [event.body for event in system.customer_events() if isinstance(event.body, UsageRecorded)]


def contract_id(system: System, ident: str = "C-1") -> UUID:
    found = system.customer.owner_of("contract", ident)
    assert found is not None
    return found


def wrong(system: System, *entries: examples.Row) -> list[FieldError]:
    """What is wrong with a batch, of which nothing is stored."""
    before = len(system.customer_events())
    with pytest.raises(InvalidFields) as error:
        system.record_usage(*entries)
    assert len(system.customer_events()) == before
    return list(error.value.errors)


def test_usage_is_recorded_as_in_the_examples(fleet: System) -> None:
    answer = fleet.record_usage(usage())
    assert answer == {"accepted": 1, "duplicates": 0, "position": 5}
    (report,) = recorded(fleet)
    assert report.contract_id == contract_id(fleet)
    assert report.entries == (
        UsageEntry(
            event_id="u-1",
            item_ident="km",
            quantity=Decimal("250.5"),
            occurred_at=datetime(2026, 2, 3, 8, tzinfo=UTC),
        ),
    )


def test_one_event_alone_may_be_sent_as_it_is(fleet: System) -> None:
    answer = fleet.customer.record_usage(RecordUsage.model_validate(usage()), examples.asked())
    assert answer["accepted"] == 1


def test_usage_of_one_contract_that_comes_together_is_one_event(fleet: System) -> None:
    fleet.sign_contract(examples.plan_contract(contractIdent="C-3"))
    entries = [usage(eventId=f"u-{n}", contractIdent=f"C-{1 + 2 * (n % 2)}") for n in range(6)]
    assert fleet.record_usage(*entries)["accepted"] == 6
    assert [[e.event_id for e in report.entries] for report in recorded(fleet)] == [
        ["u-0", "u-2", "u-4"],
        ["u-1", "u-3", "u-5"],
    ]


def test_an_event_id_that_is_known_is_a_duplicate_whatever_else_it_says(fleet: System) -> None:
    fleet.record_usage(usage())
    answer = fleet.record_usage(usage(contractIdent="C-2", quantity="1"), usage(eventId="u-2"))
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert fleet.record_usage(usage(), usage(eventId="u-2")) == {
        "accepted": 0,
        "duplicates": 2,
        "position": answer["position"],
    }


def test_of_two_events_with_one_id_in_a_batch_the_first_is_recorded(fleet: System) -> None:
    answer = fleet.record_usage(usage(quantity="1"), usage(quantity="2"))
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert [e.quantity for e in recorded(fleet)[0].entries] == [1]


def test_the_same_command_again_is_answered_as_the_first_time(fleet: System) -> None:
    body, asked = RecordUsage.model_validate({"events": [usage()]}), examples.asked()
    assert fleet.customer.record_usage(body, asked) == fleet.customer.record_usage(body, asked)
    assert len(recorded(fleet)) == 1


def test_a_contract_may_be_named_by_its_id(fleet: System) -> None:
    known = str(contract_id(fleet))
    answer = fleet.record_usage(
        usage(contractId=known, contractIdent=None), usage(eventId="u-2", contractId=known)
    )
    assert answer["accepted"] == 2


def test_usage_of_an_own_item_is_named_by_item_ident(fleet: System) -> None:
    fleet.sign_contract(examples.contract(contractIdent="C-3", items=[examples.kilometres()]))
    assert fleet.record_usage(usage(contractIdent="C-3", optionIdent=None, itemIdent="km"))["accepted"] == 1


ELSEWHERE = "0199aaaa-0000-7000-8000-000000000000"
INVALID = {
    "an unknown contract": ({"contractIdent": "C-9"}, "contractIdent", "C-9"),
    "an unknown contract id": (
        {"contractId": ELSEWHERE, "contractIdent": None},
        "contractId",
        ELSEWHERE,
    ),
    "two contracts": ({"contractId": ELSEWHERE}, "contractIdent", "C-1"),
    "an unknown option": ({"optionIdent": "litres"}, "optionIdent", "litres"),
    "an unknown item": ({"optionIdent": None, "itemIdent": "litres"}, "itemIdent", "litres"),
    "an option that is not measured": ({"optionIdent": "base"}, "optionIdent", "base"),
    "a day before the contract": (
        {"occurredAt": "2026-01-13T23:59:59Z"},
        "occurredAt",
        "2026-01-13T23:59:59+00:00",
    ),
    "the day after tomorrow": (
        {"occurredAt": "2026-03-02T09:30:01Z"},
        "occurredAt",
        "2026-03-02T09:30:01+00:00",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_usage_fits_its_contract_so_it_is_never_of(fleet: System, name: str) -> None:
    changes, field, rejected = INVALID[name]
    (error,) = wrong(fleet, usage(**changes))
    assert (error.field, error.rejected_value) == (f"events[0].{field}", rejected)


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": "0"},
        {"quantity": "-1"},
        {"quantity": "many"},
        {"occurredAt": "2026-02-03T08:00:00"},
        {"occurredAt": "2026-02-03"},
        {"occurredAt": 1770105600},
        {"occurredAt": "0001-01-01T00:00:00+14:00"},
        {"eventId": ""},
        {"eventId": "x" * 256},
        {"eventId": None},
        {"contractIdent": None},
        {"optionIdent": None},
        {"itemIdent": "km"},
        {"unknown": 1},
    ],
)
def test_an_entry_is_complete_and_exact(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as error:
        RecordUsage.model_validate({"events": [usage(), usage(**changes)]})
    assert error.value.errors()[0]["loc"][:2] == ("events", 1)


def test_a_batch_has_1_to_10_000_events() -> None:
    entry = RecordUsage.model_validate(usage()).events[0]
    assert len(RecordUsage(events=(entry,) * 10_000).events) == 10_000
    for count in (0, 10_001):
        with pytest.raises(ValidationError):
            RecordUsage(events=(entry,) * count)


def test_a_batch_is_recorded_as_a_whole_or_not_at_all_and_every_error_is_named(fleet: System) -> None:
    errors = wrong(
        fleet,
        usage(),
        usage(eventId="u-2", contractIdent="C-9"),
        usage(eventId="u-3"),
        usage(eventId="u-4", optionIdent="litres"),
    )
    assert [error.field for error in errors] == ["events[1].contractIdent", "events[3].optionIdent"]


def test_of_very_many_errors_the_first_hundred_are_named(fleet: System) -> None:
    assert len(wrong(fleet, *(usage(eventId=f"u-{n}", contractIdent="C-9") for n in range(200)))) == 100


def test_usage_has_a_day_of_grace_around_the_contract_for_time_zones(fleet: System) -> None:
    fleet.sign_contract(
        examples.contract(contractIdent="C-3", items=[examples.kilometres()], endDate="2026-02-10")
    )
    ends = [("2026-01-14T00:00:00Z", True), ("2026-02-11T23:59:59Z", True), ("2026-02-12T00:00:00Z", False)]
    for number, (occurred_at, fits) in enumerate(ends):
        entry = usage(eventId=f"u-{number}", contractIdent="C-3", occurredAt=occurred_at)
        if fits:
            fleet.record_usage(entry)
        else:
            assert wrong(fleet, entry)[0].field == "events[0].occurredAt"


def test_an_instant_is_stored_in_utc(fleet: System) -> None:
    fleet.record_usage(usage(occurredAt="2026-02-03T00:30:00+01:00"))
    assert recorded(fleet)[0].entries[0].occurred_at == datetime(2026, 2, 2, 23, 30, tzinfo=UTC)


def test_a_clock_may_be_ahead_by_a_day(fleet: System) -> None:
    tomorrow = examples.NOW + timedelta(days=1)
    assert fleet.record_usage(usage(occurredAt=tomorrow.isoformat()))["accepted"] == 1


def test_usage_of_an_item_that_is_removed_is_still_recorded(fleet: System) -> None:
    body = AmendContract.model_validate({"effectiveDate": "2026-02-01", "remove": ["km"]})
    fleet.customer.amend_contract(contract_id(fleet), body, examples.asked())
    assert fleet.record_usage(usage())["accepted"] == 1


def test_a_cancelled_contract_takes_no_usage(fleet: System) -> None:
    fleet.customer.cancel_contract(contract_id(fleet), CancelContract(), examples.asked())
    assert wrong(fleet, usage())[0].message == "the contract is cancelled"


def test_the_contract_of_an_erased_customer_takes_no_usage(system: System) -> None:
    created = system.create_customer(examples.beispiel_gmbh())
    system.sign_contract(examples.contract(items=[examples.kilometres()], endDate="2026-02-28"))
    system.define_seller()
    system.bill("2026-02-28")
    system.customer.erase_customer(UUID(created["customerId"]), examples.asked())
    assert wrong(system, usage())[0].message == "the customer's personal data was erased"


def test_events_that_many_send_at_the_same_moment_are_recorded_once(fleet: System) -> None:
    """Overlapping batches from threads: each event is accepted exactly once, by whoever was first; nobody is refused."""
    senders, barrier = 12, Barrier(12)

    def send(sender: int) -> dict[str, Any]:
        entries = [usage(eventId=f"u-{n}") for n in range(sender, sender + 40)]
        barrier.wait()
        return fleet.record_usage(*entries)

    with ThreadPoolExecutor(senders) as threads:
        answers = list(threads.map(send, range(senders)))
    known = [entry.event_id for report in recorded(fleet) for entry in report.entries]
    assert sorted(known) == sorted({f"u-{n}" for n in range(senders + 39)})
    assert sum(answer["accepted"] for answer in answers) == len(known)
    assert all(answer["accepted"] + answer["duplicates"] == 40 for answer in answers)


def test_usage_and_a_cancellation_at_the_same_moment_do_not_both_happen(fleet: System) -> None:
    barrier = Barrier(2)

    def cancel() -> str:
        barrier.wait()
        fleet.customer.cancel_contract(contract_id(fleet), CancelContract(), examples.asked())
        return "cancelled"

    def send() -> str:
        barrier.wait()
        try:
            fleet.record_usage(usage())
        except InvalidFields:
            return "refused"
        return "recorded"

    with ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(cancel), threads.submit(send)]
        sent = answers[1].result()
        assert answers[0].result() == "cancelled"
    topics = [event.topic for event in fleet.customer_events()][4:]
    if sent == "recorded":
        assert topics == ["customer.UsageRecorded", "customer.ContractCancelled"]
    else:
        assert topics == ["customer.ContractCancelled"]
