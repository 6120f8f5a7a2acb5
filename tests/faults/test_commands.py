"""A client that repeats what was not answered gets every command done once, whatever is killed meanwhile."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from tests import examples
from tests.acceptance.server import KontorServer, eventually
from tests.faults.fleet import Fleet, debtor_ident

CLIENTS = 4
COMMANDS_OF_CLIENT = 40
KILLS = 3


class Client:
    """Adds addresses to one customer, each under a key of its own and sent again until it is answered."""

    def __init__(self, server: KontorServer, path: str) -> None:
        self._path = path
        self.http = httpx.Client(base_url=server.url, headers=server.bearer(server.admin_token), timeout=20)
        self.answers: dict[str, httpx.Response] = {}
        """By key, which is also the city of the address."""
        self.repeated = 0

    def work(self) -> None:
        """Have all commands answered."""
        for _ in range(COMMANDS_OF_CLIENT):
            key = uuid4().hex
            self.answers[key] = eventually(lambda key=key: self.send(key))

    def send(self, key: str) -> httpx.Response | None:
        """The answer; None when there was none, or only that the service cannot answer right now."""
        body = examples.shipping_address(city=key, lastName="Mustermann")
        try:
            answer = self.http.post(f"{self._path}/addresses", json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            answer = None
        if answer is None or answer.status_code == 503:
            self.repeated += 1
            return None
        assert answer.status_code == 201, answer.text
        return answer


@pytest.fixture
def path(fleet: Fleet) -> str:
    """Of the customer that all clients write to, so that they are in each other's way too."""
    [customer] = fleet.server.read("/v1/customers", debtorIdent=debtor_ident(0))["items"]
    return f"/v1/customers/{customer['customerId']}"


@pytest.fixture
def clients(fleet: Fleet, path: str) -> Iterator[list[Client]]:
    clients = [Client(fleet.server, path) for _ in range(CLIENTS)]
    yield clients
    for client in clients:
        client.http.close()


def test_each_command_is_done_once_though_all_is_killed_meanwhile(fleet, path, clients, chance):
    with ThreadPoolExecutor(CLIENTS) as threads:
        working = [threads.submit(client.work) for client in clients]
        for kill in range(1, KILLS + 1):
            wait_until_answered(clients, kill / (KILLS + 1))
            kill_at_random(fleet.server, chance)
        for work in working:
            work.result()
    fleet.server.wait_until_ready()
    assert sum(client.repeated for client in clients) > 0

    answers = {key: answer for client in clients for key, answer in client.answers.items()}
    last = max(answer.json()["position"] for answer in answers.values())
    cities = Counter(a["city"] for a in fleet.server.read(path, minPosition=last)["addresses"][1:])
    assert cities == dict.fromkeys(answers, 1)
    for client in clients:
        key, first = client.answers.popitem()
        again = client.send(key)
        assert again is not None
        assert again.content == first.content


def wait_until_answered(clients: list[Client], part: float) -> None:
    """Return when such a part of the commands is answered."""
    wanted = part * CLIENTS * COMMANDS_OF_CLIENT
    eventually(lambda: sum(len(client.answers) for client in clients) >= wanted)


def kill_at_random(server: KontorServer, chance: random.Random) -> None:
    """Kill Kontor, sometimes with its database, while a command is on its way."""
    time.sleep(chance.uniform(0, 0.05))
    chance.choice([server.kill_everything, server.kill_group])()
    server.launch()
