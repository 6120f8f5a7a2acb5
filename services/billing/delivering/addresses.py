"""E-mail addresses as they travel: the domain in ASCII, the part before the @ as it is."""

from email.headerregistry import Address

import idna


class InvalidAddress(ValueError):
    """No mail can be addressed so."""


def mailbox(address: str, name: str = "") -> Address:
    """The address for a header, its domain written in ASCII (IDNA 2008, UTS 46); raises InvalidAddress."""
    local, _, domain = address.rpartition("@")
    try:
        found = Address(one_line(name), local, _in_ascii(domain))
    except ValueError:  # of which idna's are, too
        raise InvalidAddress("no mail can be addressed so") from None
    if not local or not domain or found.addr_spec.startswith('"'):
        raise InvalidAddress("no mail can be addressed so")
    return found


def one_line(text: str) -> str:
    """The text without line breaks, which would begin another header."""
    return " ".join(text.split())


def _in_ascii(domain: str) -> str:
    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
