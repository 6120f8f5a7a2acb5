"""The tables of corrections: which proposal about a contract is open, and which contracts are to be looked at.

A contract that changed is looked at soon after, once. That it is to be is no fact of any log, so an audit does not
compare it; which proposals are open is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.billing.transaction import Cursor
from services.messages import (
    ContractAmended,
    ContractCancelled,
    ContractPaused,
    ContractResumed,
    ContractTerminated,
    CorrectionAccepted,
    CorrectionDeclined,
    CorrectionProposed,
    CorrectionSuperseded,
    Envelope,
    Message,
)
from services.terms import ContractChange

SINCE_EVER = date(1900, 1, 1)


@dataclass(frozen=True, slots=True)
class Check:
    """A contract whose bills are to be looked at, from a day on, because of what is in the customer log."""

    contract_id: UUID
    customer_id: UUID
    since: date
    causes: tuple[int, ...]
    actor: str
    correlation_id: UUID
    causation_id: UUID


# -- contracts to be looked at ------------------------------------------------------------------


def ask_for(cursor: Cursor, checks: Iterable[Check]) -> None:
    """Have contracts looked at; those of which nothing is billed need not be, unless a correction is still open."""
    for check in checks:
        cursor.execute(
            "INSERT INTO contract_checks"
            " (contract_id, customer_id, since, causes, actor, correlation_id, causation_id)"
            " SELECT %s, %s, %s, %s, %s, %s, %s FROM billables"
            " WHERE billable_id = %s AND (progress <> '{}'"
            "  OR EXISTS (SELECT FROM open_corrections WHERE contract_id = billable_id))"
            " ON CONFLICT (contract_id) DO UPDATE SET since = least(contract_checks.since, excluded.since),"
            "  causes = contract_checks.causes || excluded.causes, actor = excluded.actor,"
            "  correlation_id = excluded.correlation_id, causation_id = excluded.causation_id",
            [
                check.contract_id,
                check.customer_id,
                check.since,
                list(check.causes),
                check.actor,
                check.correlation_id,
                check.causation_id,
                check.contract_id,
            ],
        )


def asked_by(envelopes: Iterable[Envelope]) -> list[Check]:
    """The contracts that messages change, each from its first day on."""
    return [
        Check(
            contract_id=envelope.body.contract_id,
            customer_id=envelope.body.customer_id,
            since=_since(envelope.body),
            causes=(envelope.position,),
            actor=envelope.actor,
            correlation_id=envelope.correlation_id,
            causation_id=envelope.command_id,
        )
        for envelope in envelopes
        if isinstance(envelope.body, ContractChange)
    ]


def _since(change: ContractChange) -> date:
    match change:
        case ContractAmended():
            return change.effective_on
        case ContractPaused():
            return change.paused_from
        case ContractResumed():
            return change.resumed_from
        case ContractTerminated():
            return change.terminates_on
        case ContractCancelled():
            return SINCE_EVER


def take(cursor: Cursor) -> Check | None:
    """The next contract to be looked at, taken off the list; its customer is locked until the transaction ends."""
    cursor.execute(
        "SELECT contract_id FROM contract_checks JOIN customers USING (customer_id)"
        " ORDER BY contract_id LIMIT 1 FOR UPDATE OF customers SKIP LOCKED"
    )
    found = cursor.fetchone()
    if found is None:
        return None
    cursor.execute("DELETE FROM contract_checks WHERE contract_id = %s RETURNING *", [found["contract_id"]])
    row = cursor.fetchone()
    return Check(**row | {"causes": tuple(row["causes"])}) if row else None


# -- proposals ----------------------------------------------------------------------------------


def follow(cursor: Cursor, messages: Iterable[Message | None]) -> None:
    """Take in billing's own messages, in order."""
    for message in messages:
        match message:
            case CorrectionProposed():
                cursor.execute(
                    "INSERT INTO open_corrections (contract_id, proposal_id) VALUES (%s, %s)",
                    [message.contract_id, message.proposal_id],
                )
            case CorrectionAccepted() | CorrectionDeclined() | CorrectionSuperseded():
                cursor.execute("DELETE FROM open_corrections WHERE proposal_id = %s", [message.proposal_id])
            case _:
                pass


def open_about(cursor: Cursor, contract_id: UUID) -> UUID | None:
    """The open proposal about a contract, if there is one."""
    cursor.execute("SELECT proposal_id FROM open_corrections WHERE contract_id = %s", [contract_id])
    row = cursor.fetchone()
    return row["proposal_id"] if row else None


def billed_on(cursor: Cursor, contract_id: UUID, since: date) -> Sequence[UUID]:
    """The documents on which days of a contract from a day on are billed, and the bill stands."""
    cursor.execute(
        "SELECT DISTINCT document_id FROM billed_intervals"
        " WHERE billable_id = %s AND interval_end >= %s AND released_by IS NULL",
        [contract_id, since],
    )
    return [row["document_id"] for row in cursor]
