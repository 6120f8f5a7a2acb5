"""A contract or an order of one customer, told message by message and billed on the way, without a database."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from services.billing.assembly import assemble
from services.billing.due import Billable, Cutoff, Progress, billed_also
from services.billing.explaining import Known
from services.billing.party import Party
from services.billing.sellers import Sellers
from services.messages import BillingEntityDefined, CustomerCreated, DocumentIssued, Envelope, Message
from services.values import Address, AddressType, CustomerType
from tests import examples
from tests.billing.contracts import SOMEBODY, day

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENTITY = BillingEntityDefined(billing_entity_id=uuid4(), **examples.ENTITY)
CREATED = CustomerCreated(
    customer_id=SOMEBODY,
    debtor_ident="D-1",
    account_number="100001",
    customer_type=CustomerType.B2B,
    language="de",
    addresses=(
        Address(
            address_id=UUID(int=2), address_type=AddressType.INVOICE, country="DE", default=True, company="A"
        ),
    ),
)


def envelope(position: int, body: Message) -> Envelope:
    return Envelope(
        source=body.TOPIC.partition(".")[0],
        position=position,
        topic=body.TOPIC,
        subject=SOMEBODY,
        version=position,
        occurred_at=NOW,
        actor="tester",
        command_id=uuid4(),
        correlation_id=uuid4(),
        causation_id=None,
        body=body,
    )


@dataclass
class Story:
    """What was recorded of the contract or order from position 2 on, and what of it is billed."""

    customer: CustomerCreated = CREATED
    origin: list[Envelope] = field(default_factory=list)
    progress: Progress = field(default_factory=dict)

    @classmethod
    def of(cls, *messages: Message, customer: CustomerCreated = CREATED) -> "Story":
        story = cls(customer)
        for message in messages:
            story.tell(message)
        return story

    def tell(self, message: Message) -> None:
        self.origin.append(envelope(len(self.origin) + 2, message))

    @property
    def known(self) -> Known:
        return Known(tuple(self.origin), [envelope(1, self.customer)], [envelope(1, ENTITY)])

    def bill(self, up_to: date | str) -> list[DocumentIssued]:
        """The documents of a run up to a day."""
        on = day(up_to) if isinstance(up_to, str) else up_to
        billable = Billable(SOMEBODY, self.known.terms(), self.progress)
        drafts = assemble(Party.of(self.customer), [billable], Sellers([ENTITY]), Cutoff(on, on))
        documents = [
            DocumentIssued(
                document_id=uuid4(),
                number="RE-2026-000001",
                seen_position=len(self.origin) + 1,
                **{name: getattr(draft, name) for name in draft.__dataclass_fields__},
            )
            for draft in drafts
        ]
        self._advance(documents)
        return documents

    def _advance(self, documents: list[DocumentIssued]) -> None:
        progress = dict(self.progress)
        for line in (line for document in documents for line in document.lines):
            progress[line.origin.item] = billed_also(progress.get(line.origin.item, ()), line.days)
        self.progress = progress
