"""XML as text, escaped by construction: only these functions make it, and none takes markup from outside."""

import re
from functools import partial
from typing import NewType

Xml = NewType("Xml", str)
"""Well-formed content. What takes it takes no plain text: the type checker refuses that."""

NOTHING = Xml("")
DECLARATION = Xml('<?xml version="1.0" encoding="UTF-8"?>')

_FORBIDDEN = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
"""What XML 1.0 cannot hold in any form (section 2.2)."""
_SPECIAL = re.compile(f"[<>&\r{_FORBIDDEN}]")
_SPECIAL_IN_ATTRIBUTE = re.compile(f'[<>&"\t\n\r{_FORBIDDEN}]')
_REFERENCES = {
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    '"': "&quot;",
    "\t": "&#9;",
    "\n": "&#10;",
    "\r": "&#13;",
}


def text(name: str, value: str | None) -> Xml:
    """An element with text; nothing where there is none. `name` is a constant of the program."""
    if value and _SPECIAL.search(value):
        value = _escaped(value)
    return Xml(f"<{name}>{value}</{name}>") if value else NOTHING


def attributed(name: str, value: str | None, attribute: str, code: str | None) -> Xml:
    """An element with text and an attribute, or without that where it has no value."""
    if not code:
        return text(name, value)
    if _SPECIAL_IN_ATTRIBUTE.search(code):
        code = _escaped_in_attribute(code)
    if value and _SPECIAL.search(value):
        value = _escaped(value)
    return Xml(f'<{name} {attribute}="{code}">{value}</{name}>') if value else NOTHING


def element(name: str, *content: Xml) -> Xml:
    """An element around others; nothing where there are none, as empty elements say nothing."""
    joined = "".join(content)
    return Xml(f"<{name}>{joined}</{name}>") if joined else NOTHING


def together(*content: Xml) -> Xml:
    """One after the other."""
    return Xml("".join(content))


def document(name: str, namespaces: str, *content: Xml) -> bytes:
    """The file. `namespaces` are the root's declarations, a constant of the program."""
    return f"{DECLARATION}\n<{name} {namespaces}>{''.join(content)}</{name}>\n".encode()


def _reference(found: re.Match[str]) -> str:
    """What stands for a character; nothing for one that cannot be written."""
    return _REFERENCES.get(found[0], "")


_escaped = partial(_SPECIAL.sub, _reference)
_escaped_in_attribute = partial(_SPECIAL_IN_ATTRIBUTE.sub, _reference)
