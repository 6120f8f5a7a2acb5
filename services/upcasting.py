"""How stored events of older versions are read: one place for events and for the messages that they are."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, convert
from msgspec.json import Decoder

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
"""The plain JSON of one version → that of the next."""


def unchanged(state: dict[str, Any]) -> dict[str, Any]:
    """Both versions have the same shape; what is different about them, their decision record says."""
    return state


SEALED_FROM_VERSION_2 = (
    "customer.CustomerCreated",
    "customer.CustomerEdited",
    "customer.AddressAdded",
    "customer.AddressEdited",
    "billing.DocumentIssued",
)
"""Topics whose personal data were stored in the clear as version 1 (docs/decisions/0007-personal-data.md)."""

UPCASTS: Mapping[tuple[str, int], Upcast] = {
    **{(topic, 1): unchanged for topic in SEALED_FROM_VERSION_2},
}
"""By topic and the version that is read. Nothing that was ever stored is taken out."""


class FromTheFuture(ValueError):
    """A stored event is newer than this build, which must stop rather than skip what it does not understand."""


class Reader:
    """Reads stored states of one topic, of its current version or an older one, into `shape`."""

    def __init__(self, topic: str, version: int, shape: type[Struct]) -> None:
        self._topic = topic
        self._version = version
        self._shape = shape
        self._decoder = Decoder(shape)
        self._steps = {
            older: [step for v in range(older, version) if (step := UPCASTS[topic, v]) is not unchanged]
            for older in range(1, version + 1)
        }

    def read(self, state: bytes, version: int) -> Any:
        """An instance of the shape; raises FromTheFuture."""
        if version > self._version:
            raise FromTheFuture(f"{self._topic} version {version} is newer than this build; update Kontor")
        if not (steps := self._steps[version]):
            return self._decoder.decode(state)
        values: dict[str, Any] = Decoder(dict[str, Any]).decode(state)
        for step in steps:
            values = step(values)
        return convert(values, self._shape)
