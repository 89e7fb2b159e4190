"""The calls that a run on several processes leaves when its first process is killed."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.verdict_value import Verdict
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.journal import JournalReader
from jobsim.repository.recorded import RecordedRepository
from jobsim.tables.calls import calls_table


def calls_left(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the calls of a run whose first process was killed.

    The other processes end by themselves. Those on its host have written each call to a folder
    ``jobsim-calls-...`` in the system's folder for temporary files, before the call and after its
    return. A run that ends normally removes the folder.

    Parameters
    ----------
    folder
        That folder.

    Returns
    -------
    DataFrame
        As in `jobsim.tables.schema.CALLS`; the number of a job is its row in the workload.

    Raises
    ------
    FileNotFoundError
        If no process has written calls there.
    """
    names = sorted(path.stem for path in Path(folder).glob("*.calls"))
    if not names:
        raise FileNotFoundError(f"{folder} holds no calls; pass a folder named jobsim-calls-...")
    recorded = RecordedRepository(InMemoryJobRepository())
    for name in names:
        recorded.add(JournalReader(Path(folder) / name, name))
    return calls_table(recorded)


def judge_left(folder: str | os.PathLike[str]) -> Verdict:
    """Return the verdict on the calls of a run whose first process was killed.

    There are no final reads, so the checks that need them are left out.

    Parameters
    ----------
    folder
        As for `calls_left`.
    """
    return check_history(calls_left(folder))
