"""Personal data as it rests: sealed under the customer's key, opened where it is needed, erased with the key.

Messages keep their shape. A leaf typed `Personal` or `PropertyValue` (`services.values`) is, in stored events
and in what a feed hands out, a *token*: `sealed:1:` and the base64url of key id (16 bytes), nonce (12) and
AES-256-GCM ciphertext with its tag. The plaintext is the leaf as JSON. The associated data bind it to its
*subject* (the customer's id) and its *field*: the leaf's JSON name, such as `iban`; the values of properties
are `properties.` and their key, in `properties` and in `PropertySet` alike.

The nonce is synthetic, an HMAC of subject, field and plaintext: the same value of the same field of the same
customer is the same token, so that "unchanged" is seen without opening (docs/decisions/0007-personal-data.md).

Leaves that are no tokens stay as they are: events of version 1 were stored in the clear.
"""

import hmac
import struct
import types
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, NamedTuple, Protocol, TypeVar, Union, get_args, get_origin
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct
from msgspec.json import decode, encode

ERASED = "[erased]"
"""What is read in place of a value whose key was destroyed."""
PREFIX = "sealed:1:"
"""How every token begins, and no text that a client may send (`services.fields`)."""
KEY_BYTES = 32

_ID_BYTES, _NONCE_BYTES, _TAG_BYTES = 16, 12, 16

S = TypeVar("S", bound=Struct)


class Purpose(StrEnum):
    """What a customer's key is for; each has a life of its own."""

    CUSTOMER = "customer"
    """The customer's history; destroyed when the customer is erased."""
    DOCUMENTS = "documents"
    """Issued documents, which stay until their legal retention ends."""


class Tampered(Exception):
    """A sealed value was altered, or stands where it was not sealed for."""


class KeyMissing(Exception):
    """A sealed value names a key that is not in the vault and was never destroyed."""


class KeyDestroyed(Exception):
    """Personal data of an erased customer is to be stored."""


class Vault(Protocol):
    """Where keys are looked up; always asked anew, as a destroyed key must stop opening at once."""

    def keys(self, key_ids: Collection[UUID]) -> Mapping[UUID, "Key | None"]:
        """The keys by id: None for one that was destroyed, nothing for what was never a key."""


@dataclass(frozen=True, slots=True)
class Key:
    """A customer's key for one purpose; `secret` is 256 random bits."""

    key_id: UUID
    secret: bytes = field(repr=False)
    _cipher: AESGCM = field(init=False, repr=False, compare=False)
    _nonce_key: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Two keys from one, so that the nonce says nothing about the cipher's key.
        object.__setattr__(self, "_cipher", AESGCM(hmac.digest(self.secret, b"kontor seal 1", "sha256")))
        object.__setattr__(self, "_nonce_key", hmac.digest(self.secret, b"kontor nonce 1", "sha256"))

    def seal(self, subject: UUID, name: str, value: Any) -> str:
        """The token of a value in the field `name` of `subject`."""
        sealed = self.seal_bytes(subject, name, encode(value))
        return PREFIX + urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, subject: UUID, name: str, sealed: bytes) -> Any:
        """The value of a token's bytes; raises Tampered."""
        return decode(self.open_bytes(subject, name, sealed))

    def seal_bytes(self, subject: UUID, name: str, plaintext: bytes) -> bytes:
        """Key id, nonce and ciphertext of the bytes that are `name` of `subject`, such as one of its files."""
        context = subject.bytes + name.encode()
        bound = struct.pack(">I", len(context)) + context + plaintext
        nonce = hmac.digest(self._nonce_key, bound, "sha256")[:_NONCE_BYTES]
        return self.key_id.bytes + nonce + self._cipher.encrypt(nonce, plaintext, context)

    def open_bytes(self, subject: UUID, name: str, sealed: bytes) -> bytes:
        """What was sealed as bytes; raises Tampered."""
        nonce, rest = sealed[_ID_BYTES : _ID_BYTES + _NONCE_BYTES], sealed[_ID_BYTES + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, rest, subject.bytes + name.encode())
        except InvalidTag:
            raise Tampered(f"{name} of {subject} is not what was sealed") from None


