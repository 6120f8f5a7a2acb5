"""Java tools that tests judge documents by: `tests/java/NAME/pom.xml` names their jars, Maven brings them, once."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import platformdirs
import pytest

ROOM = Path(__file__).parent


@cache
def jars(name: str) -> Path:
    """The directory with all jars that a tool set needs; the test is skipped where there is no JDK or no Maven.

    They stay in the user's cache under a hash of their pom, so that they are downloaded once, not once a session.
    """
    for program, what in (("javac", "a JDK"), ("mvn", "Maven")):
        if shutil.which(program) is None:
            pytest.skip(
                f"needs {what} ({program}); on Debian and Ubuntu: apt-get install default-jdk-headless maven"
            )
    pom = ROOM / name / "pom.xml"
    version = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    directory = platformdirs.user_cache_path("kontor") / "java" / f"{name}-{version}"
    if not directory.exists():
        _download(pom, directory)
    return directory


def java(name: str, *arguments: str | Path, memory_mb: int = 512) -> str:
    """Standard output of a tool set's program `tests/java/NAME/*.java`, which Java compiles as it starts it."""
    (program,) = (ROOM / name).glob("*.java")
    options = [f"-Xmx{memory_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8"]
    command = ["java", *options, "-cp", f"{jars(name)}/*", program, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    return run.stdout


def _download(pom: Path, directory: Path) -> None:
    """Into a directory beside it first: whoever finds it finds all of it, also when two sessions fetch it at once."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent) as work:
        found = Path(work, "jars")
        goal = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
        maven = ["mvn", "-B", "-q", "-f", pom, goal, f"-DoutputDirectory={found}", "-DincludeScope=runtime"]
        subprocess.run(maven, check=True, cwd=work)
        try:
            os.rename(found, directory)
        except OSError:
            if not directory.exists():
                raise
