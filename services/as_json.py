"""Values as plain JSON: camelCase names, exact numbers as strings, and every field there, also at its default."""

from functools import cache
from typing import Any

import msgspec

_ALREADY_PLAIN = frozenset({str, int, float, bool, type(None)})


def full(value: Any) -> Any:
    """`value` as JSON builtins. Messages leave out fields at their default; readers of views get them all."""
    kind = type(value)
    if kind in _ALREADY_PLAIN:
        return value
    if issubclass(kind, msgspec.Struct):
        return {json_name: full(getattr(value, name)) for name, json_name in _fields(kind)}
    if issubclass(kind, list | tuple):
        return [full(one) for one in value]
    if issubclass(kind, dict):
        return {name: full(one) for name, one in value.items()}
    return msgspec.to_builtins(value)


def present(value: msgspec.Struct) -> dict[str, Any]:
    """The fields of `value` that were set, in full: an edit's changes."""
    return {
        json_name: full(field)
        for name, json_name in _fields(type(value))
        if (field := getattr(value, name)) is not msgspec.UNSET
    }


def compact(value: Any) -> Any:
    """`value` as JSON builtins without what is at its default: for what is turned into its type again."""
    return msgspec.to_builtins(value)


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, field.encode_name) for field in msgspec.structs.fields(kind))
