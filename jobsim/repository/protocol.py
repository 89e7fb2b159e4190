"""What a repository must offer: the four methods, nothing else."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jobsim.domain.models import Job, JobStatus


@runtime_checkable
class JobRepository(Protocol):
    """Any thread-safe store of jobs with these four methods.

    A class need not inherit from this; having the methods is enough. A repository that
    raises exceptions of its own fits through `jobsim.adapt`.
    """

    def create(self, input_hash: str) -> Job:
        """Store a new job that awaits payment, and return it."""
        ...

    def get(self, job_id: str) -> Job:
        """Return the job, or raise `JobNotFoundError`."""
        ...

    def update_status(
        self,
        job_id: str,
        target: JobStatus,
        result: str | None = None,
        error: str | None = None,
    ) -> Job:
        """Move the job to `target` and return it as it is then.

        Raises `JobNotFoundError` or `InvalidStateTransitionError`, and then changes nothing.
        """
        ...

    def count(self) -> int:
        """Return how many jobs are stored."""
        ...


def require_repository(repository: object) -> None:
    """Return if the object offers the four methods, raise if not.

    Raises
    ------
    TypeError
        If a method is missing, and it says which; or if it was given the class itself.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> require_repository(InMemoryJobRepository())
    >>> require_repository(InMemoryJobRepository)
    Traceback (most recent call last):
        ...
    TypeError: pass an instance, InMemoryJobRepository(), not the class itself
    """
    if isinstance(repository, type):
        raise TypeError(f"pass an instance, {repository.__name__}(), not the class itself")
    methods = ("create", "get", "update_status", "count")
    missing = [name for name in methods if not callable(getattr(repository, name, None))]
    if missing:
        raise TypeError(
            f"{type(repository).__name__} is no job repository: it lacks {', '.join(missing)}; "
            "a repository offers create, get, update_status and count"
        )
