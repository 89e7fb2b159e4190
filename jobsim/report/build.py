"""Make the report of a run: one HTML file."""

from __future__ import annotations

import errno
import importlib.util
import os
import tempfile
from pathlib import Path

from jobsim.display.text import printable
from jobsim.report.errors import ReportExtraMissing
from jobsim.run.run import Run

NOTEBOOK = Path(__file__).with_name("report.ipynb")

FILE_NAME = "report.html"
"""The report's name in the folder of its run."""

_EXTRA = ("nbformat", "nbclient", "nbconvert", "ipykernel", "jinja2")


def build_report(
    run: Run | str | os.PathLike[str], out: str | os.PathLike[str] | None = None
) -> Path:
    """Write the report of a run: one HTML file that opens anywhere, without a network.

    Executes the notebook `jobsim/report/report.ipynb` with the run as its parameter, in a
    kernel of this interpreter, which takes some seconds. The file appears whole or not at
    all. Not for two threads at once.

    Parameters
    ----------
    run
        The folder of a saved run, or a run; with its folder, the report can name commands
        that begin from it.
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
        If the folder is no saved run.
    FileExistsError
        If `out` is there already.
    FileNotFoundError
        If the folder of `out` is not there.
    ValueError
        If the run is not saved, and `out` is not given.
    ReportError
        If the notebook fails, or its kernel.

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
            raise ValueError("out is missing: where shall the report of this run be written?")
        target = _free(Path(out))
        with tempfile.TemporaryDirectory(prefix="jobsim-report-") as scratch:
            return _build(run, run.save(Path(scratch) / "run"), None, target)
    folder = Path(run)
    loaded = Run.load(folder)
    target = folder / FILE_NAME if out is None else _free(Path(out))
    return _build(loaded, folder, os.fspath(run), target)


def require_extra() -> None:
    """Raise `ReportExtraMissing` if a package that makes reports is not installed."""
    for package in _EXTRA:
        if importlib.util.find_spec(package) is None:
            raise ReportExtraMissing(package)


def _free(path: Path) -> Path:
    if path.exists():
        problem = "is there already; choose another name or remove it"
        raise FileExistsError(errno.EEXIST, problem, os.fspath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", os.fspath(path.parent))
    return path


def _build(run: Run, folder: Path, shown: str | None, target: Path) -> Path:
    import nbformat

    from jobsim.report.kernel import execute
    from jobsim.report.page import as_page

    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    (parameters,) = (
        cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())
    )
    parameters.source = f"folder = {os.fspath(folder)!r}\nshown = {shown!r}"
    execute(notebook)
    page = as_page(notebook, f"{printable(run.workload.scenario.name, 80)} · jobsim report")
    # Written next to its place under another name, which then becomes the file's.
    handle, unfinished = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
        Path(unfinished).chmod(0o644)  # mkstemp makes it private
        Path(unfinished).replace(target)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    return target