class Keyring(Vault, Protocol):
    """The vault as those see it who seal."""

    def of(self, subjects: Collection[UUID], purpose: Purpose) -> Mapping[UUID, Key]:
        """The customers' keys, by customer; who never had one is left out. Raises KeyDestroyed."""

    def new(self, subject: UUID, purpose: Purpose) -> "NewKey":
        """A key for a customer who has none, to be stored with the first event that it seals."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is not stored yet; `wrapped` is its secret as the vault keeps it."""

    key: Key
    subject: UUID
    purpose: Purpose
    wrapped: bytes


# -- typed values -------------------------------------------------------------------------------


def sealed(value: S, subject: UUID, key: Key) -> S:
    """The value with its personal leaves sealed; None and UNSET stay."""
    return _mapped(value, lambda name, leaf: key.seal(subject, name, leaf))


def opened(values: Sequence[tuple[UUID, S]], vault: Vault) -> list[S]:
    """The values, each with its subject, with plain leaves again, or `[erased]` where the key is gone.

    One look-up for all of them. Raises Tampered, KeyMissing.
    """
    return _opened(values, vault, _mapped)


def looked_up(values: Sequence[tuple[UUID, Struct]], vault: Vault) -> Vault:
    """A vault with the keys of these values at hand, to open them one by one after a single look-up.

    Where one of them was tampered with it is the vault itself, so that only that one cannot be opened.
    """
    try:
        key_ids = _key_ids(_tokens(values, _mapped))
        return _AtHand(vault.keys(key_ids) if key_ids else {})
    except Tampered:
        return vault


def has_personal_data(shape: type[Struct]) -> bool:
    """Whether values of this type can hold something personal."""
    return bool(_steps(shape))


def is_erased(value: Struct) -> bool:
    """Whether any personal leaf of an opened value was erased."""
    leaves: list[Any] = []

    def collect(_: str, leaf: Any) -> Any:
        leaves.append(leaf)
        return leaf

    _mapped(value, collect)
    return ERASED in leaves


# -- JSON ---------------------------------------------------------------------------------------


def opened_json(trees: Sequence[tuple[UUID, Any]], vault: Vault) -> list[Any]:
    """JSON as views store it (dicts, lists, strings …), each tree with its subject, opened as `opened` does.

    A token's field is the name that it stands under. What stands under `properties` is a property, and so is
    the `value` beside a `key`; `before` and `after` beside a `field` are leaves of that path:
    `{"field": "addresses[1].city", "before": token, "after": token}`.
    """
    return _opened(trees, vault, _mapped_json)


# -- opening ------------------------------------------------------------------------------------

Change = Callable[[str, Any], Any]
"""What becomes of a leaf: its field's name and its value → its new value."""

T = TypeVar("T")


def _opened(values: Sequence[tuple[UUID, T]], vault: Vault, mapped: Callable[[T, Change], T]) -> list[T]:
    tokens = _tokens(values, mapped)
    if not tokens:
        return [value for _, value in values]
    keys = {key_id.bytes: key for key_id, key in vault.keys(_key_ids(tokens)).items()}
    plain = (token.opened(keys) for token in tokens)
    return [mapped(value, _replacing(plain)) for _, value in values]


def _tokens(values: Sequence[tuple[UUID, T]], mapped: Callable[[T, Change], T]) -> list["_Token"]:
    """All tokens of the values, in the order in which they are walked."""
    tokens: list[_Token] = []
    for subject, value in values:
        mapped(value, _collecting(tokens, subject))
    return tokens


def _key_ids(tokens: Sequence["_Token"]) -> set[UUID]:
    return {UUID(bytes=key_id) for key_id in {token.key_id for token in tokens}}


@dataclass(frozen=True, slots=True)
class _AtHand:
    """Keys that were looked up before."""

    found: Mapping[UUID, Key | None]

    def keys(self, key_ids: Collection[UUID]) -> Mapping[UUID, Key | None]:
        return {key_id: self.found[key_id] for key_id in key_ids if key_id in self.found}


class _Token(NamedTuple):
    """A token on its way to be opened."""

    subject: UUID
    name: str
    key_id: bytes
    sealed: bytes

    def opened(self, keys: Mapping[bytes, Key | None]) -> Any:
        if self.key_id not in keys:
            raise KeyMissing(
                f"the vault lacks the key of {self.name} of {self.subject}, which was not destroyed"
            )
        key = keys[self.key_id]
        return key.open(self.subject, self.name, self.sealed) if key else ERASED


