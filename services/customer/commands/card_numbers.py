"""Refuses payment card numbers, so that none is ever stored, logged or sent back (PCI DSS 3)."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import accumulate, islice
from typing import Any

from stdnum import iban, luhn

from services.errors import FieldError, InvalidFields

LENGTHS = range(13, 20)
"""Digits of a card number (ISO/IEC 7812)."""

TEXTS_MAX = 100
SCANNED_MAX = 1000
"""Longer texts are refused for their length, and not sent back beyond this."""

_DIGITS_IN_GROUPS = re.compile(r"\d+(?:[\s\u2010-\u2015-]{1,3}\d+)*")


class CardNumberSent(InvalidFields):
    """A full card number is refused; send the payment gateway's token and the last four digits."""

    def __init__(self, *fields: str) -> None:
        super().__init__(
            *(FieldError(field, "contains a full card number; leave it out") for field in fields)
        )


def refuse_card_numbers(body: Any) -> Any:
    """The body as it is; raises CardNumberSent, which names the fields and not their values."""
    texts = list(islice(_texts(body), TEXTS_MAX + 1))
    if len(texts) > TEXTS_MAX:
        raise ValueError(f"has more than {TEXTS_MAX} names and values")
    if fields := [path or "body" for path, text in texts if _holds_card_number(text)]:
        raise CardNumberSent(*dict.fromkeys(fields))
    return body


def _texts(body: Any) -> Iterator[tuple[str, str]]:
    """Every text, number and name of a field, and the path of where it is, however deep."""
    waiting = deque([("", body)])
    while waiting:
        path, value = waiting.popleft()
        match value:
            case Mapping():
                for name, inner in value.items():
                    yield path, str(name)
                    waiting.append((f"{path}.{_shown(str(name))}".strip("."), inner))
            case list() | tuple():
                waiting.extend((f"{path}[{index}]", inner) for index, inner in enumerate(value))
            case _:
                yield path, str(value)


def _shown(name: str) -> str:
    return "…" if _holds_card_number(name) else name


def _holds_card_number(text: str) -> bool:
    """Whether 13 to 19 digits, also in groups, are a card number by their check digit; an IBAN is none."""
    runs = _DIGITS_IN_GROUPS.findall(text[:SCANNED_MAX])
    found = any(luhn.is_valid(number) for run in runs for number in _numbers(run))
    return found and not iban.is_valid(text, check_country=False)


def _numbers(run: str) -> Iterator[str]:
    """Neighbouring groups as numbers as long as a card's, beside which there may be an expiry or a check code."""
    groups = ["".join(str(int(digit)) for digit in group) for group in re.findall(r"\d+", run)]
    for start, first in enumerate(groups):
        if first.startswith("0"):  # no issuer's number does
            continue
        for number in accumulate(groups[start : start + LENGTHS[-1]]):
            if len(number) in LENGTHS:
                yield number
            elif len(number) > LENGTHS[-1]:
                break
