"""What can be wrong with a request, as sentences; one handler at the edge turns them into problem details."""

import re
from dataclasses import dataclass
from typing import Any


class KontorError(Exception):
    """Base of everything that a client can cause; the message says what to do about it."""

    @classmethod
    def slug(cls) -> str:
        """Stable name of this kind of error, used in the problem `type`: `debtor-ident-taken`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    @classmethod
    def title(cls) -> str:
        """The rule in plain words: the first sentence of the class's docstring."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0].rstrip(".")


class Refused(KontorError):
    """The command breaks a business rule."""


class NotFound(KontorError):
    """There is nothing of that name."""


class StaleVersion(KontorError):
    """The object was changed since the version you name in If-Match."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field: its JSON path (`addresses[0].city`), what to do, and the value that was sent."""

    field: str
    message: str
    rejected_value: Any = None


class InvalidFields(KontorError):
    """Some fields are not valid."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{e.field}: {e.message}" for e in errors))
        self.errors = errors


class IdempotencyKeyReused(InvalidFields):
    """This Idempotency-Key was already used with another body."""

    def __init__(self) -> None:
        super().__init__(FieldError("Idempotency-Key", "was used for a different request; send a new key"))


class Unavailable(KontorError):
    """The service cannot answer right now; send the request again."""


class Inconsistent(KontorError):
    """What is stored is not what was recorded of it."""
