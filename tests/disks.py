"""Where the tests' databases are: in memory where that can be had, as most of a test's time is files being written."""

import shutil
from pathlib import Path

MEMORY_DISK = Path("/dev/shm")  # as Linux has it
NEEDED_BYTES = 6 * 1024**3
"""All tests at once take far less; others want to live too."""


def quickest() -> Path | None:
    """A directory for temporary directories on a memory disk with room to spare; None: the usual one."""
    if MEMORY_DISK.is_dir() and shutil.disk_usage(MEMORY_DISK).free >= NEEDED_BYTES:
        return MEMORY_DISK
    return None
