"""Several billing entities: which one bills what, by whose calendar, and under which numbers."""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from infra.audit import replay_billing
from infra.postgres.pool import connect
from services.billing import billing_entities
from services.billing.api.billing_entities import BillingEntityBody
from services.billing.billing_entity import BillingEntity, Settings
from services.billing.document import Draft
from services.billing.number_ranges import NumbersAllotted, PrefixTaken, ranges_of
from services.billing.numbering import numbers_for
from services.customer.commands.billing_runs import RequestBillingRun
from services.customer.commands.customers import EditCustomer
from services.events import Asked
from services.messages import BillingEntityDefined, DocumentIssued, DocumentType
from services.values import BankAccount, DocumentTexts, NumberRange
from tests import examples
from tests.billing.invoices import invoice, line
from tests.system import System

INVOICE, CREDIT_NOTE, CORRECTION = DocumentType
MAIN, VIENNA = BillingEntity.id_of("main"), BillingEntity.id_of("vienna")


@pytest.fixture
def sellers(system: System) -> Iterator[System]:
    """Hamburg (`main`, RE) and Vienna (`vienna`, AT), and customer D-4711; in the end, the tables are what the logs say."""
    system.define_seller()
    system.define_seller(ident="vienna", number_prefix="AT", seller=named("Wien GmbH"))
    system.create_customer(examples.beispiel_gmbh())
    yield system
    system.work()
    assert replay_billing(system.database.owner_url, system.customer_feed, system.billing_feed) == []


def named(name: str, **changes: Any) -> Any:
    return msgspec.structs.replace(examples.SELLER, name=name, **changes)


def edit(system: System, debtor: str = "D-4711", **changes: Any) -> None:
    body = EditCustomer.model_validate(changes)
    customer = system.customer.owner_of("debtor", debtor)
    assert customer
    system.customer.edit_customer(customer, body, examples.asked())


