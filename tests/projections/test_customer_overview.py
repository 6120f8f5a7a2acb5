"""The overview: what its rows show, how it is searched, filtered, sorted and paged."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from infra.postgres.pool import Pool
from projections.customer_overview import SORTS, CustomerFilter
from projections.replay import replay
from projections.views import Views
from services.errors import InvalidFields
from services.messages import DocumentType
from services.values import ContractorReference, CustomerType
from tests.database import Database
from tests.projections.logs import Logs
from tests.projections.reading import all_rows, follow


def shown(views: Views, **wanted: Any) -> list[str]:
    """Debtor idents of the customers that are found."""
    return [item["debtorIdent"] for item in views.customers(CustomerFilter(**wanted))["items"]]


def test_a_created_customer_is_shown_with_the_name_of_its_first_invoice_address(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created("D-4711", email="rechnung@example.com")
    follow(pool, logs)
    assert views.customers(CustomerFilter())["items"] == [
        {
            "customerId": str(customer_id),
            "debtorIdent": "D-4711",
            "name": "Beispiel GmbH",
            "accountNumber": "100001",
            "customerType": "B2B",
            "city": "Hamburg",
            "country": "DE",
            "language": "de",
            "contractsActive": 0,
            "openAmounts": [],
            "lastDocument": None,
            "email": "rechnung@example.com",
            "billingStop": False,
            "createdAt": "2026-01-01T08:01:00Z",
        }
    ]


def test_an_edit_changes_what_it_names_and_leaves_the_rest(pool: Pool, logs: Logs, views: Views) -> None:
    customer_id = logs.customer_created(email="old@example.com")
    logs.customer_edited(customer_id, language="en", email=None)
    follow(pool, logs)
    [item] = views.customers(CustomerFilter())["items"]
    assert (item["language"], item["email"], item["customerType"]) == ("en", None, "B2B")
    assert shown(views, q="old@example.com") == []


def test_only_an_edit_of_the_first_invoice_address_changes_name_and_city(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created()
    branch = logs.address_added(customer_id, company="Zweigstelle", city="Kiel")
    logs.address_edited(customer_id, branch)
    follow(pool, logs)
    assert views.customers(CustomerFilter())["items"][0]["name"] == "Beispiel GmbH"


def test_a_new_name_is_found_and_the_old_one_is_not(pool: Pool, logs: Logs, views: Views) -> None:
    address_id = UUID(int=7)
    customer_id = logs.customer_created(address={"address_id": address_id, "company": "Alt AG"})
    new = logs.address(address_id=address_id, company="Neu AG", city="Wien", country="AT")
    logs.address_edited(customer_id, new)
    follow(pool, logs)
    [item] = views.customers(CustomerFilter(q="neu"))["items"]
    assert (item["name"], item["city"], item["country"]) == ("Neu AG", "Wien", "AT")
    assert shown(views, q="alt") == []


@pytest.mark.parametrize(
    ("today", "active"),
    [
        (date(2026, 1, 14), 0),
        (date(2026, 1, 15), 1),
        (date(2026, 2, 1), 2),
        (date(2026, 2, 28), 2),
        (date(2026, 3, 1), 1),
    ],
)
def test_contracts_are_active_from_their_first_to_their_last_day(
    pool: Pool, logs: Logs, today: date, active: int
) -> None:
    customer_id = logs.customer_created()
    logs.contract_signed(customer_id, "C-1", starts_on=date(2026, 1, 15))
    logs.contract_signed(customer_id, "C-2", starts_on=date(2026, 2, 1), ends_on=date(2026, 2, 28))
    follow(pool, logs)
    [item] = Views(pool, logs.vault, today=lambda: today).customers(CustomerFilter())["items"]
    assert item["contractsActive"] == active


@pytest.mark.parametrize(
    ("today", "active"),
    [
        (date(2026, 2, 28), 2),
        (date(2026, 3, 1), 1),  # C-1 is paused
        (date(2026, 4, 1), 2),
        (date(2026, 6, 30), 2),
        (date(2026, 7, 1), 1),  # C-1 is terminated
        (date(2030, 1, 1), 1),
    ],
)
def test_contracts_are_not_active_while_paused_once_terminated_or_if_cancelled(
    pool: Pool, logs: Logs, today: date, active: int
) -> None:
    customer_id = logs.customer_created()
    first = logs.contract_signed(customer_id, "C-1")
    logs.contract_signed(customer_id, "C-2")
    cancelled = logs.contract_signed(customer_id, "C-3")
    logs.contract_amended(first, customer_id, date(2026, 2, 1), removed=("setup",))
    logs.contract_paused(first, customer_id, date(2026, 3, 1))
    logs.contract_resumed(first, customer_id, date(2026, 4, 1))
    logs.contract_terminated(first, customer_id, date(2026, 6, 30))
    logs.contract_cancelled(cancelled, customer_id)
    follow(pool, logs)
    [item] = Views(pool, logs.vault, today=lambda: today).customers(CustomerFilter())["items"]
    assert item["contractsActive"] == active


def test_open_amounts_add_up_by_currency_and_a_credit_note_takes_off(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.customer_created()
    run = logs.run_requested()
    for gross, currency in (("10.00", "EUR"), ("2.50", "EUR"), ("1000", "JPY"), ("7.00", "USD")):
        logs.document_issued(customer_id, run, gross=gross, currency=currency)
    logs.document_issued(
        customer_id, run, gross="7.00", currency="USD", type=DocumentType.CREDIT_NOTE, number="G-1"
    )
    follow(pool, logs)
    [item] = views.customers(CustomerFilter(has_open_amount=True))["items"]
    assert item["openAmounts"] == [
        {"currency": "EUR", "amount": "12.50"},
        {"currency": "JPY", "amount": "1000"},
    ]
    assert item["lastDocument"] is not None
    assert item["lastDocument"]["number"] == "G-1"


def test_documents_of_a_customer_that_is_not_known_yet_show_when_it_is(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = logs.new_id()
    logs.document_issued(customer_id, logs.new_id(), gross="5.00")
    follow(pool, logs)
    assert views.customers(CustomerFilter())["total"] == 0
    logs.customer_created(customer_id=customer_id)
    follow(pool, logs)
    [item] = views.customers(CustomerFilter())["items"]
    assert item["openAmounts"] == [{"currency": "EUR", "amount": "5.00"}]


@pytest.mark.parametrize(
    "q",
    ["Łódź Straße", "lodz", "STRASSE", "odz str", "D-4711", "4711", "100001", "rechnung@", "DE136695976",
     "de1366", "crm-0017", "0017", "st", "Ł", "100% GmbH", "_gmbh"],
)  # fmt: skip
def test_words_are_found_in_names_and_idents_whatever_case_and_accents(
    pool: Pool, logs: Logs, views: Views, q: str
) -> None:
    logs.customer_created(
        "D-4711",
        address={"company": "Łódź Straßenbahn 100% _GmbH"},
        email="rechnung@example.com",
        vat_id="DE136695976",
        contractor_references=(ContractorReference(system="crm", ident="crm-0017"),),
    )
    logs.customer_created("D-9", address={"company": "Other"}, account_number="200009")
    follow(pool, logs)
    assert shown(views, q=q) == ["D-4711"]


@pytest.mark.parametrize("q", ["beispiel nirgends", "%", "e%l", "ei", "\\"])
def test_what_no_word_contains_is_not_found(pool: Pool, logs: Logs, views: Views, q: str) -> None:
    logs.customer_created()
    follow(pool, logs)
    assert shown(views, q=q) == []


def test_filters_must_all_match(pool: Pool, logs: Logs, views: Views) -> None:
    logs.customer_created("A", customer_type=CustomerType.B2C, address={"last_name": "Muster"})
    logs.customer_created("B", language="en")
    logs.customer_created("C", language="en", address={"country": "AT"})
    follow(pool, logs)
    assert shown(views, sort="debtorIdent", language="en") == ["B", "C"]
    assert shown(views, language="en", country="AT") == ["C"]
    assert shown(views, customer_type="B2C") == ["A"]
    assert shown(views, debtor_ident="B") == ["B"]
    assert shown(views, has_open_amount=True) == []
    assert shown(views, sort="debtorIdent", has_open_amount=False) == ["A", "B", "C"]
    assert shown(views, created_from=date(2026, 1, 2)) == []
    assert shown(views, sort="name", created_from=date(2026, 1, 1), created_to=date(2026, 1, 1), q="B") != []


def test_contractor_references_are_found_by_ident_with_or_without_their_system(
    pool: Pool, logs: Logs, views: Views
) -> None:
    crm, erp = (ContractorReference(system=system, ident="0017") for system in ("crm", "erp"))
    logs.customer_created("A", contractor_references=(crm,))
    logs.customer_created("B", contractor_references=(ContractorReference(system="x", ident="crm:0017"), erp))
    changed = logs.customer_created("C", contractor_references=(crm,))
    logs.customer_edited(changed, contractor_references=())
    follow(pool, logs)
    assert shown(views, sort="debtorIdent", contractor_reference="0017") == ["A", "B"]
    assert shown(views, sort="debtorIdent", contractor_reference="crm:0017") == ["A", "B"]
    assert shown(views, contractor_reference="erp:0017") == ["B"]
    assert shown(views, contractor_reference="erp") == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("fleet_size", ["A", "B"]),
        ("fleet_size:12", ["A"]),
        ("fleet_size:13", ["B"]),
        ("vip:true", ["B"]),
        ("discount:0.5", ["A"]),
        ("since:2026-01-01", ["A"]),
        ("note:a:b", ["A"]),
        ("segment", []),
        ("fleet_size:", []),
    ],
)
def test_properties_are_found_by_key_or_by_key_and_value(
    pool: Pool, logs: Logs, views: Views, wanted: str, found: list[str]
) -> None:
    properties = {"fleet_size": 12, "discount": 0.5, "since": "2026-01-01", "note": "a:b"}
    logs.customer_created("A", properties=properties)
    other = logs.customer_created("B", properties={"segment": "mobility"})
    logs.property_set(other, "fleet_size", 13.0)
    logs.property_set(other, "vip", True)
    logs.property_removed(other, "segment")
    follow(pool, logs)
    assert shown(views, sort="debtorIdent", property=wanted) == found


def test_customers_whose_billing_is_stopped_are_found(pool: Pool, logs: Logs, views: Views) -> None:
    stopped, lifted = logs.customer_created("A"), logs.customer_created("B")
    for customer_id in (stopped, lifted):
        logs.billing_stopped(customer_id)
    logs.billing_stop_lifted(lifted)
    follow(pool, logs)
    assert (shown(views, billing_stop=True), shown(views, billing_stop=False)) == (["A"], ["B"])
    assert [item["billingStop"] for item in views.customers(CustomerFilter(q="A"))["items"]] == [True]


SEARCHED = ("Erika", "Muster", "erika@example.com", "DE136695976")
PERSONAL = (*SEARCHED, "Hamburg", "mobility")


def personal_life(logs: Logs) -> UUID:
    """A customer who says much of herself, and changes her mind."""
    customer_id = logs.customer_created(
        "D-1",
        customer_type=CustomerType.B2C,
        vat_id="DE136695976",
        contractor_references=(ContractorReference(system="crm", ident="0017"),),
        properties={"segment": "mobility", "gone": "soon"},
        address={"company": None, "first_name": "Erika", "last_name": "Muster", "address_id": UUID(int=7)},
    )
    logs.customer_edited(customer_id, email="erika@example.com")
    logs.property_set(customer_id, "fleet_size", 12)
    logs.property_removed(customer_id, "gone")
    logs.address_edited(
        customer_id,
        logs.address(
            company=None, academic_title="Dr.", first_name="Erika", last_name="Muster", address_id=UUID(int=7)
        ),
    )
    return customer_id


def test_nothing_personal_of_an_erased_customer_is_shown_or_found(
    pool: Pool, logs: Logs, views: Views
) -> None:
    customer_id = personal_life(logs)
    logs.customer_created("D-2")
    follow(pool, logs)
    assert all(shown(views, q=word) == ["D-1"] for word in SEARCHED)
    logs.erased(customer_id)
    follow(pool, logs)
    [row] = [row for row in all_rows(pool)["customer_overview"] if row["customer_id"] == customer_id]
    assert not [word for word in PERSONAL if word.lower() in str(row).lower()]
    [item] = views.customers(CustomerFilter(q="D-1"))["items"]
    assert (item["name"], item["city"], item["email"], item["country"]) == (*["[erased]"] * 3, "DE")
    assert shown(views, q="0017") == ["D-1"]
    assert shown(views, property="fleet_size:12") == []


def test_the_row_of_an_erased_customer_is_what_its_messages_give_without_their_key(
    database: Database, pool: Pool, logs: Logs
) -> None:
    personal_life(logs)
    customer_id = personal_life_of_another(logs)
    follow(pool, logs)
    assert replay(database.owner_url, logs.feeds, logs.vault) == []
    logs.erased(customer_id)
    follow(pool, logs)
    assert replay(database.owner_url, logs.feeds, logs.vault) == []


def personal_life_of_another(logs: Logs) -> UUID:
    """A company without a city, whose VAT-ID and e-mail were cleared."""
    customer_id = logs.customer_created(
        "D-2", vat_id="DE136695976", email="a@example.com", address={"city": None}
    )
    logs.customer_edited(customer_id, vat_id=None, email=None)
    return customer_id


def test_keys_are_looked_up_once_for_a_batch(pool: Pool, logs: Logs) -> None:
    for n in range(50):
        logs.customer_created(f"D-{n}")
    follow(pool, logs)
    assert logs.vault.look_ups == 1


@pytest.fixture
def many(pool: Pool, logs: Logs) -> Logs:
    """Seventeen customers, many alike, so that sorting by most columns has ties."""
    run = logs.run_requested()
    for n in range(17):
        customer_id = logs.customer_created(
            f"D-{n % 4}-{n}",
            address={"company": f"Firma {n % 3}", "city": None if n % 5 == 0 else f"Ort {n % 2}"},
            account_number=str(99_995 + n),
            language="de" if n % 2 else "en",
        )
        if n % 3 == 0:
            logs.contract_signed(customer_id, f"C-{n}", starts_on=date(2026, 1, 1 + n))
        if n % 4 == 0:
            logs.document_issued(customer_id, run, gross=f"{n % 3}.50")
    follow(pool, logs)
    return logs


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("column", SORTS)
def test_pages_of_any_order_together_show_every_customer_once(
    many: Logs, views: Views, column: str, sign: str
) -> None:
    whole = shown(views, sort=sign + column, limit=500)
    assert len(set(whole)) == 17
    paged: list[str] = []
    cursor = None
    while True:
        page = views.customers(CustomerFilter(sort=sign + column, limit=4, cursor=cursor))
        assert page["total"] == 17
        paged += [item["debtorIdent"] for item in page["items"]]
        if (cursor := page["cursor"]) is None:
            break
    assert paged == whole


def test_account_numbers_are_sorted_as_numbers(many: Logs, views: Views) -> None:
    found = views.customers(CustomerFilter(sort="accountNumber"))["items"]
    assert [item["accountNumber"] for item in found] == [str(99_995 + n) for n in range(17)]


def test_a_customer_that_comes_while_somebody_pages_neither_shifts_nor_repeats_rows(
    many: Logs, pool: Pool, views: Views
) -> None:
    first = views.customers(CustomerFilter(sort="debtorIdent", limit=10))
    many.customer_created("A-first-of-all")
    follow(pool, many)
    second = views.customers(CustomerFilter(sort="debtorIdent", limit=10, cursor=first["cursor"]))
    idents = [item["debtorIdent"] for item in first["items"] + second["items"]]
    assert len(set(idents)) == len(idents) == 17


@pytest.mark.parametrize("cursor", ["x", "AAAA", "WzEsMSxbXV0"])
def test_a_cursor_that_is_none_is_refused(views: Views, cursor: str) -> None:
    with pytest.raises(InvalidFields):
        views.customers(CustomerFilter(cursor=cursor))


def test_a_cursor_of_another_search_is_refused(many: Logs, views: Views) -> None:
    cursor = views.customers(CustomerFilter(limit=2))["cursor"]
    with pytest.raises(InvalidFields):
        views.customers(CustomerFilter(limit=2, language="en", cursor=cursor))
    with pytest.raises(InvalidFields):
        views.customers(CustomerFilter(limit=2, sort="name", cursor=cursor))


def test_an_unknown_sort_column_is_refused(views: Views) -> None:
    with pytest.raises(InvalidFields):
        views.customers(CustomerFilter(sort="search; DROP TABLE positions"))
