"""`kontor dev kafka`: a real cluster on this machine that comes and goes at a word."""

import os
import shutil
import subprocess

import pytest

from infra.kafka import broker, topics
from infra.kafka.broker import BrokerError, Cluster
from infra.supervisor import kontor


@pytest.fixture
def command(tmp_path):
    """Runs a `kontor` command on a data directory of its own."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("KONTOR_")}
        environment = clean | {"KONTOR_DATA_DIR": str(tmp_path)} | environment
        return subprocess.run(
            kontor(*arguments), env=environment, cwd=tmp_path, text=True, capture_output=True
        )

    return run


def test_up_says_what_to_set_and_down_leaves_no_process(kafka, command, tmp_path):
    started = command("dev", "kafka", "up", "--port", "0")
    try:
        assert started.stdout == f"KONTOR_KAFKA={Cluster.of(tmp_path).bootstrap}\n", started.stderr
        again = command("dev", "kafka", "up")
        assert again.stdout == started.stdout
    finally:
        stopped = command("dev", "kafka", "down", "--delete")
    assert stopped.stdout == "stopped\n"
    assert not (tmp_path / "kafka").exists()
    assert command("dev", "kafka", "down").stdout == "there is no cluster\n"


def test_a_cluster_keeps_the_number_of_its_brokers(kafka):
    with pytest.raises(BrokerError, match=r"has 1 brokers; `kontor dev kafka down --delete` makes room"):
        broker.up(kafka.data_dir, brokers=3)


def test_what_was_stored_outlives_a_killed_broker(kafka):
    made = topics.ensure(kafka.options, "kontor.customer.v1", 2)
    kafka.kill()
    kafka.start()
    assert topics.ensure(kafka.options, "kontor.customer.v1", 2) == made


@pytest.mark.parametrize(("missing", "hint"), [("java", "default-jre"), ("mvn", "maven")])
def test_without_java_or_maven_it_says_what_to_install(command, tmp_path, missing, hint):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in {"java", "mvn"} - {missing}:
        (programs / name).symlink_to(shutil.which("true"))
    answer = command("dev", "kafka", "up", PATH=str(programs), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert answer.returncode == 1
    assert f"there is no `{missing}` here" in answer.stderr
    assert hint in answer.stderr


def test_a_relay_without_kafka_says_what_to_set(command):
    answer = command("relay")
    assert answer.returncode == 2
    assert "KONTOR_KAFKA is not set" in answer.stderr
