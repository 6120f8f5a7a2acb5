"""What views show of bank data: enough to tell one account from another, too little to use it."""

from collections.abc import Callable, Mapping

from services.personal_data import ERASED

_HIDDEN = "••••"


def iban(value: str) -> str:
    """`DE89370400440532013000` as `DE89 •••• 3000`."""
    return value if value == ERASED else f"{value[:4]} {_HIDDEN} {value[-4:]}"


def gateway_token(value: str) -> str:
    return value if value == ERASED else _HIDDEN


MASKS: Mapping[str, Callable[[str], str]] = {"iban": iban, "gatewayToken": gateway_token}
"""By JSON name, how a customer's bank data are shown."""


def masked(name: str, value: object) -> object:
    """A value as it may be shown; `name` is its field's JSON name."""
    return MASKS[name](value) if name in MASKS and isinstance(value, str) else value
