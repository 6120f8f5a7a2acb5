"""Why a line of an issued document is what it is: the pure functions that billed it, run once more with what was known."""

from services.billing.explaining.known import Known
from services.billing.explaining.lines import LineNotFound, explained
from services.billing.explaining.steps import Rule, Step

__all__ = ["Known", "LineNotFound", "Rule", "Step", "explained"]
