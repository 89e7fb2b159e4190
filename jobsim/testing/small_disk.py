"""A small disk, for testing what a repository does when the disk is full."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobsim.domain.exceptions import JobsimError


class DiskUnavailable(JobsimError):  # noqa: N818 - says what is the matter
    """No small disk can be made on this machine; the message says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


@contextmanager
def small_disk(size_bytes: int) -> Iterator[Path]:
    """Mount a file system of this size, yield its folder, and unmount it at the end.

    It is a tmpfs, which needs Linux and permission to mount. Without these,
    `jobsim.testing.faults.limit_pages` does the same for a SQLite database.

    Parameters
    ----------
    size_bytes
        Rounded up to whole pages of memory.

    Raises
    ------
    DiskUnavailable
        If nothing can be mounted here.

    Examples
    --------
    ::

        with small_disk(300_000) as folder:
            repository = SqlJobRepository(f"sqlite:///{folder}/jobs.db")
    """
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None:
        raise DiskUnavailable("a small disk needs the programs mount and umount; there are none")
    with tempfile.TemporaryDirectory(prefix="jobsim-disk-") as name:
        made = _run(mount, "-t", "tmpfs", "-o", f"size={size_bytes:d}", "jobsim", name)
        if made.returncode:
            raise DiskUnavailable(f"a small disk cannot be mounted: {made.stderr.strip()}")
        try:
            yield Path(name)
        finally:
            # Lazily, so that a file that is still open does not prevent the unmounting.
            _run(unmount, "--lazy", name)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
