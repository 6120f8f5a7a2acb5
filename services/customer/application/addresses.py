"""Use cases of customers' addresses."""

from typing import Any
from uuid import UUID

from services.customer.application.changing import ChangingCustomers
from services.customer.commands.customers import AddressBody
from services.events import Asked


class Addresses(ChangingCustomers):
    """Adding, editing and removing addresses."""

    def add_address(
        self, customer_id: UUID, body: AddressBody, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Add an address; answers addressId, customerId, version, position."""
        address, now = body.to_address(self._new_id()), asked.context.occurred_at
        return self._change_customer(
            customer_id,
            asked,
            expected,
            lambda customer: customer.add_address(address, now),
            addressId=str(address.address_id),
        )

    def edit_address(
        self,
        customer_id: UUID,
        address_id: UUID,
        body: AddressBody,
        asked: Asked,
        expected: int | None = None,
    ) -> dict[str, Any]:
        """Replace an address; answers addressId, customerId, version, position."""
        address, now = body.to_address(address_id), asked.context.occurred_at
        return self._change_customer(
            customer_id,
            asked,
            expected,
            lambda customer: customer.edit_address(address, now),
            addressId=str(address_id),
        )

    def remove_address(
        self, customer_id: UUID, address_id: UUID, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Remove an address; answers customerId, version, position."""
        now = asked.context.occurred_at
        return self._change_customer(
            customer_id, asked, expected, lambda customer: customer.remove_address(address_id, now)
        )