def _collecting(tokens: list[_Token], subject: UUID) -> Change:
    def change(name: str, leaf: Any) -> Any:
        if is_token(leaf):
            sealed = _decoded(leaf, subject, name)
            tokens.append(_Token(subject, name, sealed[:_ID_BYTES], sealed))
        return leaf

    return change


def _replacing(plain: Iterator[Any]) -> Change:
    return lambda _, leaf: next(plain) if is_token(leaf) else leaf


def is_token(leaf: Any) -> bool:
    """Whether this is a sealed value."""
    return isinstance(leaf, str) and leaf.startswith(PREFIX)


def _decoded(token: str, subject: UUID, name: str) -> bytes:
    text = token[len(PREFIX) :]
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        sealed = b""
    if len(sealed) < _ID_BYTES + _NONCE_BYTES + _TAG_BYTES:
        raise Tampered(f"{name} of {subject} is no sealed value")
    return sealed


# -- walking ------------------------------------------------------------------------------------

Visit = Callable[[Any, Change, Struct], Any]
"""Walks one attribute: its value, what becomes of its leaves, and the struct that it is an attribute of."""


class _Step(NamedTuple):
    attribute: str
    visit: Visit


def _mapped(value: S, change: Change) -> S:
    changed = {}
    for attribute, visit in _steps(type(value)):
        before = getattr(value, attribute)
        if before is None or before is msgspec.UNSET:
            continue
        after = visit(before, change, value)
        if after is not before:
            changed[attribute] = after
    return msgspec.structs.replace(value, **changed) if changed else value


@cache
def _steps(shape: type[Struct]) -> tuple[_Step, ...]:
    """The attributes of a struct in which something personal can be, found once per type."""
    fields = msgspec.structs.fields(shape)
    names = {each.name for each in fields}
    steps = []
    for each in fields:
        if visit := _visit(each.type, each.encode_name):
            is_property = each.name == "value" and "key" in names
            steps.append(_Step(each.name, _property if is_property else visit))
    return tuple(steps)


def _property(value: Any, change: Change, parent: Any) -> Any:
    """The value of a property that says its key beside it."""
    return change(f"properties.{parent.key}", value)


def _visit(of: Any, name: str) -> Visit | None:
    """How to walk an attribute of type `of` and JSON name `name`; None where nothing personal can be."""
    origin, arguments = get_origin(of), get_args(of)
    if origin is Annotated:
        return (lambda leaf, change, _: change(name, leaf)) if _is_personal(arguments) else None
    if origin in (Union, types.UnionType):
        found = [visit for argument in arguments if (visit := _visit(argument, name))]
        if len(found) > 1:
            raise TypeError(f"{name} may be personal in more than one way")
        return found[0] if found else None
    if origin is tuple and (item := _visit(arguments[0], name)):
        return lambda items, change, parent: tuple(item(each, change, parent) for each in items)
    if origin is dict and _visit(arguments[1], name):
        return lambda values, change, _: {k: change(f"{name}.{k}", v) for k, v in values.items()}
    if isinstance(of, type) and issubclass(of, Struct) and _steps(of):
        return lambda value, change, _: _mapped(value, change)
    return None


def _is_personal(annotated: tuple[Any, ...]) -> bool:
    return any(isinstance(meta, msgspec.Meta) and (meta.extra or {}).get("personal") for meta in annotated)


def _mapped_json(tree: Any, change: Change, name: str = "") -> Any:
    if isinstance(tree, str):
        return change(name, tree)
    if isinstance(tree, (list, tuple)):
        return [_mapped_json(item, change, name) for item in tree]
    if isinstance(tree, dict):
        return {key: _mapped_json(value, change, _name_of(key, tree, name)) for key, value in tree.items()}
    return tree


def _name_of(key: str, of: dict[str, Any], parent: str) -> str:
    """The field that stands under `key` of a JSON object which itself stands under `parent`."""
    if parent == "properties":
        return f"properties.{key}"
    if key == "value" and "key" in of:
        return f"properties.{of['key']}"
    if key in ("before", "after") and "field" in of:
        return _last(of["field"])
    return key


def _last(path: str) -> str:
    """The field that a path leads to: `addresses[1].city` → `city`, `properties.segment` as it is."""
    *above, last = path.split(".")
    return f"properties.{last}" if above[-1:] == ["properties"] else last.partition("[")[0]