def billed(documents: list[DocumentIssued]) -> dict[str, set[str]]:
    """What each seller bills, by idents."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for document in documents:
        found[document.seller.name] |= {line.origin.ident for line in document.lines}
    return dict(found)


def settings(**changes: Any) -> Settings:
    return Settings(**{k: v for k, v in (examples.ENTITY | changes).items() if k != "ident"})


def define(system: System, ident: str = "main", **changes: Any) -> dict[str, Any]:
    return system.billing.define_billing_entity(ident, settings(**changes), examples.asked())


# -- who bills ----------------------------------------------------------------------------------


def test_a_contract_or_order_names_who_bills_it_else_the_customer_does_else_it_is_the_first(
    sellers: System,
) -> None:
    sellers.sign_contract(examples.contract())
    sellers.record_order(examples.order(billingEntity="vienna", paymentTermDays=14))
    assert billed(sellers.bill("2026-01-31").documents) == {
        "Nordlicht Software GmbH": {"C-1"},
        "Wien GmbH": {"O-1"},
    }
    edit(sellers, billingEntity="vienna")
    sellers.sign_contract(examples.contract(contractIdent="C-2", billingEntity="main"))
    assert billed(sellers.bill("2026-02-28").documents) == {
        "Wien GmbH": {"C-1"},
        "Nordlicht Software GmbH": {"C-2"},
    }
    edit(sellers, billingEntity=None)
    assert billed(sellers.bill("2026-03-31").documents) == {"Nordlicht Software GmbH": {"C-1", "C-2"}}


def test_the_default_one_bills_whoever_names_none_and_there_is_one_default(sellers: System) -> None:
    sellers.sign_contract(examples.contract())
    define(sellers, "vienna", number_prefix="AT", default=True)
    define(sellers, "zurich", number_prefix="CH", default=True)
    assert [e.entity.ident for e in sellers.billing.billing_entities()] == ["zurich", "main", "vienna"]
    assert [e.is_default for e in sellers.billing.billing_entities()] == [True, False, False]
    [document] = sellers.bill("2026-01-31").documents
    assert document.number == "CH-2026-000001"


def test_a_customer_whose_billing_entity_is_unknown_fails_with_what_to_do_and_is_billed_afterwards(
    sellers: System,
) -> None:
    sellers.create_customer(examples.erika(billingEntity="zurich"))
    sellers.sign_contract(examples.contract())
    sellers.sign_contract(examples.contract(debtorIdent="D-0815", contractIdent="C-2"))
    run = sellers.bill("2026-01-31")
    assert run.outcomes == {"D-4711": "DOCUMENTS_CREATED", "D-0815": "FAILED"}
    assert "'zurich' is not defined; define it" in (run.reasons["D-0815"] or "")
    define(sellers, "zurich", number_prefix="CH")
    assert sellers.bill("2026-01-31").outcomes["D-0815"] == "DOCUMENTS_CREATED"


def test_documents_show_the_seller_as_it_was_with_its_texts_in_their_language(sellers: System) -> None:
    texts = {
        "de": DocumentTexts(introduction="Wie vereinbart:", closing="Danke."),
        "en": DocumentTexts(introduction="As agreed:"),
    }
    define(sellers, seller=named("Hamburg GmbH", creditor_id="DE98ZZZ09999999999"), texts=texts)
    sellers.sign_contract(examples.contract())
    [german] = sellers.bill("2026-01-31").documents
    edit(sellers, language="fr")
    [french] = sellers.bill("2026-02-28").documents
    define(sellers, seller=named("Altona GmbH"))
    [later] = sellers.bill("2026-03-31").documents
    shown = [(d.seller.name, d.seller.introduction, d.seller.closing) for d in (german, french, later)]
    assert shown == [
        ("Hamburg GmbH", "Wie vereinbart:", "Danke."),
        ("Hamburg GmbH", "As agreed:", None),
        ("Altona GmbH", None, None),
    ]
    assert german.seller.creditor_id == "DE98ZZZ09999999999"


# -- by whose calendar --------------------------------------------------------------------------


def request_run_at(system: System, instant: datetime) -> None:
    body = RequestBillingRun.model_validate({"debtorIdent": "D-4711"})
    system.customer.request_billing_run(body, examples.asked(at=instant))


def test_up_to_an_instant_each_bills_by_the_day_that_it_has(sellers: System) -> None:
    """Half past eleven at night in UTC: the first of February has begun in Hamburg, not in New York."""
    define(sellers, "new-york", number_prefix="US", time_zone="America/New_York")
    for ident, entity in (("C-1", "main"), ("C-2", "new-york")):
        start = {"startDate": "2026-02-01", "contractIdent": ident, "billingEntity": entity}
        sellers.sign_contract(examples.contract(**start))
    request_run_at(sellers, datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    sellers.work()
    assert [(d.number, d.issue_date) for d in sellers.documents()] == [("RE-2026-000001", date(2026, 2, 1))]
    request_run_at(sellers, datetime(2026, 2, 1, 23, 30, tzinfo=UTC))
    sellers.work()
    assert [(d.number, d.issue_date) for d in sellers.documents()[1:]] == [
        ("US-2026-000001", date(2026, 2, 1))
    ]


def test_a_plain_day_is_that_day_for_everybody(sellers: System) -> None:
    define(sellers, "new-york", number_prefix="US", time_zone="America/New_York")
    for ident, entity in (("C-1", "main"), ("C-2", "new-york")):
        sellers.sign_contract(examples.contract(contractIdent=ident, billingEntity=entity))
    documents = sellers.bill("2026-01-31").documents
    assert [(d.issue_date, d.totals.net) for d in documents] == [(date(2026, 1, 31), Decimal("5.48"))] * 2


def test_usage_counts_to_the_day_that_it_was_where_the_contract_is_billed_from(sellers: System) -> None:
    define(sellers, "new-york", number_prefix="US", time_zone="America/New_York")
    for ident, entity in (("C-1", "main"), ("C-2", "new-york")):
        items = {"items": [examples.kilometres()], "startDate": "2026-01-01"}
        sellers.sign_contract(examples.contract(contractIdent=ident, billingEntity=entity, **items))
        drive(sellers, ident)
    assert billed(sellers.bill("2026-01-31").documents) == {"Nordlicht Software GmbH": {"C-2"}}
    assert billed(sellers.bill("2026-02-28").documents) == {"Nordlicht Software GmbH": {"C-1"}}


@pytest.mark.parametrize("work_first", [True, False])
def test_usage_of_a_customer_that_moves_to_another_calendar_moves_with_it(
    sellers: System, work_first: bool
) -> None:
    define(sellers, "new-york", number_prefix="US", time_zone="America/New_York")
    sellers.sign_contract(examples.contract(items=[examples.kilometres()], startDate="2026-01-01"))
    drive(sellers, "C-1")
    if work_first:
        assert sellers.bill("2026-01-31").outcomes == {"D-4711": "NOTHING_DUE"}
    edit(sellers, billingEntity="new-york")
    assert sellers.bill("2026-01-31").outcomes == {"D-4711": "DOCUMENTS_CREATED"}


def test_usage_for_a_billing_entity_that_is_defined_later_takes_its_calendar(sellers: System) -> None:
    sellers.sign_contract(
        examples.contract(items=[examples.kilometres()], startDate="2026-01-01", billingEntity="new-york")
    )
    drive(sellers, "C-1")
    assert sellers.bill("2026-01-31").outcomes == {"D-4711": "NOTHING_DUE"}
    define(sellers, "new-york", number_prefix="US", time_zone="America/New_York")
    assert sellers.bill("2026-01-31").outcomes == {"D-4711": "DOCUMENTS_CREATED"}


def drive(system: System, contract_ident: str) -> None:
    """The next day in Berlin, and still the same evening in New York."""
    occurred = {"occurredAt": "2026-01-31T23:30:00Z", "eventId": contract_ident}
    system.record_usage(examples.usage(contractIdent=contract_ident, **occurred))


# -- number ranges ------------------------------------------------------------------------------


def next_number(system: System, on: str) -> str:
    [document] = system.bill(on).documents
    return document.number


def test_a_range_has_its_own_prefix_and_digits_and_goes_on_with_the_numbers_of_another_system(
    sellers: System,
) -> None:
    sellers.sign_contract(examples.contract())
    moved_in = {INVOICE: NumberRange(prefix="R", digits=4, next=4712, year=2026)}
    define(sellers, number_prefix="R", number_ranges=moved_in)
    numbers = [next_number(sellers, day) for day in ("2026-01-31", "2026-02-28", "2027-01-31")]
    assert numbers == ["R-2026-4712", "R-2026-4713", "R-2027-0001"]


def test_the_same_settings_can_be_sent_again_at_any_time(sellers: System) -> None:
    sellers.sign_contract(examples.contract())
    moved_in = {INVOICE: NumberRange(prefix="RE", next=4712, year=2026)}
    for day in ("2026-01-31", "2026-02-28"):
        define(sellers, number_ranges=moved_in)
        next_number(sellers, day)
    define(sellers, number_ranges=moved_in)
    assert next_number(sellers, "2026-03-31") == "RE-2026-004714"


@pytest.mark.parametrize("number", [1, 4712, 4714, 9000])
def test_a_range_that_has_begun_goes_on_where_it_stands(sellers: System, number: int) -> None:
    sellers.sign_contract(examples.contract())
    assert next_number(sellers, "2026-01-31") == "RE-2026-000001"
    define(sellers, number_ranges={INVOICE: NumberRange(prefix="RE", next=2, year=2026)})
    if number != 1:
        with pytest.raises(NumbersAllotted, match="so 2 is next"):
            define(sellers, number_ranges={INVOICE: NumberRange(prefix="RE", next=number, year=2026)})
    assert next_number(sellers, "2026-02-28") == "RE-2026-000002"


def test_where_a_range_begins_can_be_corrected_before_its_first_number(sellers: System) -> None:
    sellers.sign_contract(examples.contract())
    for number in (9000, 47):
        define(sellers, number_ranges={INVOICE: NumberRange(prefix="RE", next=number, year=2026)})
    define(sellers)
    assert next_number(sellers, "2026-01-31") == "RE-2026-000047"


@pytest.mark.parametrize(
    ("ident", "ranges"),
    [
        ("vienna", {INVOICE: "RE"}),
        ("vienna", {CREDIT_NOTE: "RE"}),
        ("vienna", {CORRECTION: "RE-GS"}),
        ("main", {INVOICE: "X", CORRECTION: "X"}),
        ("main", {INVOICE: "RE-GS", CREDIT_NOTE: "RE"}),
        ("vienna", {INVOICE: "OLD"}),
        ("main", {CREDIT_NOTE: "OLD"}),
    ],
)
def test_a_prefix_belongs_to_one_range_for_good(
    sellers: System, ident: str, ranges: dict[DocumentType, str]
) -> None:
    define(sellers, number_prefix="OLD")
    define(sellers, number_prefix="RE")
    own = {kind: NumberRange(prefix=prefix) for kind, prefix in ranges.items()}
    with pytest.raises(PrefixTaken):
        define(sellers, ident, number_prefix=ranges.get(INVOICE, ident.upper()), number_ranges=own)


def test_a_range_can_have_an_earlier_prefix_of_its_own_back(sellers: System) -> None:
    sellers.sign_contract(examples.contract())
    numbers = []
    for prefix, day in (("A", "2026-01-31"), ("B", "2026-02-28"), ("A", "2026-03-31")):
        define(sellers, number_prefix=prefix)
        numbers.append(next_number(sellers, day))
    assert numbers == ["A-2026-000001", "B-2026-000002", "A-2026-000003"]


def test_no_number_is_left_out_or_given_twice_whoever_bills_at_once_and_whatever_is_taken_back(
    sellers: System,
) -> None:
    """Two billing entities, all types and two years, by workers of which every third one crashes before its commit."""
    with ThreadPoolExecutor(8) as threads:
        committed = [
            number for found in threads.map(lambda n: allot(sellers, n), range(90)) for number in found
        ]
    counted: defaultdict[str, list[int]] = defaultdict(list)
    for number in committed:
        number_range, counter = number.rsplit("-", 1)
        counted[number_range].append(int(counter))
    assert len(counted) == 2 * 3 * 2
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in counted.values())
    with sellers.billing_pool.connection() as conn:  # nothing was issued under them
        conn.execute("DELETE FROM number_ranges")


class Crash(Exception):
    """The worker ends before its commit."""


def allot(system: System, seed: int) -> list[str]:
    chance = random.Random(seed)
    drafts = [any_draft(chance) for _ in range(chance.randint(1, 20))]
    try:
        with system.billing_pool.connection() as conn, conn.transaction(), conn.cursor() as cursor:
            billing_entities.keep(cursor)
            numbers = numbers_for(cursor, billing_entities.read(cursor), drafts)
            if seed % 3 == 0:
                raise Crash
    except Crash:
        return []
    return numbers


def any_draft(chance: random.Random) -> Draft:
    issued = invoice(line("1.00"))
    draft = Draft(**{name: getattr(issued, name) for name in Draft.__dataclass_fields__})
    return replace(
        draft,
        billing_entity_id=chance.choice([MAIN, VIENNA]),
        type=chance.choice(list(DocumentType)),
        issue_date=date(chance.choice([2026, 2027]), 3, 1),
    )


# -- as it was before ---------------------------------------------------------------------------


def test_a_billing_entity_from_before_there_were_settings_for_ranges_numbers_as_it_did() -> None:
    old = BillingEntityDefined(billing_entity_id=MAIN, **examples.ENTITY)
    assert {kind: found.prefix for kind, found in ranges_of(old).items()} == {
        INVOICE: "RE",
        CREDIT_NOTE: "RE-GS",
        CORRECTION: "RE-RK",
    }


def test_the_prefixes_of_billing_entities_from_before_are_taken_in(sellers: System) -> None:
    migration = files("infra.postgres") / "migrations" / "0014_billing_entities.sql"
    [statement] = re.findall(r"INSERT INTO number_prefixes.*?;", migration.read_text("utf-8"), re.DOTALL)
    with connect(sellers.database.owner_url, schema="billing") as conn:
        conn.execute("DELETE FROM number_prefixes")
        conn.execute(statement)
        rows = conn.execute("SELECT * FROM number_prefixes").fetchall()
    owners = {(row["prefix"], row["billing_entity_id"]) for row in rows}
    assert owners == {
        (prefix + suffix, owner)
        for prefix, owner in (("RE", MAIN), ("AT", VIENNA))
        for suffix in ("", "-GS", "-RK")
    }


# -- the command --------------------------------------------------------------------------------


def test_the_same_command_again_is_answered_and_not_carried_out_again(system: System) -> None:
    asked: Asked = examples.asked()
    first = system.billing.define_billing_entity("main", settings(), asked)
    again = system.billing.define_billing_entity("main", settings(), asked)
    assert first == again == {"ident": "main", "version": 1, "position": 1}
    assert len(system.billing_events()) == 1


def body(**changes: Any) -> dict[str, Any]:
    seller = examples.BILLING_ENTITY["seller"] | changes.pop("seller", {})
    return examples.BILLING_ENTITY | {"seller": seller} | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seller": {"vatId": "DE136695977"}}, "VAT-ID"),
        ({"seller": {"taxNumber": "27/123"}}, "not a tax number of the country"),
        ({"seller": {"creditorId": "DE97ZZZ09999999999"}}, "creditor identifier"),
        ({"seller": {"bankAccount": {"iban": "DE89370400440532013001"}}}, "IBAN"),
        ({"seller": {"bankAccount": {"iban": "DE89370400440532013000", "bic": "COBA"}}}, "BIC"),
        ({"seller": {"email": "nobody"}}, "e-mail"),
        ({"timeZone": "Europe/Altona"}, "time zone"),
        ({"numberRanges": {"INVOICE": {"prefix": "re"}}}, "pattern"),
        ({"numberRanges": {"RECEIPT": {"prefix": "Q"}}}, "INVOICE"),
        ({"numberRanges": {"INVOICE": {"next": 7}}}, "next and year together"),
        ({"numberPrefix": "A", "numberRanges": {"INVOICE": {"prefix": "B"}}}, "send one of them"),
        ({"texts": {"klingon": {"closing": "Qapla'"}}}, "language"),
        ({"texts": {"de": {"closing": "x" * 2001}}}, "2000"),
    ],
)
def test_what_is_wrong_with_a_billing_entity_is_said(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BillingEntityBody.model_validate(body(**changes))


def test_numbers_and_tax_ids_are_kept_as_they_are_written_on_documents() -> None:
    given = {
        "taxNumber": "27/123/45678",
        "creditorId": "de98 zzz0 9999999999",
        "bankAccount": {"iban": "DE89 3704 0044 0532 0130 00", "bic": "cobadeff"},
    }
    seller = BillingEntityBody.model_validate(body(seller=given)).to_settings().seller
    assert (seller.tax_number, seller.creditor_id) == ("27/123/45678", "DE98ZZZ09999999999")
    assert seller.bank_account == BankAccount(iban="DE89370400440532013000", bic="COBADEFF")


def test_prefixes_that_are_not_sent_follow_from_the_invoices_one() -> None:
    sent = {"INVOICE": {"prefix": "R"}, "CORRECTION": {"digits": 3}}
    entity = body(numberRanges=sent)
    del entity["numberPrefix"]
    given = BillingEntityBody.model_validate(entity).to_settings()
    assert given.number_prefix == "R"
    assert given.number_ranges[CORRECTION] == NumberRange(prefix="R-RK", digits=3)
