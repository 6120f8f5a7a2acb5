"""Use cases of usage: what upstream systems metered, each event once, whatever is sent again or at the same time."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.application import Decision
from services.customer.application.deciding import CONTRACT, ERASED, USAGE, Deciding
from services.customer.commands.usage import RecordUsage, UsageBody
from services.customer.contract import Contract
from services.customer.usage import UsageReport, wrong_with
from services.errors import FieldError, InvalidFields
from services.events import Asked, Claim

ERRORS_MAX = 100
"""How many invalid entries of a batch are named at once."""

Numbered = Sequence[tuple[int, UsageBody]]
"""Entries of a batch with their place in it."""


class Usage(Deciding):
    """Recording usage."""

    def record_usage(self, body: RecordUsage, asked: Asked) -> dict[str, Any]:
        """Record all of a batch that is not known yet, or, if anything is invalid, nothing; answers accepted, duplicates,
        position.
        """
        return self._carry_out(asked, lambda: self._usage(body, asked))

    def _usage(self, body: RecordUsage, asked: Asked) -> Decision:
        fresh = self._not_yet_known(body.events)
        contracts = self._contracts_of(fresh)
        erased = self._erased({contract.customer_id for contract in contracts.values()})
        _check(fresh, contracts, erased, asked)
        by_contract: defaultdict[UUID, list[UsageBody]] = defaultdict(list)
        for index, entry in fresh:
            by_contract[contracts[index].id].append(entry)
        reports, claims = [], []
        for contract in {contract.id: contract for contract in contracts.values()}.values():
            entries = by_contract[contract.id]
            report = self._report(contract, entries, asked)
            reports.append(report)
            claims += [Claim(USAGE, entry.event_id, report.id, contract.id) for entry in entries]
        answer = {"accepted": len(fresh), "duplicates": len(body.events) - len(fresh)}
        return Decision(reports, answer, tuple(claims), relies_on=tuple(contracts.values()))

    def _report(self, contract: Contract, entries: Sequence[UsageBody], asked: Asked) -> UsageReport:
        return UsageReport.record(
            usage_id=self._new_id(),
            contract_id=contract.id,
            customer_id=contract.customer_id,
            entries=[entry.to_entry() for entry in entries],
            now=asked.context.occurred_at,
        )

    def _not_yet_known(self, entries: Sequence[UsageBody]) -> Numbered:
        """The first of each event that is not recorded."""
        first: dict[str, int] = {}
        for index, entry in enumerate(entries):
            first.setdefault(entry.event_id, index)
        known = self.log_index.owners_of(USAGE, first)
        return [(index, entries[index]) for event_id, index in first.items() if event_id not in known]

    def _contracts_of(self, entries: Numbered) -> Mapping[int, Contract]:
        """The contracts that the entries name, by the entries' places; one that names none is left out."""
        idents = {entry.contract_ident for _, entry in entries if entry.contract_ident is not None}
        by_ident = self.log_index.owners_of(CONTRACT, idents)
        ids = {index: _contract_id(entry, by_ident) for index, entry in entries}
        contracts = self._contracts({contract_id for contract_id in ids.values() if contract_id})
        return {index: contracts[named] for index, named in ids.items() if named and named in contracts}

    def _contracts(self, contract_ids: Collection[UUID]) -> dict[UUID, Contract]:
        found = self.load(contract_ids)
        return {known: contract for known, contract in found.items() if isinstance(contract, Contract)}

    def _erased(self, customer_ids: Collection[UUID]) -> Collection[UUID]:
        """Those of the customers whose personal data was erased."""
        return set(self.log_index.owners_of(ERASED, [str(known) for known in customer_ids]).values())


def _contract_id(entry: UsageBody, by_ident: Mapping[str, UUID]) -> UUID | None:
    """The contract that an entry names, None if there is none or it names two."""
    if entry.contract_ident is None:
        return entry.contract_id
    named = by_ident.get(entry.contract_ident)
    return named if entry.contract_id in (None, named) else None


def _check(
    entries: Numbered, contracts: Mapping[int, Contract], erased: Collection[UUID], asked: Asked
) -> None:
    """Raise InvalidFields with what is wrong with each of the entries, up to a limit."""
    errors: list[FieldError] = []
    for index, entry in entries:
        if error := _wrong(entry, contracts.get(index), erased, asked):
            errors.append(FieldError(f"events[{index}].{error.field}", error.message, error.rejected_value))
        if len(errors) == ERRORS_MAX:
            break
    if errors:
        raise InvalidFields(*errors)


def _wrong(
    entry: UsageBody, contract: Contract | None, erased: Collection[UUID], asked: Asked
) -> FieldError | None:
    if contract is None:
        if entry.contract_ident is None:
            return FieldError("contractId", "there is no such contract", str(entry.contract_id))
        message = (
            "there is no such contract" if entry.contract_id is None else "names another than contractId"
        )
        return FieldError("contractIdent", message, entry.contract_ident)
    if contract.customer_id in erased:
        return FieldError("contractIdent", "the customer's personal data was erased", entry.contract_ident)
    error = wrong_with(entry.to_entry(), contract.terms, asked.context.occurred_at)
    if error and error.field == "optionIdent":
        return FieldError(entry.ident_field, error.message, error.rejected_value)
    return error
