"""The final reads of a repository, made by a thread that is left behind if it hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from jobsim.domain.codes import number_of
from jobsim.domain.exceptions import JobNotFoundError
from jobsim.domain.models import Job
from jobsim.domain.text import encodable, exception_text
from jobsim.repository.actor_recorder import ActorRecorder
from jobsim.repository.recorded import RecordedRepository
from jobsim.tables.schema import FINAL, OUTCOME, STATUS
from jobsim.threads.daemons import TICK_S, Daemon

PATIENCE_S = 10.0
"""How long one call may take in an audit before its thread is left behind."""

AFTER_FAULTS_S = 10.0
"""How long final reads that end in an error are repeated, for all jobs together."""

RETRY_S = 0.002


class Audit:
    """Steps that may hang, run by a daemon thread while the main thread watches.

    The daemon appends to `results` and the main thread reads it; both operations are atomic.

    Parameters
    ----------
    steps
        Called one after the other. An exception is raised again by `finish`.
    name
        The daemon's name.
    """

    def __init__(self, steps: Iterable[Callable[[], Any]], *, name: str) -> None:
        self._steps = steps
        self._cancelled = threading.Event()
        self.results: list[Any] = []
        self.daemon = Daemon(name, self._run)

    def finish(self, patience_s: float) -> bool:
        """Run the steps; return False if one of them took longer than `patience_s` seconds."""
        seen, deadline = -1, 0.0
        try:
            self.daemon.start()
            # The limit is per step: reading ten thousand jobs may take long, as long as each read
            # returns in time.
            while not self.daemon.wait(min(TICK_S, patience_s)):
                if len(self.results) > seen:
                    seen, deadline = len(self.results), time.monotonic() + patience_s
                elif time.monotonic() > deadline:
                    return False
        finally:
            self._cancelled.set()
        if self.daemon.fault is not None:
            raise self.daemon.fault
        return True

    def _run(self) -> None:
        for step in self._steps:
            if self._cancelled.is_set():
                return
            self.results.append(step())


def count_all(recorder: ActorRecorder) -> int | None:
    """Return the repository's count, None if it raised; the recorder notes either."""
    try:
        return recorder.count()
    except Exception as exc:
        if not recorder.noted(exc):
            raise
        return None


class Look(NamedTuple):
    """What one `get` says about a job: its outcome, the job, the text of an error.

    `changed` says whether its identifiers differ from those that its create answered.
    """

    outcome: str
    job: Job | None = None
    error: str | None = None
    changed: bool = False


def look(recorded: RecordedRepository, job_id: str) -> Look:
    """Get a job from the wrapped repository, without recording the call."""
    try:
        job = recorded.repository.get(job_id)
        return Look("ok", job, changed=recorded.changed(job_id, job))
    except JobNotFoundError:
        return Look("not_found")
    except Exception as exc:  # noqa: BLE001 - a repository may raise anything, it is data here
        return Look("error", error=exception_text(exc))


def look_until(recorded: RecordedRepository, job_id: str, deadline: float) -> Look:
    """Read a job at least once, and again until the deadline if the read ends in an error.

    After faults the first reads may meet dead connections. `deadline` is on `time.monotonic`.
    """
    seen = look(recorded, job_id)
    while seen.outcome == "error" and time.monotonic() < deadline:
        time.sleep(RETRY_S)
        seen = look(recorded, job_id)
    return seen


def count_until(recorder: ActorRecorder, deadline: float) -> int | None:
    """Count the jobs likewise; each attempt is recorded as a call."""
    count = count_all(recorder)
    while count is None and time.monotonic() < deadline:
        time.sleep(RETRY_S)
        count = count_all(recorder)
    return count


def text_column(values: Sequence[Any] | Mapping[int, Any]) -> pd.Series:
    """Return texts as a column with lone surrogates escaped; a mapping's keys are its index."""
    found: pd.Series = pd.Series(values, dtype="object")
    try:
        return found.astype("str")
    except UnicodeEncodeError:
        whole = found.map(lambda text: encodable(text) if isinstance(text, str) else text)
        return whole.astype("str")


def final_table(numbers: Sequence[int], looks: Sequence[Look]) -> pd.DataFrame:
    """Return the table `final` of the looks that were taken; there may be fewer than numbers.

    An attribute that an answer lacks is missing here, so that the checks find it.
    """
    jobs = [seen.job for seen in looks]

    def texts(name: str) -> pd.Series:
        return text_column([getattr(job, name, None) for job in jobs])

    def times(name: str) -> pd.Series:
        values = pd.Series([getattr(job, name, None) for job in jobs], dtype="object")
        parsed = pd.to_datetime(values, utc=True, errors="coerce")
        return parsed.astype("datetime64[us, UTC]")

    statuses = [getattr(job, "status", None) for job in jobs]
    own_errors = text_column([seen.error for seen in looks])
    return pd.DataFrame(
        {
            "job": np.asarray(numbers[: len(looks)], dtype=np.int32),
            "outcome": pd.Categorical([seen.outcome for seen in looks], dtype=OUTCOME),
            "status": pd.Categorical.from_codes(
                [number_of(status) for status in statuses], dtype=STATUS
            ),
            "changed": np.array([seen.changed for seen in looks], dtype=np.bool_),
            "input_hash": texts("input_hash"),
            "blockchain_identifier": texts("blockchain_identifier"),
            "created_at": times("created_at"),
            "updated_at": times("updated_at"),
            "result": texts("result"),
            "error": own_errors.fillna(texts("error")),
        },
        columns=list(FINAL),
    )
