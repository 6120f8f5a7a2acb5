"""Errors in words that say what to do."""

from pydantic import ValidationError

from infra.problems import field_errors
from services.customer.commands.billing_stops import StopBilling
from services.errors import FieldError


def test_a_blank_text_that_is_needed_must_not_be_empty() -> None:
    for blank in ("", "  ", None):
        try:
            StopBilling.model_validate({"reason": blank})
        except ValidationError as invalid:
            found = field_errors([dict(e) for e in invalid.errors()])
        assert found == (FieldError("reason", "must not be empty", None),)
