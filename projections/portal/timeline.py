"""Words for what happened: events, changed fields and their values, as the history shows them."""

import re
from datetime import date
from typing import Any

from projections.portal.formats import Formats
from projections.portal.texts import Texts


def event_name(topic: str, t: Texts) -> str:
    """`customer.AddressAdded` as a sentence; the topic itself for an event newer than the portal."""
    return t.get(f"events.{topic.rpartition('.')[2]}", topic)


def field_name(path: str, t: Texts) -> str:
    """`addresses[1].postalCode` as people say it: `Address 2 · Postal code`."""
    parts = (re.fullmatch(r"([^\[]+)(?:\[(\d+)\])?", part) for part in path.split("."))
    return " · ".join(_part(found[1], found[2], t) for found in parts if found) or path


def _part(name: str, index: str | None, t: Texts) -> str:
    word = t.get(f"fields.{name}", name)
    return word if index is None else f"{word} {int(index) + 1}"


def field_value(path: str, value: Any, t: Texts, f: Formats) -> str:
    """A value in words: codes by their field, dates in the viewer's form, several joined by commas."""
    field = re.split(r"[.\[]", path)[-1] if "]" not in path.rpartition(".")[2] else path
    match value:
        case _ if value in (None, "", [], {}):
            return "–"
        case bool():
            return t("words.yes") if value else t("words.no")
        case list():
            return ", ".join(field_value(field, one, t, f) for one in value)
        case dict():
            return ", ".join(f"{field_name(k, t)}: {field_value(k, v, t, f)}" for k, v in value.items())
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return f.day(date.fromisoformat(value))
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
            return f.instant(value)
        case str() if re.fullmatch(r"-?\d+\.\d+", value):
            return f.amount(value)
        case _:
            return t.get(f"codes.{field}.{value}", str(value))
