"""The queries over HTTP: overview, detail, history, plans, contracts, orders, documents, billing runs."""

from datetime import date
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.params import Depends as Dependency
from fastapi.responses import StreamingResponse

from projections.billing_runs import BillingRunItem, OutcomeItem
from projections.contracts import Contract, ContractItem
from projections.corrections import Proposal, ProposalItem
from projections.coverage import Coverage
from projections.customer_detail import CustomerDetail
from projections.customer_overview import SORTS, CustomerFilter, CustomerItem
from projections.documents import Document, DocumentItem
from projections.export import customers_as_csv
from projections.history import HistoryItem
from projections.orders import OrderItem
from projections.paging import MAX_LIMIT, Page
from projections.payments import PaymentItem
from projections.plans import Plan, PlanItem
from projections.views import Views
from services.errors import NotFound
from services.http import require
from services.settlement import PaymentStatus
from services.values import CustomerType

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items a page has at most.")]
Cursor = Annotated[str | None, Query(description="`cursor` of the page before.")]
CustomerId = Annotated[UUID | None, Query(alias="customerId", description="Only what is this customer's.")]
DebtorIdent = Annotated[str | None, Query(alias="debtorIdent", description="Only what is this customer's.")]
MinPosition = Annotated[
    int | None,
    Query(
        alias="minPosition",
        ge=0,
        description="See at least this `position`, as a command answered it; `503` if that takes over 2 s.",
    ),
]

MAX_VERSION = 2**31 - 1

_SORT_PATTERN = f"^-?({'|'.join(SORTS)})$"
_CSV = "text/csv"
_CSV_EXAMPLE = "customerId,debtorIdent,name,…\r\n0199…,D-4711,Beispiel GmbH,…\r\n"
_NOBODY = UUID(int=0)
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "There is none of this id."}}


def router(views: Views) -> APIRouter:
    """All queries under /v1."""

    def up_to_date(min_position: MinPosition = None) -> None:
        views.wait_for(min_position)

    def reads(scope: str) -> list[Dependency]:
        """What every query begins with: who may ask it is known before anybody waits."""
        return [Depends(require(scope)), Depends(up_to_date)]

    api = APIRouter(prefix="/v1")
    _customers(api, views, reads("customers:read"))
    _plans(api, views, reads("customers:read"))
    _contracts(api, views, reads("customers:read"))
    _orders(api, views, reads("customers:read"))
    _documents(api, views, reads("documents:read"))
    _payments(api, views, reads("documents:read"))
    _corrections(api, views, reads("documents:read"))
    _billing_runs(api, views, reads("customers:read"))
    return api


def customer_filter(
    q: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Words in name, debtor ident, account number, e-mail, VAT-ID or contractor references;"
            " one or two letters only at the beginning of a word.",
        ),
    ] = None,
    customer_type: Annotated[CustomerType | None, Query(alias="customerType")] = None,
    country: Annotated[str | None, Query(description="ISO 3166-1 alpha-2", examples=["DE"])] = None,
    language: Annotated[str | None, Query(examples=["de"])] = None,
    debtor_ident: Annotated[str | None, Query(alias="debtorIdent")] = None,
    contractor_reference: Annotated[
        str | None,
        Query(
            alias="contractorReference",
            max_length=255,
            description="An ident in a third-party system, or `system:ident`.",
            examples=["crm:0017"],
        ),
    ] = None,
    property: Annotated[  # noqa: A002 - as in the address
        str | None,
        Query(
            max_length=1000, description="A property's key, or `key:value`.", examples=["segment:mobility"]
        ),
    ] = None,
    billing_stop: Annotated[bool | None, Query(alias="billingStop")] = None,
    has_open_amount: Annotated[bool | None, Query(alias="hasOpenAmount")] = None,
    created_from: Annotated[
        date | None, Query(alias="createdFrom", description="This day (UTC) or later.")
    ] = None,
    created_to: Annotated[
        date | None, Query(alias="createdTo", description="This day (UTC) or earlier.")
    ] = None,
    sort: Annotated[
        str, Query(pattern=_SORT_PATTERN, description="A column, `-` before it: descending.")
    ] = "-createdAt",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CustomerFilter:
    """The overview's filters, which all must match."""
    return CustomerFilter(
        q=q,
        customer_type=customer_type,
        country=country,
        language=language,
        debtor_ident=debtor_ident,
        contractor_reference=contractor_reference,
        property=property,
        billing_stop=billing_stop,
        has_open_amount=has_open_amount,
        created_from=created_from,
        created_to=created_to,
        sort=sort,
        limit=limit,
        cursor=cursor,
    )


