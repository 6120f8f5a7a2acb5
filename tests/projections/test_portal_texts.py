"""The portal says everything in every language, keeps no sentence that nobody reads, and shows values in words."""

import importlib
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest
from msgspec import inspect

from projections.deliveries import DeliveryStatus
from projections.portal import texts
from projections.portal.formats import Formats
from projections.portal.overview import COLUMNS
from projections.portal.shell import own_address, with_query
from projections.portal.timeline import event_name, field_name, field_value
from services import messages, values
from services.errors import KontorError

PORTAL = Path(texts.__file__).parent
LANGUAGES = texts.load()
ENGLISH, GERMAN = LANGUAGES["en"], LANGUAGES["de"]
PAGES = "\n".join(file.read_text("utf-8") for file in sorted(PORTAL.glob("**/*.html")))
PYTHON = "\n".join(file.read_text("utf-8") for file in sorted(PORTAL.glob("*.py")))
SCRIPTS = "\n".join(file.read_text("utf-8") for file in sorted(PORTAL.glob("static/*.js")))

# What is told of events by a path of JSON names; the names of the things' own ids are not told.
TOLD = (
    messages.CustomerCreated,
    messages.CustomerEdited,
    messages.AddressAdded,
    messages.PaymentAccountAdded,
    messages.BillingStopped,
    messages.ContractSigned,
    messages.ContractPaused,
    messages.ContractResumed,
    messages.OrderRecorded,
    messages.PaymentRecorded,
    messages.RefundRecorded,
    messages.DeliveryRequested,
    messages.DocumentSent,
    messages.DocumentNotSent,
)
TOLD_OF_CONTRACTS = {"effectiveOn", "terminationKind", "noticedOn", "terminatesOn", "entries", "usage"}
TOLD_OF_CUSTOMERS = {"paymentAccounts", "billingStop", "erased"}
TOLD_OF_RUNS_AND_DOCUMENTS = {"outcome", "reason", "amounts", "net", "gross", "currency", "status"}
TOLD_OF_RUNS_AND_DOCUMENTS |= {"processingDate", "number", "type", "issueDate", "dueDate", "totals", "tax"}
TOLD_OF_RUNS_AND_DOCUMENTS |= {"precedingDocument", "since", "sha256", "prepaid", "rounding"}
OWN_IDS = {
    "customerId",
    "addressId",
    "contractId",
    "orderId",
    "planId",
    "paymentAccountId",
    "paymentId",
    "documentId",
    "changes",
    "address",
}
# Wrapped differently where it is told, or, as overrides, told by what it brought about.
OWN_IDS |= {"paymentAccount", "overrides"}

ENUMS: dict[str, type[StrEnum]] = {
    "customerType": values.CustomerType,
    "customerTypeShort": values.CustomerType,
    "addressType": values.AddressType,
    "preferredDocumentDelivery": values.DocumentDelivery,
    "groupDocumentsBy": values.DocumentGrouping,
    "alignment": values.Alignment,
    "kind": values.ItemKind,
    "billingTiming": values.BillingTiming,
    "intervalUnit": values.IntervalUnit,
    "billingTime": values.BillingTime,
    "itemCategory": values.ItemCategory,
    "model": values.PriceModel,
    "renewal": values.Renewal,
    "terminationKind": values.TerminationKind,
    "paymentMethod": values.PaymentMethod,
    "taxCategory": values.TaxCategory,
    "type": messages.DocumentType,
    "outcome": messages.Outcome,
    "deliveryStatus": DeliveryStatus,
    "documentFile": values.DocumentFile,
    "failure": messages.SendFailure,
}


def keys(language: texts.Texts = ENGLISH, group: str = "") -> set[str]:
    return set(language.below(group) if group else language)


def asked_for() -> Iterator[str]:
    """Every key that pages and scripts name in full; a counted sentence by both of its forms."""
    for call, key in re.findall(r"\bt(\.count)?\(\s*[\"']([\w.]+)[\"']\s*[,)]", PAGES + PYTHON):
        yield from forms(key) if call else [key]
    for call, key in re.findall(r"\b(text|counted)\(\s*\"([\w.]+)\"", SCRIPTS):
        yield from forms(f"script.{key}") if call == "counted" else [f"script.{key}"]


def forms(key: str) -> list[str]:
    return [f"{key}.one", f"{key}.other"]


def json_names(kind: inspect.Type) -> Iterator[str]:
    """The JSON names in a message, however deep."""
    if isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield field.encode_name
            yield from json_names(field.type)
    elif isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from json_names(one)
    elif isinstance(kind, inspect.VarTupleType):
        yield from json_names(kind.item_type)


def told_fields() -> set[str]:
    names = {name for message in TOLD for name in json_names(inspect.type_info(message))}
    return (names | TOLD_OF_RUNS_AND_DOCUMENTS | TOLD_OF_CONTRACTS | TOLD_OF_CUSTOMERS) - OWN_IDS


def test_every_language_has_the_same_sentences_with_the_same_places_to_fill():
    for language in LANGUAGES.values():
        assert keys(language) == keys()
        for key in keys():
            assert set(re.findall(r"{\w+}", language.raw(key))) == set(re.findall(r"{\w+}", ENGLISH.raw(key)))


def test_every_sentence_that_is_asked_for_exists():
    found = set(asked_for())
    assert len(found) > 200
    assert found <= keys()


def test_no_sentence_is_never_read():
    literals = set(re.findall(r"[\"'`]([\w.]+)[\"'`]", PAGES + PYTHON + SCRIPTS))
    by_value = ("codes.", "events.", "fields.", "problems.", "problem_hints.", "layout.languages.")
    by_value += tuple(f"script.{group}." for group in ("done", "interval", "problems", "rejected"))
    named = {key for key in keys() if not key.startswith(by_value)}
    assert not {key for key in named if not spellings(key) & literals}


