"""What a row asks for: commands, each known by its content, so that none is carried out twice."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import ValidationError

from infra.imports.rows import Row
from infra.problems import field_errors
from services.customer.application import CustomerApplication
from services.customer.commands.billing_stops import StopBilling
from services.customer.commands.contracts import SignContract
from services.customer.commands.customers import CreateCustomer
from services.customer.commands.orders import RecordOrder
from services.customer.commands.payment_accounts import AddPaymentAccount
from services.customer.contract import ContractIdentTaken
from services.customer.customer import DebtorIdentTaken
from services.customer.order import OrderIdentTaken
from services.errors import FieldError, InvalidFields, KontorError, Unavailable
from services.events import Asked, Context

Kind = Literal["customers", "contracts", "orders"]
PartKind = Literal["billingStop", "paymentAccounts", "contracts", "orders"]
Answer = dict[str, Any]

IDENTS: Mapping[str, str] = {
    "customers": "debtorIdent",
    "contracts": "contractIdent",
    "orders": "orderIdent",
}
PARTS: tuple[PartKind, ...] = ("billingStop", "paymentAccounts", "contracts", "orders")
"""What else a customer's row may hold, in the order in which it is carried out: who is not to be billed is stopped first."""

TAKEN = (DebtorIdentTaken, ContractIdentTaken, OrderIdentTaken)
THERE_ALREADY = "is there already, but not from this row; an import never changes what is there"


@dataclass(frozen=True, slots=True)
class Ask:
    """One command: where in the row it stands (`contracts[0]`, empty for the row itself) and what it says."""

    kind: Kind | PartKind
    path: str
    content: Any
    asked: Asked

    @property
    def id(self) -> UUID:
        return self.asked.context.command_id

    def carry_out(self, application: CustomerApplication, customer_id: UUID | None) -> Answer:
        """Carry it out; `customer_id` is that of the row which this is a part of."""
        match self.kind, customer_id:
            case "customers", None:
                return application.create_customer(CreateCustomer.model_validate(self.content), self.asked)
            case "contracts", _:
                contract = SignContract.model_validate(self._of(customer_id))
                return application.sign_contract(contract, self.asked)
            case "orders", _:
                return application.record_order(RecordOrder.model_validate(self._of(customer_id)), self.asked)
            case "paymentAccounts", UUID():
                account = AddPaymentAccount.model_validate(self.content)
                return application.add_payment_account(customer_id, account, self.asked)
            case "billingStop", UUID():
                return application.stop_billing(
                    customer_id, StopBilling.model_validate(self.content), self.asked
                )
        raise AssertionError(f"{self.kind} of {customer_id}")

    def _of(self, customer_id: UUID | None) -> Any:
        """The content with its customer, where the row says whose it is."""
        if customer_id is None or not isinstance(self.content, dict):
            return self.content
        if "customerId" in self.content:
            raise InvalidFields(FieldError("customerId", "is that of the row; leave it out"))
        return self.content | {"customerId": customer_id}

    def refused(self, error: KontorError | ValidationError) -> tuple[FieldError, ...]:
        """Why it is refused, by the paths of the row."""
        ident = IDENTS.get(self.kind, "")
        match error:
            case ValidationError():
                found = invalid_fields(error)
            case InvalidFields():
                found = error.errors
            case _ if isinstance(error, TAKEN):
                found = (FieldError(ident, THERE_ALREADY),)
            case Unavailable():
                raise error
            case _:
                found = (FieldError(ident, str(error)),)
        return tuple(FieldError(self._path_of(e.field), e.message) for e in found)

    def _path_of(self, field: str) -> str:
        inner = "" if field == "body" else field
        return ".".join(filter(None, (self.path, inner))) or "row"


def invalid_fields(error: ValidationError) -> tuple[FieldError, ...]:
    """What is wrong with a body, as over HTTP; the field of what concerns all of it is `body`."""
    return field_errors([{**e, "loc": ("body", *e["loc"])} for e in error.errors()])


def asks_of(kind: Kind, row: Row, actor: str) -> tuple[Ask, ...]:
    """The commands of a row: what it is itself, then what belongs to it. The same content gives the same command ids."""
    if kind != "customers":
        return (Ask(kind, "", row, _asked(actor, kind, row)),)
    itself = {name: value for name, value in row.items() if name not in PARTS}
    customer = Ask(kind, "", itself, _asked(actor, kind, itself))
    parts = (
        Ask(part, path, content, _asked(actor, part, content, str(customer.id)))
        for part, path, content in _parts(row)
    )
    return (customer, *parts)


def _parts(row: Row) -> Iterator[tuple[PartKind, str, Any]]:
    for part in PARTS:
        match row.get(part):
            case None:
                continue
            case list() as several if part != "billingStop":
                yield from ((part, f"{part}[{index}]", content) for index, content in enumerate(several))
            case one:
                yield part, part, one


def _asked(actor: str, *content: Any) -> Asked:
    """The same content is the same command, whenever and from whichever file it is imported."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).digest()
    command_id = uuid5(NAMESPACE_URL, f"kontor:import:{digest.hex()}")
    return Asked(Context(command_id, actor, datetime.now(UTC), command_id), digest)
