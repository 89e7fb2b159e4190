"""Make the report of a run: one HTML file."""

from __future__ import annotations

import errno
import importlib.util
import os
from pathlib import Path

from jobsim.files.claim import whole_file
from jobsim.report.errors import ReportExtraMissing
from jobsim.run.run import Run

FILE_NAME = "report.html"
"""The report's name in the folder of its run."""

_EXTRA = ("jinja2",)


def build_report(
    run: Run | str | os.PathLike[str], out: str | os.PathLike[str] | None = None
) -> Path:
    """Write the report of a run: one HTML file that opens anywhere, without a network.

    Takes a second or two. The file appears whole or not at all. Not for two threads at once:
    matplotlib's settings are those of the process.

    Parameters
    ----------
    run
        The folder of a saved run, or a run; with a folder, the report's code can load the run
        from it.
    out
        A new file. For a saved run the default is `report.html` in its folder, and an older
        report there is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ReportExtraMissing
        If the packages of the extra `report` are not installed.
    SavedRunError
        If the folder is not a saved run.
    FileExistsError
        If `out` already exists.
    FileNotFoundError
        If the folder of `out` does not exist.
    ValueError
        If the run is not saved, and `out` is not given.

    Examples
    --------
    >>> from jobsim import Scenario, run_virtual
    >>> run = run_virtual(Scenario(jobs=20))
    >>> build_report(run, "report.html").name  # doctest: +SKIP
    'report.html'
    """
    require_extra()
    if isinstance(run, Run):
        if out is None:
            raise ValueError("out is missing: say where to write the report of this run")
        target = _free(Path(out))
        return _write(_page(run, None), target)
    folder = Path(run)
    loaded = Run.load(folder)
    target = folder / FILE_NAME if out is None else _free(Path(out))
    return _write(_page(loaded, os.fspath(run)), target)


def require_extra() -> None:
    """Raise `ReportExtraMissing` if a package that makes reports is not installed."""
    for package in _EXTRA:
        if importlib.util.find_spec(package) is None:
            raise ReportExtraMissing(package)


def _free(path: Path) -> Path:
    if path.exists():
        problem = "already exists; choose another name or remove it"
        raise FileExistsError(errno.EEXIST, problem, os.fspath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", os.fspath(path.parent))
    return path


def _page(run: Run, shown: str | None) -> str:
    from jobsim.report.page import as_page  # needs the extra, which was checked above

    return as_page(run, shown)


def _write(page: str, target: Path) -> Path:
    """Write the page whole or not at all."""
    with whole_file(target, replace=True) as unfinished:
        unfinished.write_text(page, encoding="utf-8")
    return target
