"""A run replayed on a real repository, one transition after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from jobsim.display.text import Rows, Shown, count_of
from jobsim.domain.marks import INPUT_HASH, end_texts
from jobsim.domain.models import JobStatus
from jobsim.repository.actor_recorder import ActorRecorder
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.protocol import JobRepository
from jobsim.repository.recorded import RecordedRepository
from jobsim.run.run import Run
from jobsim.services.job_service import advance_job_state, create_job
from jobsim.tables.calls import calls_table


@dataclass(frozen=True, eq=False, repr=False)
class Replay(Shown):
    """What a repository said to the transitions of a run.

    Attributes
    ----------
    repository
        The repository, as the transitions left it.
    calls
        Every call and its outcome, as in `jobsim.tables.schema.CALLS`.
    unsent
        Transitions of jobs that the repository would not create.
    """

    repository: JobRepository
    calls: pd.DataFrame
    unsent: int
    _counts: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        # The way around `frozen`; no attribute is set after this.
        object.__setattr__(self, "_counts", self.calls["outcome"].value_counts().to_dict())

    @property
    def accepted(self) -> int:
        """How many transitions the repository accepted."""
        return self._counts["ok"]

    @property
    def refused(self) -> int:
        """How many transitions it refused: illegal, or of a job that it does not know."""
        return self._counts["illegal"] + self._counts["not_found"]

    @property
    def errors(self) -> int:
        """At how many transitions it raised anything else."""
        return self._counts["error"]

    @property
    def complete(self) -> bool:
        """Whether every transition was accepted."""
        return self.accepted == len(self.calls) and not self.unsent

    def _display(self) -> tuple[str, Rows]:
        total = len(self.calls) + self.unsent
        rows = [("accepted", f"{self.accepted:,} of {count_of(total, 'transition')}")]
        others = (
            ("refused", self.refused),
            ("other errors", self.errors),
            ("not sent", self.unsent),
        )
        rows += [(name, f"{count:,}") for name, count in others if count]
        return f"Replay on {type(self.repository).__qualname__}", rows


def replay(run: Run, repository: JobRepository | None = None) -> Replay:
    """Apply the transitions of a run to a real repository, in time order, from one thread.

    Parameters
    ----------
    run
        A run of either engine.
    repository
        Any object with the four methods of `JobRepository`; it may already hold jobs. By
        default a new `InMemoryJobRepository`.

    Returns
    -------
    Replay
        How many transitions were accepted; an exception that the repository raises is an
        outcome, not the end.

    Raises
    ------
    TypeError
        If the repository lacks a method.

    Examples
    --------
    >>> from jobsim import Scenario
    >>> from jobsim.virtual.run_virtual import run_virtual
    >>> replay(run_virtual(Scenario(jobs=50)))
    Replay on InMemoryJobRepository
      accepted  150 of 150 transitions
    """
    recorded = RecordedRepository(InMemoryJobRepository() if repository is None else repository)
    moves, requests = run.transitions, run.jobs["request"].to_list()
    recorders = [recorded.actor(str(name)) for name in moves["actor"].cat.categories]
    ids: dict[int, str] = {}
    unsent = 0
    columns = (moves["job"], moves["target"], moves["actor"].cat.codes)
    for job, target, actor in zip(*(column.to_list() for column in columns), strict=True):
        recorder, status = recorders[actor], JobStatus(target)
        if status is not JobStatus.AWAITING_PAYMENT and job not in ids:
            unsent += 1
            continue
        try:
            if status is JobStatus.AWAITING_PAYMENT:
                recorder.next_job = job
                ids[job] = create_job(recorder, INPUT_HASH.format(request=requests[job])).job_id
            else:
                _advance(recorder, ids[job], status)
        except Exception as exc:
            if not recorder.noted(exc):
                raise
    return Replay(recorded.repository, calls_table(recorded), unsent)


def _advance(recorder: ActorRecorder, job_id: str, status: JobStatus) -> None:
    # The texts that a worker of a threaded run leaves.
    result, error = end_texts(status, recorder.name)
    advance_job_state(recorder, job_id, status, result=result, error=error)
