"""A debtor ident belongs to one customer, whoever asks for it at the same moment."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.customer.commands.customers import CreateCustomer
from services.customer.customer import DebtorIdentTaken
from tests import examples
from tests.system import System

THREADS, IDENTS = 200, 20


def at_once(number: int, call: Callable[[int], Any]) -> list[Any]:
    """What `call(0)` to `call(number - 1)` gave, all started at the same moment; a refusal is an answer too."""
    start = threading.Barrier(number)

    def one(index: int) -> Any:
        start.wait()
        try:
            return call(index)
        except DebtorIdentTaken as taken:
            return taken

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(one, range(number)))


def counted(system: System) -> dict[str, int]:
    """Rows that hold what was stored."""
    with system.customer_pool.connection() as conn:
        return {
            table: conn.execute(f"SELECT count(*) AS n FROM {table}").fetchone()["n"]
            for table in ("events", "commands", "idents", "vault.keys")
        }


def test_of_200_creations_with_20_idents_exactly_20_succeed_and_the_rest_leave_nothing(
    system: System,
) -> None:
    answers = at_once(
        THREADS, lambda n: system.create_customer(examples.erika(debtorIdent=f"D-{n % IDENTS}"))
    )
    created = [answer for answer in answers if isinstance(answer, dict)]
    assert Counter(answer["debtorIdent"] for answer in created) == {f"D-{n}": 1 for n in range(IDENTS)}
    assert sum(isinstance(answer, DebtorIdentTaken) for answer in answers) == THREADS - IDENTS
    assert counted(system) == {"events": IDENTS, "commands": IDENTS, "idents": IDENTS, "vault.keys": IDENTS}
    assert len({answer["accountNumber"] for answer in created}) == IDENTS


def test_account_numbers_are_sequential(system: System) -> None:
    numbers = [system.create_customer(examples.erika(debtorIdent=None))["accountNumber"] for _ in range(3)]
    assert numbers == ["100001", "100002", "100003"]


def test_the_account_number_is_the_debtor_ident_where_none_is_given(system: System) -> None:
    answer = system.create_customer(examples.erika(debtorIdent=None))
    assert answer["debtorIdent"] == answer["accountNumber"]


def test_a_refused_creation_uses_up_no_account_number(system: System) -> None:
    system.create_customer(examples.erika())
    with pytest.raises(DebtorIdentTaken):
        system.create_customer(examples.erika())
    assert system.create_customer(examples.erika(debtorIdent=None))["accountNumber"] == "100002"


def test_an_account_number_that_somebody_has_as_debtor_ident_is_left_out(system: System) -> None:
    system.create_customer(examples.erika(debtorIdent="100003"))
    numbers = [system.create_customer(examples.erika(debtorIdent=None))["debtorIdent"] for _ in range(3)]
    assert numbers == ["100002", "100004", "100005"]


def test_a_debtor_ident_taken_while_it_becomes_an_account_number_is_left_out_too(system: System) -> None:
    """Half of them ask for the very numbers that the other half is about to get."""
    answers = at_once(
        40,
        lambda n: system.create_customer(
            examples.erika(debtorIdent=str(100001 + n) if n % 2 else None, language="de")
        ),
    )
    created = [answer for answer in answers if isinstance(answer, dict)]
    assert sum(answer["debtorIdent"] == answer["accountNumber"] for answer in created) >= 20
    assert len({answer["debtorIdent"] for answer in created}) == len(created) == counted(system)["events"]


def test_the_same_creation_sent_again_is_answered_the_same(system: System) -> None:
    asked, body = examples.asked(), CreateCustomer.model_validate(examples.erika())
    first = system.customer.create_customer(body, asked)
    assert system.customer.create_customer(body, asked) == first
