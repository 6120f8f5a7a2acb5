"""Usage as upstream systems report it."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonValue

from services.customer.commands.items import ItemRef
from services.customer.commands.kinds import Quantity
from services.fields import Body, Instant, Showable, Text
from services.values import UsageEntry

ENTRIES_MAX = 10_000


class UsageBody(ItemRef):
    """What was used of a contract's USAGE item at an instant; the same `eventId` again is a duplicate, and ignored."""

    event_id: Text
    contract_id: UUID | None = None
    contract_ident: Showable | None = None
    quantity: Quantity
    occurred_at: Instant

    @model_validator(mode="after")
    def _a_contract(self) -> "UsageBody":
        if self.contract_id is None and self.contract_ident is None:
            raise ValueError("name the contract by contractIdent or contractId")
        return self

    def to_entry(self) -> UsageEntry:
        return UsageEntry(
            event_id=self.event_id,
            item_ident=self.ident,
            quantity=self.quantity,
            occurred_at=self.occurred_at,
        )


EXAMPLES: list[JsonValue] = [
    {
        "events": [
            {
                "eventId": "u-1",
                "contractIdent": "C-1",
                "optionIdent": "km",
                "quantity": "250.5",
                "occurredAt": "2026-02-03T08:00:00Z",
            }
        ]
    },
    {
        "eventId": "u-2",
        "contractIdent": "C-1",
        "optionIdent": "km",
        "quantity": "12",
        "occurredAt": "2026-02-04T17:30:00+01:00",
    },
]


def _or_one_alone(schema: dict[str, Any]) -> None:
    """The body's JSON Schema: a batch, or what is in a batch."""
    batch = {key: schema.pop(key) for key in ("type", "properties", "required", "additionalProperties")}
    schema |= {"anyOf": [batch, batch["properties"]["events"]["items"]], "examples": EXAMPLES}


class RecordUsage(Body):
    """`POST /v1/usage`: a batch of up to 10,000 `events`; one of them alone may be sent as it is."""

    model_config = ConfigDict(json_schema_extra=_or_one_alone)

    events: Annotated[tuple[UsageBody, ...], Field(min_length=1, max_length=ENTRIES_MAX)]

    @model_validator(mode="before")
    @classmethod
    def _one_alone(cls, value: Any) -> Any:
        return {"events": [value]} if isinstance(value, dict) and "eventId" in value else value
