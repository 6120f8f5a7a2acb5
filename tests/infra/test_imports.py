"""Imports: what comes in from files is checked as over the API, comes in once, and what does not come in is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.imports import ImportResult, Kind, import_file
from services.errors import Unavailable
from services.messages import CustomerCreated, UsageRecorded
from tests import examples
from tests.system import System

Row = dict[str, Any]
Counts = tuple[int, int, int]


@pytest.fixture
def imported(system: System, tmp_path: Path) -> Callable[..., Counts]:
    """Imports rows from a JSON Lines file, or the text of a file: how many were created, unchanged and rejected."""

    def run(kind: Kind, rows: list[Row] | str, name: str = "rows.jsonl") -> Counts:
        path = tmp_path / name
        path.write_text(rows if isinstance(rows, str) else lines(rows), "utf-8")
        return counts(import_file(kind, path, system.customer))

    return run


def lines(rows: list[Row]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def counts(result: ImportResult) -> Counts:
    return result.created, result.unchanged, result.rejected


def rejects(tmp_path: Path, name: str = "rows.jsonl") -> list[Row]:
    path = tmp_path / f"{name}.rejects.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def reasons(tmp_path: Path, name: str = "rows.jsonl") -> list[tuple[int, str, str]]:
    """Row number, field and message of everything that was rejected."""
    return [(r["row"], e["field"], e["message"]) for r in rejects(tmp_path, name) for e in r["errors"]]


def moving_in(**changes: Any) -> Row:
    """A customer with everything that belongs to it."""
    return (
        examples.beispiel_gmbh()
        | {
            "billingStop": {"reason": "dispute"},
            "paymentAccounts": [
                examples.direct_debit(),
                {"paymentMethod": "BANK_TRANSFER"},
            ],
            "contracts": [without(examples.contract(), "debtorIdent")],
            "orders": [without(examples.order(), "debtorIdent")],
        }
        | changes
    )


def without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def topics(system: System) -> list[str]:
    return [event.topic.removeprefix("customer.") for event in system.customer_events()]


# -- once ---------------------------------------------------------------------------------------


def test_the_same_file_again_changes_nothing(system, imported):
    rows = [examples.beispiel_gmbh(debtorIdent=f"D-{n}") for n in range(5)]
    assert imported("customers", rows) == (5, 0, 0)
    before = topics(system)
    assert imported("customers", rows) == (0, 5, 0)
    assert topics(system) == before


def test_a_row_whose_ident_is_there_with_other_content_is_rejected(system, imported, tmp_path):
    imported("customers", [examples.beispiel_gmbh()])
    assert imported("customers", [examples.beispiel_gmbh(phone="+49 40 9")]) == (0, 0, 1)
    there = "is there already, but not from this row; an import never changes what is there"
    assert reasons(tmp_path) == [(1, "debtorIdent", there)]
    assert len(system.customer_events()) == 1


def test_of_rows_with_one_ident_the_first_in_the_file_wins(system, imported, tmp_path):
    rows = [examples.erika(contractorReferences=[{"system": "crm", "ident": f"{n}"}]) for n in range(20)]
    assert imported("customers", rows) == (1, 0, 19)
    [created] = [e.body for e in system.customer_events() if isinstance(e.body, CustomerCreated)]
    assert created.contractor_references[0].ident == "0"
    assert [number for number, _, _ in reasons(tmp_path)] == list(range(2, 21))


def test_a_row_without_an_ident_is_known_by_its_content(system, imported):
    nameless = without(examples.erika(), "debtorIdent")
    assert imported("customers", [nameless, nameless]) == (1, 1, 0)
    assert imported("customers", [nameless | {"phone": "1"}, nameless]) == (1, 1, 0)


def test_the_same_bad_row_twice_is_rejected_twice(imported):
    bad = examples.erika(language="nonsense")
    assert imported("customers", [bad, bad]) == (0, 0, 2)


def test_contracts_and_orders_come_in_once(system, imported):
    system.create_customer(examples.beispiel_gmbh())
    for kind, rows in (
        ("contracts", [examples.contract(), examples.contract(contractIdent="C-2")]),
        ("orders", [examples.order(), examples.order(orderIdent="O-2")]),
    ):
        assert imported(kind, rows) == (2, 0, 0)
        assert imported(kind, rows) == (0, 2, 0)


# -- what is wrong ------------------------------------------------------------------------------


def test_a_bad_row_is_rejected_with_its_fields_and_the_rest_comes_in(imported, tmp_path):
    bad = examples.beispiel_gmbh(debtorIdent="D-bad", language="nonsense", favouriteColour="blue")
    bad["addresses"][1]["country"] = "Germany"
    assert imported("customers", [examples.beispiel_gmbh(), bad, examples.erika()]) == (2, 0, 1)
    [reject] = rejects(tmp_path)
    assert (reject["row"], reject["data"]) == (2, bad)
    fields = {error["field"]: error["message"] for error in reject["errors"]}
    assert fields.keys() == {"language", "addresses[1].country", "favouriteColour"}
    assert fields["favouriteColour"] == "is not a field of this request; remove it or correct its name"


def test_a_row_that_concerns_nobody_is_rejected(imported, tmp_path):
    nobodys = without(examples.contract(), "debtorIdent")
    assert imported("contracts", [examples.contract(), nobodys, examples.contract(debtorIdent=None)]) == (
        0,
        0,
        3,
    )
    assert reasons(tmp_path) == [
        (1, "contractIdent", "There is no customer with the debtor ident 'D-4711'."),
        (2, "row", "name the customer by customerId or debtorIdent"),
        (3, "row", "name the customer by customerId or debtorIdent"),
    ]


def test_lines_that_are_no_rows_are_rejected_by_their_number(imported, tmp_path):
    text = lines([examples.erika()]) + "nonsense\n[]\n" + lines([examples.beispiel_gmbh()])
    assert imported("customers", text) == (2, 0, 2)
    assert [(number, field) for number, field, _ in reasons(tmp_path)] == [(2, "row"), (3, "row")]


def test_rejects_are_those_of_the_last_import(imported, tmp_path):
    imported("customers", "nonsense\n")
    assert imported("customers", [examples.erika()]) == (1, 0, 0)
    assert not list(tmp_path.glob("*.rejects.jsonl"))


def test_what_utf_8_cannot_hold_is_rejected_and_written_as_an_escape(imported, tmp_path):
    assert imported("customers", [examples.erika(phone="\ud800")]) == (0, 0, 1)
    assert rejects(tmp_path)[0]["data"]["phone"] == "\ud800"


def test_an_unreachable_database_ends_the_import_and_rejects_nothing(system, imported, tmp_path):
    system.customer.log_index.close()
    with pytest.raises(Unavailable):
        imported("customers", [examples.erika()])
    assert not list(tmp_path.glob("*.rejects.jsonl"))


# -- customers with what belongs to them --------------------------------------------------------


def test_a_company_moves_in_with_one_file(system, imported):
    assert imported("customers", [moving_in()]) == (1, 0, 0)
    assert topics(system) == [
        "CustomerCreated",
        "BillingStopped",
        "PaymentAccountAdded",
        "PaymentAccountAdded",
        "ContractSigned",
        "OrderRecorded",
    ]
    before = topics(system)
    assert imported("customers", [moving_in()]) == (0, 1, 0)
    assert topics(system) == before


def test_who_has_no_debtor_ident_can_bring_contracts_along(system, imported):
    row = without(moving_in(), "debtorIdent")
    assert imported("customers", [row, row]) == (1, 1, 0)
    assert topics(system).count("ContractSigned") == 1


def test_an_interrupted_row_goes_on_where_it_was(system, imported):
    for stage in range(6):
        row = moving_in(debtorIdent=f"D-{stage}")
        row["contracts"][0]["contractIdent"] = row["orders"][0]["orderIdent"] = f"X-{stage}"
        parts = ["billingStop", "paymentAccounts", "contracts", "orders"]
        begun = without(row, *parts[max(stage - 1, 0) :])
        imported("customers", [begun] if stage else [])
        assert imported("customers", [row]) == ((0, 1, 0) if stage == 5 else (1, 0, 0))
        assert imported("customers", [row]) == (0, 1, 0)
    assert topics(system).count("PaymentAccountAdded") == 12
    assert len(topics(system)) == 36


def test_a_refused_part_is_named_by_its_path_and_the_other_parts_come_in(system, imported, tmp_path):
    row = moving_in()
    row["contracts"].insert(
        0,
        row["contracts"][0] | {"contractIdent": "C-2", "items": [examples.setup_fee(), examples.base_fee()]},
    )
    row["contracts"][0]["items"][1]["unitPrice"] = "cheap"
    row["paymentAccounts"][0]["iban"] = "DE00370400440532013000"
    assert imported("customers", [row]) == (0, 0, 1)
    assert [field for _, field, _ in reasons(tmp_path)] == [
        "paymentAccounts[0].iban",
        "contracts[0].items[1].unitPrice",
    ]
    assert topics(system)[2:] == ["PaymentAccountAdded", "ContractSigned", "OrderRecorded"]

    row["contracts"][0]["items"][1]["unitPrice"] = "1.99"
    row["paymentAccounts"][0]["iban"] = "DE89370400440532013000"
    assert imported("customers", [row]) == (1, 0, 0)
    assert topics(system)[5:] == ["PaymentAccountAdded", "ContractSigned"]


def test_a_part_whose_ident_is_taken_is_rejected_by_its_path(system, imported, tmp_path):
    imported("customers", [moving_in()])
    assert imported("customers", [moving_in(debtorIdent="D-2")]) == (0, 0, 1)
    assert [field for _, field, _ in reasons(tmp_path)] == [
        "contracts[0].contractIdent",
        "orders[0].orderIdent",
    ]


def test_nothing_of_a_refused_customer_comes_in(system, imported, tmp_path):
    assert imported("customers", [moving_in(language="nonsense")]) == (0, 0, 1)
    assert [field for _, field, _ in reasons(tmp_path)] == ["language"]
    assert topics(system) == []


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"contracts": "C-1"}, "contracts"),
        ({"contracts": [None]}, "contracts[0]"),
        (
            {"orders": [examples.order(customerId="01890000-0000-7000-8000-000000000000")]},
            "orders[0].customerId",
        ),
        ({"contracts": [examples.contract(debtorIdent="D-2")]}, "contracts[0].debtorIdent"),
        ({"billingStop": []}, "billingStop"),
        ({"billingStop": {}}, "billingStop.reason"),
        ({"paymentAccounts": [{"paymentMethod": "DIRECT_DEBIT"}]}, "paymentAccounts[0]"),
    ],
)
def test_a_part_that_is_none_is_told(imported, tmp_path, part, field):
    imported("customers", [examples.erika(debtorIdent="D-2")])
    assert imported("customers", [examples.beispiel_gmbh() | part]) == (0, 0, 1)
    assert {field for _, field, _ in reasons(tmp_path)} >= {field} or reasons(tmp_path)[0][1].startswith(
        field
    )


def test_a_card_number_is_refused_and_not_even_kept_in_the_rejects(system, imported, tmp_path):
    card = {"paymentMethod": "CREDIT_CARD", "gatewayToken": "4111 1111 1111 1111"}
    assert imported("customers", [examples.erika(paymentAccounts=[card])]) == (0, 0, 1)
    [reject] = rejects(tmp_path)
    assert reject["data"] is None
    assert [error["field"] for error in reject["errors"]] == ["paymentAccounts[0].gatewayToken"]
    assert "4111" not in (tmp_path / "rows.jsonl.rejects.jsonl").read_text()
    assert topics(system) == ["CustomerCreated"]


# -- CSV ----------------------------------------------------------------------------------------


def test_csv_cells_are_read_as_what_the_field_is(system, imported):
    columns = {
        "debtorIdent": "D-1",
        "customerType": "B2B",
        "language": "de",
        "properties.segment": "mobility",
        "addresses[0].addressType": "INVOICE",
        "addresses[0].company": "Beispiel GmbH",
        "addresses[0].country": "DE",
        "addresses[0].default": "true",
        "paymentAccounts[0].paymentMethod": "BANK_TRANSFER",
        "paymentAccounts[0].default": "true",
        "contracts[0].contractIdent": "C-1",
        "contracts[0].currency": "EUR",
        "contracts[0].startDate": "2026-01-15",
        "contracts[0].paymentTermDays": "14",
        "contracts[0].items[0].itemIdent": "base",
        "contracts[0].items[0].name": "Base fee",
        "contracts[0].items[0].kind": "RECURRING",
        "contracts[0].items[0].unitPrice": "9.99",
        "contracts[0].items[0].billingInterval.count": "1",
        "contracts[0].items[0].billingInterval.unit": "MONTH",
        "contracts[0].items[0].billingTiming": "INTERVAL_START",
        "contracts[0].items[1].itemIdent": "km",
        "contracts[0].items[1].name": "Kilometres",
        "contracts[0].items[1].kind": "USAGE",
        "contracts[0].items[1].billingInterval.count": "1",
        "contracts[0].items[1].billingInterval.unit": "MONTH",
        "contracts[0].items[1].pricing.model": "GRADUATED",
        "contracts[0].items[1].pricing.tiers[0].upTo": "1000",
        "contracts[0].items[1].pricing.tiers[0].unitPrice": "0.20",
        "contracts[0].items[1].pricing.tiers[1].upTo": "",
        "contracts[0].items[1].pricing.tiers[1].unitPrice": "0.15",
    }
    text = ";".join(columns) + "\n" + ";".join(columns.values()) + "\n"
    assert imported("customers", text, "rows.csv") == (1, 0, 0)
    created, account, signed = [event.body for event in system.customer_events()]
    assert created.addresses[0].default is True
    assert account.payment_account.default is True
    assert signed.payment_term_days == 14
    assert signed.items[0].billing_interval.count == 1
    assert [tier.up_to for tier in signed.items[1].pricing.tiers] == [1000, None]
    assert imported("customers", text, "rows.csv") == (0, 1, 0)


# -- usage --------------------------------------------------------------------------------------


@pytest.fixture
def metered(system: System) -> System:
    """Two contracts that bill kilometres."""
    system.create_customer(examples.beispiel_gmbh())
    for ident in ("C-1", "C-2"):
        system.sign_contract(examples.contract(contractIdent=ident, items=[examples.kilometres()]))
    return system


def trip(number: int, **changes: Any) -> Row:
    own = {"eventId": f"u-{number}", "contractIdent": f"C-{number % 2 + 1}", "quantity": f"{number}.5"}
    return examples.usage(**own | changes)


def quantities(system: System) -> int:
    """How many entries of usage are recorded."""
    return sum(len(e.body.entries) for e in system.customer_events() if isinstance(e.body, UsageRecorded))


def test_usage_comes_in_once(metered, imported):
    trips = [trip(n) for n in range(2500)]
    assert imported("usage", trips) == (2500, 0, 0)
    assert imported("usage", trips) == (0, 2500, 0)
    assert imported("usage", [*trips[:10], trip(2500), trip(2500)]) == (1, 11, 0)
    assert quantities(metered) == 2501


def test_bad_usage_is_taken_out_of_its_batch(metered, imported, tmp_path):
    trips = [trip(n) for n in range(1000)]
    trips[3]["quantity"] = "-1"
    trips[500]["contractIdent"] = "C-nobody"
    trips[501]["optionIdent"] = "miles"
    trips[999]["occurredAt"] = "2020-01-01T00:00:00Z"
    assert imported("usage", trips) == (996, 0, 4)
    assert [(number, field) for number, field, _ in reasons(tmp_path)] == [
        (4, "quantity"),
        (501, "contractIdent"),
        (502, "optionIdent"),
        (1000, "occurredAt"),
    ]
    assert rejects(tmp_path)[1]["data"] == trips[500]
    assert quantities(metered) == 996
    assert imported("usage", trips) == (0, 996, 4)


def test_a_file_of_nothing_but_bad_usage_is_rejected_row_by_row(metered, imported, tmp_path):
    assert imported("usage", [trip(n, contractIdent="C-nobody") for n in range(450)]) == (0, 0, 450)
    assert [number for number, _, _ in reasons(tmp_path)] == list(range(1, 451))


def test_usage_is_read_from_csv(metered, imported):
    text = "eventId,contractIdent,itemIdent,quantity,occurredAt\nu-1,C-1,km,250.5,2026-02-03T08:00:00Z\n"
    assert imported("usage", text, "usage.csv") == (1, 0, 0)
    assert imported("usage", text, "usage.csv") == (0, 1, 0)
