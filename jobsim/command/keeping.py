"""A run's folder: claimed before the run begins, filled however the run ends."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from jobsim.files.claim import Claim
    from jobsim.run.run import Run


def claim_for(out: Path | None, name: str) -> Claim:
    """Return the claim on the folder that a run is to be saved in.

    Parameters
    ----------
    out
        The folder that the user asked for; None takes a new one under ``runs``, named after the
        scenario and the time.
    name
        Name of the scenario.

    Raises
    ------
    SavedRunError
        If something of that name already exists, or nothing can be written there.
    """
    from jobsim.run.saved import claim_folder

    if out is not None:
        return claim_folder(out)
    # No separators: the name of a scenario comes from a file, and must not lead out of `runs`.
    stem = "".join(ch if ch.isalnum() or ch in "-_" else "-" for ch in name)[:60].strip("-")
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return _claim_free(Path("runs") / f"{stem or 'run'}-{stamp}")


def keep(run: Run, claim: Claim) -> tuple[Path, str]:
    """Save a run; where that fails, as on a full disk, save it elsewhere.

    Returns
    -------
    folder
        Where it is.
    problem
        Why it is not where it should be; empty if it is.

    Raises
    ------
    SavedRunError
        If it can be saved nowhere.
    """
    from jobsim.run.saved import SavedRunError

    try:
        return run.save(claim), ""
    except SavedRunError as exc:
        problem = exc
    # A run may have taken hours, so anywhere is better than nowhere.
    for place in _elsewhere():
        with contextlib.suppress(SavedRunError):
            return run.save(_claim_free(place / f"jobsim-{claim.path.name}")), str(problem)
    raise problem


def keep_table(table: pd.DataFrame, claim: Claim) -> tuple[Path, str]:
    """Write a table to its file, or elsewhere where that fails; return what `keep` does.

    Raises
    ------
    OSError, ClaimError
        If it can be written nowhere.
    """
    from jobsim.files.claim import ClaimError, whole_file

    failure: OSError | ClaimError
    try:
        table.to_csv(claim.work / "table", index=False)
        return claim.keep_file("table"), ""
    except ClaimError as exc:  # another program has made a file of this name meanwhile
        failure, problem = exc, str(exc)
    except OSError as exc:
        failure, problem = exc, f"{claim.path}: {exc.strerror or exc}"
    for place in _elsewhere():
        path = place / f"jobsim-{datetime.now().astimezone():%Y%m%d-%H%M%S}-{claim.path.name}"
        with contextlib.suppress(OSError, ClaimError), whole_file(path) as unfinished:
            table.to_csv(unfinished, index=False)
            return path, problem
    raise failure


def _elsewhere() -> Iterator[Path]:
    """Yield folders that may lie on other disks."""
    with contextlib.suppress(OSError):
        yield Path(tempfile.gettempdir())
    with contextlib.suppress(RuntimeError):
        yield Path.home()


def _claim_free(first: Path) -> Claim:
    """Claim a name, or the first one with a number appended that nobody has."""
    from jobsim.files.claim import NameTakenError
    from jobsim.run.saved import SavedRunError, claim_folder

    folder, number = first, 1
    while True:
        try:
            return claim_folder(folder)
        except SavedRunError as exc:
            # Any other reason would hold for the next name too, and the loop would never end.
            if not isinstance(exc.__cause__, NameTakenError):
                raise
            number += 1
            folder = first.with_name(f"{first.name}-{number}")