def spellings(key: str) -> set[str]:
    """How a page or script may name a sentence."""
    plain = re.sub(r"\.(one|other)$", "", key)
    return {key, plain, plain.removeprefix("script.")}


@pytest.mark.parametrize("kind", ENUMS)
def test_every_code_has_a_word(kind):
    assert keys(group=f"codes.{kind}") == {str(code) for code in ENUMS[kind]}


def test_every_status_has_a_word():
    assert keys(group="codes.status") >= {*messages.RunStatus, *values.ContractStatus, "OPEN", "BILLED"}
    assert keys(group="codes.unit") == keys(group="codes.unitShort")
    assert {key.split(".")[0] for key in keys(group="script.interval")} == {"once", *values.IntervalUnit}


def test_every_event_has_a_name():
    defined = {message.TOPIC.rpartition(".")[2] for message in messages.ALL}
    of_nobody = {
        name for name in defined if name.startswith(("BillingEntity", "Logo", "Plan"))
    }  # not about a customer
    assert keys(group="events") == defined - of_nobody


def test_every_field_that_the_history_tells_of_has_a_name_and_no_other():
    in_pages = {key.removeprefix("fields.") for key in asked_for() if key.startswith("fields.")}
    assert keys(group="fields") == told_fields() | in_pages | set(COLUMNS)


def test_every_form_says_that_it_is_done():
    sending = set(re.findall(r"data-form=\"([\w-]+)\"", PAGES)) - {"create-documents"}
    assert keys(group="script.done") == sending


def test_the_refusals_that_have_words_here_exist():
    for module in ("customer", "contract", "order"):
        importlib.import_module(f"services.customer.{module}")
    for module in ("application.files", "delivery", "document_files", "rendering.datatypes"):
        importlib.import_module(f"services.billing.{module}")
    importlib.import_module("services.http")
    assert keys(group="script.problems") <= {error.slug() for error in subclasses(KontorError)} | {
        "unexpected"
    }


def subclasses(kind: type[KontorError]) -> Iterator[type[KontorError]]:
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def test_every_error_page_has_a_hint():
    assert keys(group="problems") == keys(group="problem_hints")


# -- words for values -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr, en;q=0.5, de;q=0.7", "de"),
        ("", "en"),
        ("de;q=0", "en"),
        (";;,", "en"),
    ],
)
def test_the_best_liked_known_language_is_spoken(accepted, language):
    assert texts.preferred(accepted, LANGUAGES) == language


def test_amounts_and_days_read_as_in_the_language():
    german, english = Formats("de"), Formats("en")
    assert german.money("1234.5", "EUR") == "1.234,50\xa0€"
    assert english.money("1234.5", "EUR") == "€1,234.50"
    assert english.money("1200", "JPY") == "JP¥1,200"
    assert english.price("0.12345", "EUR") == "€0.12345"
    assert german.day("2026-03-01") == "01.03.2026"
    assert english.instant("2026-03-01T10:04:05Z") == "1 Mar 2026, 10:04 UTC"
    assert german.number("1234.50") == "1.234,5"
    assert english.money(None, "EUR") == english.day(None) == english.number(None) == "–"


def test_countries_are_those_that_the_api_accepts_by_their_names():
    fields = importlib.import_module("services.fields")
    offered = {code for code, _ in Formats("de").countries}
    assert {"DE", "AT", "US", "XK"} <= offered <= fields.COUNTRIES
    names = [name for _, name in Formats("de").countries]
    assert names.index("Ägypten") < names.index("Albanien") < names.index("Österreich") < names.index("Polen")


def test_history_reads_in_words():
    f = Formats("de")
    assert event_name("customer.AddressAdded", GERMAN) == "Adresse hinzugefügt"
    assert event_name("customer.FromTheFuture", GERMAN) == "customer.FromTheFuture"
    assert field_name("addresses[1].postalCode", GERMAN) == "Adresse 2 · Postleitzahl"
    assert field_name("items.base.unitPrice", GERMAN) == "Position · base · Einzelpreis netto"
    assert field_name("properties.fleet_size", GERMAN) == "Eigenschaften · fleet_size"
    assert field_value("customerType", "B2B", GERMAN, f) == "Unternehmen (B2B)"
    assert field_value("addresses[0].addressType", "SHIPPING", GERMAN, f) == "Lieferadresse"
    assert field_value("totals.gross", "1234.50", GERMAN, f) == "1.234,50"
    assert field_value("startsOn", "2026-01-15", GERMAN, f) == "15.01.2026"
    assert field_value("billingStop.since", "2026-03-01T10:04:05Z", GERMAN, f) == "01.03.2026, 10:04 UTC"
    assert field_value("default", False, GERMAN, f) == "Nein"
    assert field_value("contractorReferences", [{"system": "crm"}], GERMAN, f) == "System: crm"
    assert field_value("email", None, GERMAN, f) == "–"


# -- addresses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "foreign", ["https://evil.example", "//evil.example", "/\\evil.example", "", None, "/a\n"]
)
def test_nobody_is_led_to_another_site(foreign):
    assert own_address(foreign) == "/"


def test_an_address_keeps_what_is_not_changed_in_it():
    assert own_address("/customers?q=a") == "/customers?q=a"
    assert with_query("/?q=a&cursor=1", cursor=["1", "2"], q=None) == "/?cursor=1&cursor=2"
    assert with_query("/?q=a+b", sort="-name") == "/?q=a+b&sort=-name"
    assert with_query("/?q=a", q=None) == "/"
