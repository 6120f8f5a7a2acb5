"""How many commands a second the customer service carries out, against pgbench inserting the same rows.

Measured: 32 threads send commands to one `CustomerApplication`, each in turn: create a customer, edit it, sign
a contract for it. A command is looked up, decided on what is stored, and answered when it is safely stored.
Bodies are validated beforehand and HTTP is left out, as both have nothing to do with storing.

Limit: `pgbench` with 32 clients, on the same server and into tables of the same shape, inserts the rows that
these commands leave behind (event, command, name), one transaction a command, in one round trip, with
statements that are prepared. It reads nothing, checks nothing and orders nothing: as long as every command is a
transaction of its own, this server stores them no faster. Group commit may do better than that.
"""

import math
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

from infra.postgres.cluster import environment, program
from infra.postgres.pool import connect
from infra.runtime import Runtime
from services.customer.application import CustomerApplication
from services.customer.commands.contracts import SignContract
from services.customer.commands.customers import CreateCustomer, EditCustomer
from services.events import Asked, Context
from services.messages import ContractSigned, CustomerCreated, CustomerEdited
from tests import examples
from tests.benchmarks.measuring import Figure, Turns

CLIENTS = 32
SECONDS = 2.0

CREATE = CreateCustomer.model_validate(examples.beispiel_gmbh())
EDIT = EditCustomer.model_validate({"email": "buchhaltung@example.com", "phone": "+49 40 98765"})
SIGN = SignContract.model_validate(examples.contract())

STEPS = (CustomerCreated, CustomerEdited, ContractSigned)

LIKE_OURS = """
CREATE SCHEMA pgbench;
CREATE SEQUENCE pgbench.numbers;
CREATE TABLE pgbench.events   (LIKE customer.events   INCLUDING ALL);
CREATE TABLE pgbench.commands (LIKE customer.commands INCLUDING ALL);
CREATE TABLE pgbench.idents   (LIKE customer.idents   INCLUDING ALL);
"""

NEWEST_ROWS = """
SELECT originator_version, topic, schema_version, state, actor, request_hash, answer::text AS answer, kind
FROM customer.events
JOIN customer.commands USING (command_id)
LEFT JOIN customer.idents ON owner = originator_id AND originator_version = 1
WHERE topic = %s ORDER BY position DESC LIMIT 1
"""


def measure(runtime: Runtime, turns: Turns) -> Iterator[Figure]:
    commands = Commands(runtime.customer)
    commands.begin()
    with _scripts(runtime) as scripts:
        ours, limit = turns.take(commands.carry_out, partial(_pgbench, runtime, scripts))
    yield Figure(f"commands/s, {CLIENTS} threads", f"pgbench, {CLIENTS} clients", ours, limit)


class Commands:
    """Clients that send one command after the other, each when the one before is answered."""

    def __init__(self, application: CustomerApplication) -> None:
        self._application = application
        self._numbers = count(1)

    def begin(self) -> None:
        """Carry out each kind of command once."""
        for _ in self._story():
            pass

    def carry_out(self) -> float:
        """The commands a second of all clients together."""
        start = threading.Barrier(CLIENTS)
        begin = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as clients:
            counts = list(clients.map(lambda _: self._client(start, begin + SECONDS), range(CLIENTS)))
        return sum(counts) / (time.perf_counter() - begin)

    def _client(self, start: threading.Barrier, until: float) -> int:
        start.wait()
        done = 0
        while True:
            for _ in self._story():
                done += 1
                if time.perf_counter() > until:
                    return done

    def _story(self) -> Iterator[None]:
        """Stops after every command."""
        application, number = self._application, next(self._numbers)
        debtor, contract = {"debtor_ident": f"D-{number:07}"}, {"contract_ident": f"C-{number:07}"}
        created = application.create_customer(CREATE.model_copy(update=debtor), _asked())
        yield
        application.edit_customer(UUID(created["customerId"]), EDIT, _asked())
        yield
        application.sign_contract(SIGN.model_copy(update=debtor | contract), _asked())
        yield


def _asked() -> Asked:
    command_id = uuid4()
    return Asked(
        Context(command_id, "benchmark", datetime.now(UTC), command_id), sha256(command_id.bytes).digest()
    )


def _pgbench(runtime: Runtime, scripts: list[Path]) -> float:
    command = [str(program("pgbench")), "--no-vacuum", "--protocol=prepared", f"--time={math.ceil(SECONDS)}"]
    command += [
        f"--client={CLIENTS}",
        f"--jobs={os.cpu_count()}",
        *(f"--file={script}" for script in scripts),
    ]
    done = subprocess.run(
        [*command, runtime.database.owner_url],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    found = re.search(r"tps = ([0-9.]+) \(without", done.stdout)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench failed:\n{done.stderr}")
    return float(found[1])


@contextmanager
def _scripts(runtime: Runtime) -> Iterator[list[Path]]:
    """A script for each kind of command, with the values that such a command left in the log."""
    with tempfile.TemporaryDirectory() as folder, connect(runtime.database.owner_url) as owner:
        owner.execute(LIKE_OURS)
        scripts = []
        for step in STEPS:
            row = owner.execute(NEWEST_ROWS, [step.TOPIC]).fetchone()
            assert row is not None
            scripts.append(Path(folder, f"{step.__name__}.sql"))
            scripts[-1].write_text(_script(row), "utf-8")
        yield scripts


def _script(row: examples.Row) -> str:
    event = [
        "nextval('pgbench.numbers'), uuidv7()",
        str(row["originator_version"]),
        _text(row["topic"]),
        str(row["schema_version"]),
        _bytes(row["state"]),
        "now()",
        _text(row["actor"]),
        "gen_random_uuid(), gen_random_uuid(), NULL",
    ]
    command = ["gen_random_uuid()", _bytes(row["request_hash"]), _text(row["answer"]), "now()"]
    lines = ["\\startpipeline", _insert("events", event), _insert("commands", command)]
    if row["kind"]:
        ident = "'D-' || lpad(currval('pgbench.numbers')::text, 7, '0')"
        lines.append(_insert("idents", [_text(row["kind"]), ident, "uuidv7()"]))
    return "\n".join([*lines, "\\endpipeline", ""])


def _insert(table: str, values: list[str]) -> str:
    return f"INSERT INTO pgbench.{table} VALUES ({', '.join(values)});"


def _text(value: str) -> str:
    """A literal in which pgbench finds no variable, such as `:name`."""
    return "E'" + "".join(c if c.isalnum() else f"\\u{ord(c):04x}" for c in value) + "'"


def _bytes(value: bytes) -> str:
    return f"'\\x{bytes(value).hex()}'"
