"""The operating system user that the embedded PostgreSQL runs as, because it refuses to run as root."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVER_USER = "kontor-postgres"


class AccountError(Exception):
    """There is no user that the embedded PostgreSQL can run as."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server: the user who runs Kontor, or for root a user who owns nothing but the database."""

    uid: int
    gid: int

    @classmethod
    def of(cls, directory: Path) -> "Account":
        """The account for the database in `directory`, made when it is missing."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        # A database that somebody made before stays theirs, also when root opens it (`sudo kontor …`)
        # or when a new container has other user ids than the one that filled the volume.
        if directory.exists() and (owner := directory.stat()).st_uid != 0:
            return cls(owner.st_uid, owner.st_gid)
        entry = _server_user()
        return cls(entry.pw_uid, entry.pw_gid)

    @property
    def is_current(self) -> bool:
        return self.uid == os.geteuid()

    def process_options(self) -> dict[str, Any]:
        """Arguments for `subprocess` to run a program under this account."""
        return {} if self.is_current else {"user": self.uid, "group": self.gid, "extra_groups": ()}

    def own(self, path: Path) -> None:
        if not self.is_current:
            os.chown(path, self.uid, self.gid)

    def reach(self, path: Path) -> None:
        """Let the account pass through the parents of `path`; they become neither readable nor writable."""
        if self.is_current:
            return
        for parent in path.resolve().parents:
            found = parent.stat()
            if missing := self._pass_bit(found) & ~found.st_mode:
                parent.chmod(stat.S_IMODE(found.st_mode) | missing)

    def read(self, tree: Path) -> None:
        """Let the account read and execute the files under `tree`, as when it was installed under umask 077."""
        if self.is_current or tree.stat().st_mode & stat.S_IROTH:
            return
        for path in (tree, *tree.rglob("*")):
            if not path.is_symlink():
                mode = stat.S_IMODE(path.stat().st_mode)
                path.chmod(mode | (mode & 0o500) >> 6)

    def _pass_bit(self, found: os.stat_result) -> int:
        if found.st_uid == self.uid:
            return stat.S_IXUSR
        return stat.S_IXGRP if found.st_gid == self.gid else stat.S_IXOTH


def _server_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVER_USER)
    except KeyError:
        refusal = _add_server_user()
    try:
        return pwd.getpwnam(SERVER_USER)
    except KeyError:
        raise AccountError(
            f"PostgreSQL does not run as root, and its user {SERVER_USER!r} could not be made ({refusal}). "
            "Make that user, run Kontor as an ordinary user, or set KONTOR_DATABASE_URL."
        ) from None


def _add_server_user() -> str:
    """Make the user; the answer is why that failed, which may be that another process was faster."""
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    command = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    command += ["--shell", "/usr/sbin/nologin", SERVER_USER]
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True).stderr.strip()  # noqa: S603
    except OSError as error:
        return str(error)
