"""Importing usage: rows are single usage entries, sent in batches; what spoils a batch is taken out of it."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from infra.imports.asks import invalid_fields
from infra.imports.carrying_out import Numbered, Taken
from infra.imports.rejects import Reject
from services.customer.application import CustomerApplication
from services.customer.commands.usage import RecordUsage, UsageBody
from services.errors import FieldError, InvalidFields
from services.events import Asked, Context
from services.ids import new_id

Entry = tuple[Numbered, UsageBody]

_PLACE = re.compile(r"events\[(\d+)\]\.?(.*)")


class UsageImport:
    """Imports usage entries; which of them are there already is known by their event ids."""

    rows_at_once = 2_000

    def __init__(self, application: CustomerApplication, actor: str) -> None:
        self._application = application
        self._actor = actor

    def take(self, batch: Sequence[Numbered]) -> Taken:
        """Record a batch without its bad entries."""
        taken = Taken()
        entries: list[Entry] = []
        for number, row in batch:
            try:
                entries.append(((number, row), UsageBody.model_validate(row)))
            except ValidationError as error:
                taken.rejects.append(Reject(number, row, invalid_fields(error)))
        while entries:
            try:
                self._record([entry for _, entry in entries], taken)
                break
            except InvalidFields as refused:
                bad = _by_place(refused)
                taken.rejects += [Reject(*entries[place][0], errors) for place, errors in bad.items()]
                entries = [entry for place, entry in enumerate(entries) if place not in bad]
        return taken

    def _record(self, entries: Sequence[UsageBody], taken: Taken) -> None:
        command_id = new_id()
        asked = Asked(Context(command_id, self._actor, datetime.now(UTC), command_id))
        answer = self._application.record_usage(RecordUsage(events=tuple(entries)), asked)
        taken.created += answer["accepted"]
        taken.unchanged += answer["duplicates"]


def _by_place(refused: InvalidFields) -> dict[int, list[FieldError]]:
    """What is wrong with which entry of the batch; raises what concerns none of them."""
    bad: dict[int, list[FieldError]] = {}
    for error in refused.errors:
        found = _PLACE.fullmatch(error.field)
        if not found:
            raise refused
        bad.setdefault(int(found[1]), []).append(FieldError(found[2], error.message))
    return bad
