"""New files and folders appear whole or not at all, under a name that is claimed first.

A claim is a hidden folder beside the name, ``.NAME.unfinished``. Only one process can create it,
so two runs that begin in the same second do not take the same name. The content is written inside
it, and one rename makes it appear. A claim holds a lock that the system releases when the process
ends, however it ends: an unfinished folder whose lock is free was left by a process that was
killed, and the next claim in the same place removes it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from jobsim.domain.exceptions import PathError

_HAS_LOCKS = find_spec("fcntl") is not None  # not on Windows

_ENDING = ".unfinished"
_TAKEN = "already exists; choose another name or remove it"
_LOCK = "lock"
_YOUNG_S = 60.0
"""A claim without its lock is kept for so long: its process may still be making it."""
_OLD_S = 86_400.0
"""Where the system has no such locks, a claim that is older counts as left behind."""


class ClaimError(PathError):
    """The name cannot be used; choose another one, or do what the text says."""


class NameTakenError(ClaimError):
    """Something of that name exists, or is being made by another process."""


class Claim:
    """A name that only this process may fill. Leaving the context drops what was not kept.

    Not for two threads at once.

    Parameters
    ----------
    path
        The file or folder that is to appear; the folder above it is made if it is missing.
    replace
        Whether something of that name may exist, and is then replaced.

    Raises
    ------
    NameTakenError
        If something of that name exists, or another process has claimed it.
    ClaimError
        If nothing can be written there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as above:
    ...     with Claim(Path(above, "new")) as claim:
    ...         _ = (claim.work / "table").write_text("1")
    ...         _ = claim.keep_folder()
    ...     [path.name for path in Path(above, "new").iterdir()]
    ['table']
    """

    def __init__(self, path: str | os.PathLike[str], *, replace: bool = False) -> None:
        self.path = Path(path)
        if self.path.name in {"", ".."}:  # such as the folder that one is in
            raise NameTakenError(os.fspath(path), _TAKEN)
        self.work = self.path.with_name(f".{self.path.name}{_ENDING}")
        self._replace = replace
        self._lock: int | None = None
        self._is_ours = True  # until the work folder has become something else
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.path.parent)
            self.work.mkdir()
        except FileExistsError as exc:
            if exc.filename != os.fspath(self.work):
                problem = f"cannot be written: {exc.filename} is not a folder"
                raise ClaimError(os.fspath(path), problem) from exc
            raise NameTakenError(os.fspath(path), "is being written by another process") from exc
        except (OSError, ValueError) as exc:
            raise ClaimError(os.fspath(path), _cannot(exc)) from exc
        try:
            self._take_lock()
            self._require_free()
        except BaseException as exc:
            self.release()
            if isinstance(exc, OSError):
                raise ClaimError(os.fspath(path), _cannot(exc)) from exc
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def keep_folder(self) -> Path:
        """Make everything in `work` appear as the folder `path`, at once, and return it."""
        self._let_go()
        self.work.rename(self.path)
        self._is_ours = False  # from now on another process may claim the name
        return self.path

    def keep_file(self, name: str) -> Path:
        """Make the file of that name in `work` appear as `path`, at once, and return it.

        Raises
        ------
        NameTakenError
            If something of that name has appeared meanwhile and may not be replaced.
        """
        made = self.work / name
        if self._replace:
            made.replace(self.path)
        else:
            try:
                self.path.hardlink_to(made)  # which, unlike a rename, replaces nothing
            except FileExistsError as exc:
                raise NameTakenError(os.fspath(self.path), _TAKEN) from exc
            except OSError:  # a file system without links
                made.rename(self.path)
        self.release()
        return self.path

    def release(self) -> None:
        """Give up the name, and remove what was written but not kept."""
        if self._is_ours:
            self._let_go()
            shutil.rmtree(self.work, ignore_errors=True)
            self._is_ours = False

    def _require_free(self) -> None:
        # Checked after the claim was made: the folder of an earlier claim has appeared by now.
        if not self._replace and os.path.lexists(self.path):
            raise NameTakenError(os.fspath(self.path), _TAKEN)

    def _take_lock(self) -> None:
        """Put a locked file into the claim; it is locked before it appears, so never seen free."""
        unlocked = self.work / f"{_LOCK}.new"
        self._lock = os.open(unlocked, os.O_CREAT | os.O_RDWR)
        _try_lock(self._lock)
        unlocked.rename(self.work / _LOCK)

    def _let_go(self) -> None:
        if self._lock is not None:
            (self.work / _LOCK).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str], *, replace: bool = False) -> Iterator[Path]:
    """Yield a path to write a file at; the file appears as `path` if the block ends well.

    Raises
    ------
    ClaimError
        As `Claim` and its `keep_file` do.
    """
    with Claim(path, replace=replace) as claim:
        yield claim.work / "content"
        claim.keep_file("content")


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes have left behind in a folder."""
    for work in folder.glob(f".*{_ENDING}"):
        if _is_left_behind(work):
            shutil.rmtree(work, ignore_errors=True)


def _is_left_behind(work: Path) -> bool:
    """Tell whether no process has this claim any more."""
    try:
        handle = os.open(work / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return _age_s(work) > (_YOUNG_S if _HAS_LOCKS else _OLD_S)
    except OSError:
        return False  # somebody else's
    try:
        return _try_lock(handle) if _HAS_LOCKS else _age_s(work) > _OLD_S
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    if not _HAS_LOCKS:
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _cannot(exc: OSError | ValueError) -> str:
    return f"cannot be written: {getattr(exc, 'strerror', None) or exc}"
