"""Ordinary notice: the earliest day on which a contract may end, and the days after that."""

from datetime import date
from itertools import count

from services.messages import ContractSigned
from services.terms import ONE_DAY
from services.values import Duration, Renewal


def first_term_end(starts_on: date, minimum_term: Duration) -> date:
    """Last day of the first term."""
    return _term_end(starts_on, minimum_term, 1)


def ordinary_end(signed: ContractSigned, noticed_on: date, wanted: date | None = None) -> date:
    """The first day from `wanted` (None: from the notice) on that may be the last of the contract.

    The notice period runs from the notice on, and a contract has one day at least. Without a minimum term every day
    after that will do; with one, every day from the end of the term on, but where terms renew only the end of a term.
    """
    period = signed.notice_period
    earliest = max(signed.starts_on, period.after(noticed_on) if period else noticed_on, wanted or date.min)
    term = signed.minimum_term
    if term is None:
        return earliest
    if signed.renewal is Renewal.NONE:
        return max(earliest, first_term_end(signed.starts_on, term))
    ends = (_term_end(signed.starts_on, term, number) for number in count(1))
    return next(end for end in ends if end >= earliest)


def _term_end(starts_on: date, term: Duration, number: int) -> date:
    return term.after(starts_on, number) - ONE_DAY