def _customers(api: APIRouter, views: Views, reads: list[Dependency]) -> None:
    @api.get(
        "/customers",
        tags=["customers"],
        dependencies=reads,
        response_model=Page[CustomerItem],
        responses={200: {"content": {_CSV: {"example": _CSV_EXAMPLE}}}},
    )
    def customers(
        request: Request,
        wanted: Annotated[CustomerFilter, Depends(customer_filter)],
        form: Annotated[
            Literal["json", "csv"] | None, Query(alias="format", description="`csv` like `Accept: text/csv`.")
        ] = None,
    ) -> Response:
        """The customer overview: a page of it, or all that matches as CSV."""
        if form == "csv" or (form is None and _CSV in request.headers.get("accept", "")):
            headers = {"Content-Disposition": 'attachment; filename="customers.csv"'}
            return StreamingResponse(
                customers_as_csv(views.customers, wanted),
                media_type=f"{_CSV}; charset=utf-8",
                headers=headers,
            )
        return _json(views.customers(wanted))

    @api.get(
        "/customers/{customer_id}",
        tags=["customers"],
        dependencies=reads,
        response_model=CustomerDetail,
        responses=_NOT_FOUND,
    )
    def customer(customer_id: UUID) -> Response:
        """A customer with general data, addresses, properties and payment accounts. `ETag` is the version to edit."""
        found = _there(views.customer(customer_id), "customer", customer_id)
        return _json(found, ETag=f'"{found["version"]}"')

    @api.get(
        "/customers/{customer_id}/history",
        tags=["customers"],
        dependencies=reads,
        response_model=Page[HistoryItem],
        responses=_NOT_FOUND,
    )
    def history(customer_id: UUID, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Every event about the customer, its contracts, orders, documents and runs, newest first."""
        _there(views.customer(customer_id), "customer", customer_id)
        return _json(views.history(customer_id, limit, cursor))


def _plans(api: APIRouter, views: Views, reads: list[Dependency]) -> None:
    @api.get("/plans", tags=["plans"], dependencies=reads, response_model=Page[PlanItem])
    def plans(limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Plans in their newest version, the newest plan first."""
        return _json(views.plans(limit, cursor))

    @api.get(
        "/plans/{plan_ident}",
        tags=["plans"],
        dependencies=reads,
        response_model=Plan,
        responses=_NOT_FOUND,
    )
    def plan(
        plan_ident: str,
        plan_version: Annotated[
            int | None, Query(alias="planVersion", ge=1, le=MAX_VERSION, description="Newest if left out.")
        ] = None,
    ) -> Response:
        """A plan in one of its versions, and which there are. `ETag` is the version to edit."""
        found = _there(views.plan(plan_ident, plan_version), "plan", plan_ident)
        return _json(found, ETag=f'"{found["version"]}"')


def _contracts(api: APIRouter, views: Views, reads: list[Dependency]) -> None:
    @api.get("/contracts", tags=["contracts"], dependencies=reads, response_model=Page[ContractItem])
    def contracts(
        customer_id: CustomerId = None,
        debtor_ident: DebtorIdent = None,
        contract_ident: Annotated[str | None, Query(alias="contractIdent")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Contracts, newest first."""
        owner = _owner(views, customer_id, debtor_ident)
        return _json(views.contracts(owner, contract_ident, limit, cursor))

    @api.get(
        "/contracts/{contract_id}",
        tags=["contracts"],
        dependencies=reads,
        response_model=Contract,
        responses=_NOT_FOUND,
    )
    def contract(
        contract_id: UUID,
        on: Annotated[
            date | None, Query(description="Items and status of this day; today's if left out.")
        ] = None,
    ) -> Response:
        """A contract: items and status as of a day, how far it is billed, amendments, and what was used of it."""
        found = _there(views.contract(contract_id, on), "contract", contract_id)
        return _json(found, ETag=f'"{found["version"]}"')

    @api.get(
        "/contracts/{contract_id}/coverage",
        tags=["contracts"],
        dependencies=reads,
        response_model=Coverage,
        responses=_NOT_FOUND,
    )
    def coverage(contract_id: UUID) -> Response:
        """What of the contract is billed, item by item and day by day; empty `gaps` and `overlaps` are the proof
        that nothing that was due was forgotten, and nothing billed twice.
        """
        return _json(_there(views.coverage(contract_id), "contract", contract_id))


def _orders(api: APIRouter, views: Views, reads: list[Dependency]) -> None:
    @api.get("/orders", tags=["orders"], dependencies=reads, response_model=Page[OrderItem])
    def orders(
        customer_id: CustomerId = None,
        debtor_ident: DebtorIdent = None,
        order_ident: Annotated[str | None, Query(alias="orderIdent")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Orders, newest first."""
        return _json(views.orders(_owner(views, customer_id, debtor_ident), order_ident, limit, cursor))

    @api.get(
        "/orders/{order_id}",
        tags=["orders"],
        dependencies=reads,
        response_model=OrderItem,
        responses=_NOT_FOUND,
    )
    def order(order_id: UUID) -> Response:
        """An order with its lines and the documents that bill it."""
        return _json(_there(views.order(order_id), "order", order_id))


def _documents(api: APIRouter, views: Views, reads: list[Dependency]) -> None:
    @api.get("/documents", tags=["documents"], dependencies=reads, response_model=Page[DocumentItem])
    def documents(
        customer_id: CustomerId = None,
        debtor_ident: DebtorIdent = None,
        number: Annotated[str | None, Query(examples=["RE-2026-000001"])] = None,
        billing_run_id: Annotated[UUID | None, Query(alias="billingRunId")] = None,
        payment_status: Annotated[
            PaymentStatus | None, Query(alias="paymentStatus", description="As of today.")
        ] = None,
        overdue: Annotated[
            bool | None, Query(description="Whether something is open after the due date.")
        ] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Documents without their lines, newest first."""
        owner = _owner(views, customer_id, debtor_ident)
        found = views.documents(
            owner, billing_run_id, number, limit, cursor, payment_status=payment_status, overdue=overdue
        )
        return _json(found)

    @api.get(
        "/documents/{document_id}",
        tags=["documents"],
        dependencies=reads,
        response_model=Document,
        responses=_NOT_FOUND,
    )
    def document(document_id: UUID) -> Response:
        """The whole document as issued, with its open amount and payment status as of today."""
        return _json(_there(views.document(document_id), "document", document_id))


def _corrections(api: APIRouter, views: Views, reads: list[Dependency]) -> None:
    @api.get(
        "/correction-proposals", tags=["documents"], dependencies=reads, response_model=Page[ProposalItem]
    )
    def proposals(
        customer_id: CustomerId = None,
        debtor_ident: DebtorIdent = None,
        status: Annotated[
            Literal["OPEN", "ACCEPTED", "DECLINED", "SUPERSEDED"] | None,
            Query(description="OPEN: somebody has to decide."),
        ] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """What backdated changes of contracts make of bills that were issued, newest first."""
        owner = _owner(views, customer_id, debtor_ident)
        return _json(views.correction_proposals(owner, status, limit, cursor))

    @api.get(
        "/correction-proposals/{proposal_id}",
        tags=["documents"],
        dependencies=reads,
        response_model=Proposal,
        responses=_NOT_FOUND,
    )
    def proposal(proposal_id: UUID) -> Response:
        """A correction as a difference: what was billed, what would be billed, and what is owed more or less."""
        return _json(_there(views.correction_proposal(proposal_id), "correction proposal", proposal_id))


def _payments(api: APIRouter, views: Views, reads: list[Dependency]) -> None:
    @api.get("/payments", tags=["documents"], dependencies=reads, response_model=Page[PaymentItem])
    def payments(
        customer_id: CustomerId = None,
        debtor_ident: DebtorIdent = None,
        document_id: Annotated[UUID | None, Query(alias="documentId")] = None,
        payment_ident: Annotated[str | None, Query(alias="paymentIdent")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Payments and refunds in the order in which they were recorded, newest first."""
        owner = _owner(views, customer_id, debtor_ident)
        return _json(views.payments(owner, document_id, payment_ident, limit, cursor))

    @api.get(
        "/payments/{payment_id}",
        tags=["documents"],
        dependencies=reads,
        response_model=PaymentItem,
        responses=_NOT_FOUND,
    )
    def payment(payment_id: UUID) -> Response:
        """A payment or refund as it was recorded."""
        return _json(_there(views.payment(payment_id), "payment", payment_id))


def _billing_runs(api: APIRouter, views: Views, reads: list[Dependency]) -> None:
    @api.get("/billing-runs", tags=["billing"], dependencies=reads, response_model=Page[BillingRunItem])
    def billing_runs(
        customer_id: CustomerId = None,
        debtor_ident: DebtorIdent = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Billing runs, newest first; of one customer also the runs for all that reached it."""
        return _json(views.billing_runs(_owner(views, customer_id, debtor_ident), limit, cursor))

    @api.get(
        "/billing-runs/{billing_run_id}",
        tags=["billing"],
        dependencies=reads,
        response_model=BillingRunItem,
        responses=_NOT_FOUND,
    )
    def billing_run(billing_run_id: UUID) -> Response:
        """A billing run, with its progress while it is at work."""
        return _json(_there(views.billing_run(billing_run_id), "billing run", billing_run_id))

    @api.get(
        "/billing-runs/{billing_run_id}/outcomes",
        tags=["billing"],
        dependencies=reads,
        response_model=Page[OutcomeItem],
        responses=_NOT_FOUND,
    )
    def outcomes(billing_run_id: UUID, limit: Limit = 50, cursor: Cursor = None) -> Response:
        """What the run did for each customer."""
        _there(views.billing_run(billing_run_id), "billing run", billing_run_id)
        return _json(views.outcomes(billing_run_id, limit, cursor))


def _owner(views: Views, customer_id: UUID | None, debtor_ident: str | None) -> UUID | None:
    """The customer to filter by. A debtor ident that nobody has leads to an id that nobody has."""
    if debtor_ident is None:
        return customer_id
    found = views.find_customer(debtor_ident) or _NOBODY
    return found if customer_id in (None, found) else _NOBODY


def _there(found: T | None, kind: str, wanted: UUID | str) -> T:
    if found is None:
        raise NotFound(f"There is no {kind} {wanted}.")
    return found


def _json(answer: object, **headers: str) -> Response:
    """The answer as it is: the views make JSON already, so the declared models only document it."""
    return Response(msgspec.json.encode(answer), media_type="application/json", headers=headers)
