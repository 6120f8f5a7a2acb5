"""A Kafka cluster on this machine, for development and tests: real brokers in KRaft mode, data in one directory.

Each broker is a controller too. As for the embedded PostgreSQL (infra/postgres/embedded.py), a lock that is
handed down to the broker says whether it is alive, and the kernel drops it with the process.
"""

import base64
import fcntl
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from infra.kafka import programs

FIRST_PORT = 9092
READY_SECONDS = 60.0
# Three brokers that stop at once can't hand over to each other: the last ones would wait for ever.
SHUTDOWN_SECONDS = 10.0

_LOG_LINES = 12

log = logging.getLogger(__name__)


class BrokerError(Exception):
    """The development Kafka could not be started or stopped; the message carries the end of its log."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a broker listens: for clients, and for the other brokers' controllers."""

    port: int
    controller_port: int


def up(data_dir: Path, brokers: int = 1, first_port: int = FIRST_PORT) -> str:
    """Start what does not run yet of a cluster of so many brokers; return its bootstrap servers once it is ready.

    A cluster keeps the number of its brokers and their ports; with `first_port=0` it gets free ones.
    Raises BrokerError, KafkaProgramsMissing.
    """
    java, jars = programs.java(), programs.jars()
    with _only_one(data_dir):
        cluster = Cluster.of(data_dir) or Cluster.planned(data_dir, brokers, first_port)
        if len(cluster.places) != brokers:
            raise BrokerError(
                f"the cluster in {cluster.directory} has {len(cluster.places)} brokers;"
                " `kontor dev kafka down --delete` makes room for another one"
            )
        cluster.start(java, jars)
    return cluster.bootstrap


def down(data_dir: Path, *, delete: bool = False) -> bool:
    """Stop the cluster, and `delete` its data; whether there was one. Raises BrokerError."""
    if not (data_dir / "kafka").is_dir():
        return False
    with _only_one(data_dir):
        cluster = Cluster.of(data_dir)
        if cluster:
            cluster.stop()
        if delete:
            shutil.rmtree(data_dir / "kafka")
    return cluster is not None


