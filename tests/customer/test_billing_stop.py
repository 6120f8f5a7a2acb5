"""Rules of a customer's billing stop, as far as the customer service keeps them."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from services.customer.commands.billing_stops import StopBilling
from services.customer.customer import BillingStopNotFound
from services.values import BillingStop
from tests import examples
from tests.customer.customers import create, events

LATER = examples.NOW + timedelta(days=3)


def test_a_billing_stop_says_why_and_since_when() -> None:
    customer = create(examples.erika())
    customer.stop_billing("dispute", examples.NOW)
    assert customer.billing_stop == BillingStop(reason="dispute", since=examples.NOW)


def test_another_reason_leaves_since_when_as_it_is() -> None:
    customer = create(examples.erika())
    customer.stop_billing("dispute", examples.NOW)
    customer.stop_billing("insolvency", LATER)
    assert customer.billing_stop == BillingStop(reason="insolvency", since=examples.NOW)


def test_the_same_reason_again_records_nothing() -> None:
    customer = create(examples.erika())
    customer.stop_billing("dispute", examples.NOW)
    customer.stop_billing("dispute", LATER)
    assert len(events(customer)) == 2


def test_a_billing_stop_that_there_is_can_be_lifted() -> None:
    customer = create(examples.erika())
    with pytest.raises(BillingStopNotFound):
        customer.lift_billing_stop(examples.NOW)
    customer.stop_billing("dispute", examples.NOW)
    customer.lift_billing_stop(LATER)
    assert customer.billing_stop is None


def test_a_new_stop_after_that_begins_anew() -> None:
    customer = create(examples.erika())
    customer.stop_billing("dispute", examples.NOW)
    customer.lift_billing_stop(LATER)
    customer.stop_billing("dispute", LATER)
    assert customer.billing_stop == BillingStop(reason="dispute", since=LATER)


@pytest.mark.parametrize("reason", ["", "  ", None, 1, "x" * 256])
def test_a_billing_stop_needs_a_reason(reason: object) -> None:
    with pytest.raises(ValidationError):
        StopBilling.model_validate({"reason": reason})
