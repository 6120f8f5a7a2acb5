"""How one document gets to its recipient by e-mail: requests, attempts, and when the next one is due."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from uuid import NAMESPACE_URL, UUID, uuid5

from services.billing.document import Draft
from services.errors import FieldError, InvalidFields, Refused
from services.events import Aggregate
from services.messages import DocumentIssued, SendFailure
from services.values import DocumentDelivery, Personal

BACK_OFF: tuple[timedelta, ...] = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=24),
    timedelta(hours=24),
)
"""How long to wait after the first, second … failed attempt of a request: in all not quite two and a half days."""

PASSING: Collection[SendFailure] = frozenset(
    {
        SendFailure.SERVER_UNAVAILABLE,
        SendFailure.SIGN_IN_REFUSED,
        SendFailure.SENDER_REFUSED,
        SendFailure.DEFERRED,
        SendFailure.IN_DOUBT,
        SendFailure.NOT_RENDERED,
        SendFailure.NO_SENDER,
    }
)
"""What may be otherwise at the next attempt; everything else is for a person to put right."""

NOT_TRIED: Collection[SendFailure] = frozenset(
    {SendFailure.NO_RECIPIENT, SendFailure.CUSTOMER_ERASED, SendFailure.TOO_OLD}
)
"""What is recorded without an attempt."""


class NothingSentOnceErased(Refused):
    """Nothing is sent to a customer whose personal data are erased."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The mail server took it over."""

    message_id: str


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """It did not, or nobody knows; `answer` is what was said about it."""

    failure: SendFailure
    answer: str | None = None


class Delivery(Aggregate):
    """The e-mails with one document. The document itself never changes, so they have an aggregate of their own."""

    TOPIC: ClassVar[str] = "billing.Delivery"

    def __init__(self) -> None:
        self.request: int
        """The newest one; 0: nobody had to ask."""
        self.recipient: str | None
        """Whom the newest request names; None: the buyer."""
        self.attempts: int
        self.attempts_before: int
        """How many of them belong to earlier requests."""

    class Event(Aggregate.Event):
        document_id: UUID
        customer_id: UUID
        number: str
        request: int

        def mutate(self, aggregate: Any) -> Any:
            """Nothing opens a delivery: it is there with its document, and has version 1 with what is recorded first."""
            return super().mutate(aggregate or Delivery.of(self.document_id, self.timestamp))

    class Requested(Event):
        TOPIC: ClassVar[str] = "billing.DeliveryRequested"

        recipient: Personal

        def apply(self, aggregate: "Delivery") -> None:
            aggregate.request, aggregate.recipient = self.request, self.recipient
            aggregate.attempts_before = aggregate.attempts

    class Sent(Event):
        TOPIC: ClassVar[str] = "billing.DocumentSent"

        attempt: int
        recipient: Personal
        message_id: str

        def apply(self, aggregate: "Delivery") -> None:
            aggregate.attempts = self.attempt

    class NotSent(Event):
        TOPIC: ClassVar[str] = "billing.DocumentNotSent"

        attempt: int
        failure: SendFailure
        recipient: Personal | None = None
        answer: Personal | None = None
        retry_at: datetime | None = None

        def apply(self, aggregate: "Delivery") -> None:
            aggregate.attempts = self.attempt

    @staticmethod
    def id_of(document_id: UUID) -> UUID:
        """Id of the delivery of a document."""
        return uuid5(NAMESPACE_URL, f"kontor:delivery:{document_id}")

    @classmethod
    def of(cls, document_id: UUID, now: datetime) -> Self:
        """The delivery of a document for which nothing is recorded yet, at version 0."""
        delivery = cls.__new__(cls)
        delivery.__base_init__(cls.id_of(document_id), 0, now)
        delivery.request, delivery.recipient = 0, None
        delivery.attempts, delivery.attempts_before = 0, 0
        return delivery

    @property
    def is_tried(self) -> bool:
        """Whether an attempt was made since it was issued, or asked for the last time."""
        return self.attempts > self.attempts_before

    def to(self, document: DocumentIssued) -> str | None:
        """Whom it is sent to; None where nobody said."""
        return self.recipient or document.buyer.email

    def ask(self, document: DocumentIssued, recipient: str | None, *, erased: bool, now: datetime) -> None:
        """Have it sent, by default to the recipient before, as an e-mail of its own. Its attempts are counted anew."""
        if erased:
            raise NothingSentOnceErased(f"The customer of {document.number} is erased.")
        chosen = recipient or self.to(document)
        if chosen is None:
            raise InvalidFields(FieldError("recipient", "is needed: the document names no e-mail address"))
        self.trigger_event(
            self.Requested,
            timestamp=now,
            document_id=document.document_id,
            customer_id=document.customer_id,
            number=document.number,
            request=self.request + 1,
            recipient=chosen,
        )

    def record(
        self,
        document: DocumentIssued,
        request: int,
        recipient: str | None,
        result: Accepted | NotAccepted,
        now: datetime,
    ) -> None:
        """Record what an attempt came to that was begun for a request, which may not be the newest one any more."""
        event = {
            "timestamp": now,
            "document_id": document.document_id,
            "customer_id": document.customer_id,
            "number": document.number,
            "request": request,
            "recipient": recipient,
        }
        match result:
            case Accepted(message_id):
                self.trigger_event(self.Sent, **event, attempt=self.attempts + 1, message_id=message_id)
            case NotAccepted(failure, answer):
                self.trigger_event(
                    self.NotSent,
                    **event,
                    attempt=self.attempts + (failure not in NOT_TRIED),
                    failure=failure,
                    answer=answer,
                    retry_at=self._retry_at(failure, now) if request == self.request else None,
                )

    def _retry_at(self, failure: SendFailure, now: datetime) -> datetime | None:
        """When to try again after this failed attempt; None where that is of no use, or was done often enough."""
        failed_before = self.attempts - self.attempts_before
        if failure not in PASSING or failed_before >= len(BACK_OFF):
            return None
        return now + BACK_OFF[failed_before]


def wanted(document: DocumentIssued | Draft) -> bool:
    """Whether a document is sent without anybody asking for it."""
    return document.delivery is DocumentDelivery.EMAIL
