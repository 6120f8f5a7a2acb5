"""What is documented exists, and what exists is documented."""

import dataclasses
from pathlib import Path

import msgspec
import pytest

from services import messages
from services.billing.billing_entity import BillingEntity
from services.billing.billing_run import BillingOutcome, BillingRun
from services.billing.correction import CorrectionProposal
from services.billing.delivery import Delivery
from services.billing.document import Document
from services.billing.logo import Logo
from services.billing.receivable import Receivable
from services.customer.billing_request import BillingRunRequest
from services.customer.contract import Contract
from services.customer.customer import Customer
from services.customer.order import Order
from services.customer.plan import Plan
from services.customer.usage import UsageReport
from services.events import Aggregate, Event
from tests import docs
from tests.billing.rendering import pictures

AGGREGATES = (
    Customer,
    Plan,
    Contract,
    UsageReport,
    Order,
    BillingRunRequest,
    BillingEntity,
    Logo,
    BillingRun,
    BillingOutcome,
    Document,
    Delivery,
    Receivable,
    CorrectionProposal,
)
LIBRARY_FIELDS = {"originator_id", "originator_version", "originator_topic", "timestamp"}


def events_of(aggregate: type[Aggregate]) -> list[type[Event]]:
    return [
        value
        for name, value in vars(aggregate).items()
        if isinstance(value, type) and issubclass(value, Event) and name != "Event"
    ]


EVENTS = {event.TOPIC: event for aggregate in AGGREGATES for event in events_of(aggregate)}


def test_the_catalogue_of_events_is_what_the_code_says() -> None:
    assert docs.EVENTS.read_text("utf-8") == docs.events_page(), "run `make docs`"


def test_the_page_of_documents_is_what_the_code_says_and_has_its_pictures() -> None:
    assert pictures.PAGE.read_text("utf-8") == pictures.page(), "run `make docs`"
    found = {path.name: path.stat().st_size for path in pictures.ROOM.iterdir()}
    assert found.keys() == {name for shown in pictures.SHOWN for name in pictures.names(shown)}
    assert max(found.values()) < 100_000


def test_every_event_is_published_and_every_message_is_an_event() -> None:
    assert set(EVENTS) == {message.TOPIC for message in messages.ALL}


@pytest.mark.parametrize("message", messages.ALL, ids=lambda message: message.TOPIC)
def test_an_event_and_its_message_have_the_same_fields(message: type[messages.Message]) -> None:
    event = EVENTS[message.TOPIC]
    stored = {
        field.name: (
            field.type,
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(event)
        if field.name not in LIBRARY_FIELDS
    }
    published = {field.name: (field.type, field.required) for field in msgspec.structs.fields(message)}
    assert stored == published


def test_the_glossary_names_things_that_exist() -> None:
    """Every dotted name in the glossary that starts with one of our packages can be imported."""
    import importlib
    import re

    text = (Path(docs.EVENTS).parent / "glossary.md").read_text("utf-8")
    for name in re.findall(r"`((?:services|projections|infra)\.[A-Za-z_.]+)`", text):
        module_name, found = name, []
        while True:
            try:
                thing: object = importlib.import_module(module_name)
                break
            except ModuleNotFoundError:
                module_name, _, last = module_name.rpartition(".")
                found.insert(0, last)
        for attribute in found:
            has = hasattr(thing, attribute) or attribute in getattr(thing, "__annotations__", {})
            has = has or attribute in getattr(thing, "__dataclass_fields__", {})
            assert has, f"{name} does not exist"
            thing = getattr(thing, attribute, None)
