"""Use cases of orders."""

from typing import Any
from uuid import UUID

from services.application import Decision, check_version
from services.customer.application.billing_runs import BillingRuns
from services.customer.application.deciding import ORDER, check_addresses
from services.customer.commands.orders import CancelOrder, RecordOrder
from services.customer.customer import Customer
from services.customer.order import Order
from services.events import Aggregate, Asked, Claim
from services.messages import OrderRecorded
from services.values import BillingTime


class Orders(BillingRuns):
    """Recording and cancelling orders."""

    def record_order(self, body: RecordOrder, asked: Asked) -> dict[str, Any]:
        """Record an order, and with IMMEDIATELY also request a run for it.

        Answers orderId, orderIdent, customerId, version, position and, if there is one, billingRunId.
        """

        def decide() -> Decision:
            customer = self._named_customer(body)
            customer.check_not_erased()
            check_addresses(customer, body.invoice_address_id, body.shipping_address_id)
            order = Order.record(_placed(body, self._new_id(), customer), asked.context.occurred_at)
            answer = {
                "orderId": str(order.id),
                "orderIdent": body.order_ident,
                "customerId": str(customer.id),
                "version": order.version,
            }
            aggregates: list[Aggregate] = [order]
            if body.billing_time is BillingTime.IMMEDIATELY:
                run = self._request(customer, None, asked)
                answer["billingRunId"] = str(run.id)
                aggregates.append(run)
            claim = Claim(ORDER, body.order_ident, order.id, customer.id)
            return Decision(aggregates, answer, (claim,), relies_on=(customer,))

        return self._carry_out(asked, decide)

    def cancel_order(
        self, order_id: UUID, body: CancelOrder, asked: Asked, expected: int | None = None
    ) -> dict[str, Any]:
        """Take back an order that is not billed; answers orderId, version, position."""

        def decide() -> Decision:
            order = self.order(order_id)
            check_version(expected, order.version)
            customer = self.customer(order.customer_id)
            customer.check_not_erased()
            order.cancel(body.reason, self._billed.anything_billed_of, asked.context.occurred_at)
            return Decision(
                [order], {"orderId": str(order.id), "version": order.version}, relies_on=(customer,)
            )

        return self._carry_out(asked, decide)


def _placed(body: RecordOrder, order_id: UUID, customer: Customer) -> OrderRecorded:
    return OrderRecorded(
        order_id=order_id,
        customer_id=customer.id,
        order_ident=body.order_ident,
        ordered_on=body.order_date,
        billing_time=body.billing_time,
        currency=body.currency,
        lines=tuple(line.to_line() for line in body.lines),
        allowances=tuple(a.to_value() for a in body.allowances),
        charges=tuple(c.to_value() for c in body.charges),
        payment_term_days=body.payment_term_days,
        purchase_order=body.purchase_order,
        invoice_address_id=body.invoice_address_id,
        shipping_address_id=body.shipping_address_id,
        billing_entity=body.billing_entity,
        prepaid_amount=body.prepaid_amount,
    )
