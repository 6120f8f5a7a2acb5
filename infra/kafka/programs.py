"""The programs of the development Kafka: from Maven Central into the user's cache, once for each version."""

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path

import platformdirs

JAVA_MAJOR_VERSION = 17


class KafkaProgramsMissing(Exception):
    """Kafka's programs cannot be had here; the message says what to install."""


def java() -> str:
    """The Java that runs a broker; raises KafkaProgramsMissing."""
    return _found(
        "java", f"Kafka runs on Java {JAVA_MAJOR_VERSION} or newer; on Debian: apt-get install default-jre"
    )


def jars() -> Path:
    """The directory with everything that pom.xml names, fetched when it is not there; raises KafkaProgramsMissing.

    What another version of pom.xml named is kept beside it, for brokers that still run.
    """
    pom = configuration("pom.xml")
    version = hashlib.sha256(pom.encode()).hexdigest()[:12]
    cache = Path(platformdirs.user_cache_dir("kontor", appauthor=False))
    wanted = cache / f"kafka-{version}"
    if wanted.is_dir():
        return wanted
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "kafka.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # somebody else may be fetching them right now
        if not wanted.is_dir():
            _fetch(pom, wanted)
    return wanted


def configuration(name: str) -> str:
    """One of the files of `broker/`."""
    return (resources.files("infra.kafka") / "broker" / name).read_text("utf-8")


def _fetch(pom: str, wanted: Path) -> None:
    maven = _found("mvn", "Kafka's programs are fetched by Maven; on Debian: apt-get install maven")
    with tempfile.TemporaryDirectory(dir=wanted.parent, prefix="fetching-") as name:
        draft = Path(name)
        (draft / "pom.xml").write_text(pom, "utf-8")
        command = [maven, "--batch-mode", "--quiet", "--file", str(draft / "pom.xml")]
        command += [
            "dependency:copy-dependencies",
            f"-DoutputDirectory={draft / 'jars'}",
            "-DincludeScope=runtime",
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode != 0:
            raise KafkaProgramsMissing(
                f"Maven could not fetch Kafka's programs:\n{(done.stdout + done.stderr).strip()}"
            )
        (draft / "jars").rename(wanted)


def _found(program: str, otherwise: str) -> str:
    if (path := shutil.which(program)) is None:
        raise KafkaProgramsMissing(f"there is no `{program}` here: {otherwise}")
    return path