@dataclass(frozen=True, slots=True)
class Cluster:
    """The brokers of one data directory."""

    directory: Path
    cluster_id: str
    places: tuple[Place, ...]

    @classmethod
    def of(cls, data_dir: Path) -> "Cluster | None":
        """The cluster that was made there, None where none was."""
        try:
            found = json.loads((data_dir / "kafka" / "cluster.json").read_text("utf-8"))
        except FileNotFoundError:
            return None
        return cls(data_dir / "kafka", found["clusterId"], tuple(Place(**each) for each in found["places"]))

    @classmethod
    def planned(cls, data_dir: Path, brokers: int, first_port: int) -> "Cluster":
        """A new cluster, written down and not started yet."""
        ports = _free_ports(2 * brokers) if first_port == 0 else range(first_port, first_port + 2 * brokers)
        places = tuple(Place(*pair) for pair in zip(ports[:brokers], ports[brokers:], strict=True))
        cluster = cls(
            data_dir / "kafka", base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="), places
        )
        written = {"clusterId": cluster.cluster_id, "places": [asdict(place) for place in places]}
        draft = cluster.directory / "cluster.json.new"
        draft.write_text(json.dumps(written), "utf-8")
        draft.rename(cluster.directory / "cluster.json")
        return cluster

    @property
    def bootstrap(self) -> str:
        """What KONTOR_KAFKA is to be set to."""
        return ",".join(f"127.0.0.1:{place.port}" for place in self.places)

    @property
    def brokers(self) -> "list[Broker]":
        return [Broker(self, number) for number in range(1, len(self.places) + 1)]

    def start(self, java: str, jars: Path) -> None:
        """Start every broker that does not run, and return when all of them answer."""
        begin = time.monotonic()
        if not (idle := [broker for broker in self.brokers if not broker.is_running()]):
            return
        started = [(broker, broker.start(java, jars)) for broker in idle]
        for broker, process in started:
            broker.wait_until_ready(process)
        log.info("Kafka started in %.1f s: %s", time.monotonic() - begin, self.bootstrap)

    def stop(self) -> None:
        """Stop all brokers at once, and wait until none is left."""
        for broker in self.brokers:
            broker.send(signal.SIGTERM)
        patience_ends = time.monotonic() + SHUTDOWN_SECONDS
        for broker in self.brokers:
            broker.wait_until_gone(patience_ends)


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker of a cluster, by its number from 1 on."""

    cluster: Cluster
    number: int

    @property
    def directory(self) -> Path:
        return self.cluster.directory / f"broker-{self.number}"

    @property
    def place(self) -> Place:
        return self.cluster.places[self.number - 1]

    def is_running(self) -> bool:
        if not self.directory.is_dir():
            return False
        with (self.directory / "alive.lock").open("a") as alive:
            return not _locked(alive)

    def start(self, java: str, jars: Path) -> subprocess.Popen[bytes]:
        """Start the process; it is formatted before its first start. Raises BrokerError."""
        self._refuse_taken_ports()
        self.directory.mkdir(exist_ok=True)
        (self.directory / "log4j2.properties").write_text(
            programs.configuration("log4j2.properties"), "utf-8"
        )
        (self.directory / "server.properties").write_text(self._properties(), "utf-8")
        if not (self.directory / "data" / "meta.properties").exists():
            self._format(java, jars)
        with (self.directory / "alive.lock").open("a") as alive, self._output.open("wb") as output:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            process = subprocess.Popen(  # noqa: S603
                [*self._java(java, jars), "kafka.Kafka", str(self.directory / "server.properties")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.directory,
                pass_fds=[alive.fileno()],
                start_new_session=True,  # Ctrl-C in the terminal is for those who use it
            )
        (self.directory / "broker.pid").write_text(str(process.pid), "ascii")
        # Reaped when it ends: a zombie would keep its process id.
        threading.Thread(target=process.wait, name="kafka-reaper", daemon=True).start()
        return process

    def wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Return when the broker accepts clients, which it does not before it is part of its cluster."""
        for _ in _pauses(READY_SECONDS):
            if process.poll() is not None:
                raise self._error("did not start")
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.place.port), timeout=1):
                return
        raise self._error(f"was not ready within {READY_SECONDS:.0f} s")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the broker, if it runs."""
        if self.is_running():
            with suppress(ProcessLookupError, FileNotFoundError):
                os.kill(int((self.directory / "broker.pid").read_text("ascii")), number)

    def wait_until_gone(self, patience_ends: float) -> None:
        """Return when no process is left; one that does not end by `patience_ends` (monotonic) is killed."""
        while self.is_running() and time.monotonic() < patience_ends:
            time.sleep(0.05)
        self.send(signal.SIGKILL)
        for _ in _pauses(SHUTDOWN_SECONDS):
            if not self.is_running():
                return
        raise self._error("did not stop")

    @property
    def _output(self) -> Path:
        """What it says before it opens its log."""
        return self.directory / "start.log"

    def _refuse_taken_ports(self) -> None:
        for port in (self.place.port, self.place.controller_port):
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError as error:
                raise BrokerError(
                    f"port {port} is taken by another program; choose others: kontor dev kafka up --port 19092"
                ) from error

    def _format(self, java: str, jars: Path) -> None:
        shutil.rmtree(self.directory / "data", ignore_errors=True)  # a format that was cut off
        command = [*self._java(java, jars), "kafka.tools.StorageTool", "format"]
        command += [f"--cluster-id={self.cluster.cluster_id}"]  # which may begin with a dash
        command += ["--config", str(self.directory / "server.properties")]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=self.directory)  # noqa: S603
        if done.returncode != 0:
            raise BrokerError(f"Kafka's storage could not be made:\n{(done.stdout + done.stderr).strip()}")

    def _java(self, java: str, jars: Path) -> list[str]:
        """A small and soon ready virtual machine: this Kafka has little to do."""
        options = [
            "-Xms64m",
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.awt.headless=true",
        ]
        options += [f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}"]
        return [java, *options, f"-Dkontor.log={self.directory / 'broker.log'}", "-cp", f"{jars}/*"]

    def _properties(self) -> str:
        places, copies = self.cluster.places, min(3, len(self.cluster.places))
        voters = (f"{n}@127.0.0.1:{place.controller_port}" for n, place in enumerate(places, 1))
        settings = {
            "process.roles": "broker,controller",
            "node.id": self.number,
            "controller.quorum.voters": ",".join(voters),
            "listeners": f"CLIENTS://127.0.0.1:{self.place.port},CONTROLLERS://127.0.0.1:{self.place.controller_port}",
            "advertised.listeners": f"CLIENTS://127.0.0.1:{self.place.port}",
            "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLERS:PLAINTEXT",
            "inter.broker.listener.name": "CLIENTS",
            "controller.listener.names": "CONTROLLERS",
            "log.dirs": self.directory / "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": min(2, copies),
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 3,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": min(2, copies),
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": min(2, copies),
            # Nobody waits here for others that may still come, nor long for a broker that was killed.
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _error(self, what: str) -> BrokerError:
        texts = [
            path.read_text("utf-8", "replace")
            for path in (self.directory / "broker.log", self._output)
            if path.exists()
        ]
        tail = "\n".join("".join(texts).splitlines()[-_LOG_LINES:])
        return BrokerError(f"Kafka's broker {self.number} in {self.directory} {what}; its log ends:\n{tail}")


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Be the only one who starts or stops the cluster of a data directory."""
    directory = data_dir / "kafka"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BrokerError(f"the directory {directory} cannot be made: {error.strerror}") from error
    with (data_dir / "kafka.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _free_ports(count: int) -> Sequence[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _locked(file: IO[str]) -> bool:
    """Whether the file could be locked exclusively, which nobody else has then."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pauses(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)
