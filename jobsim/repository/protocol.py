"""The four methods that a repository must have, and a fifth that it may have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from jobsim.domain.models import Job, JobStatus


@runtime_checkable
class JobRepository(Protocol):
    """Any thread-safe store of jobs with these four methods.

    A class need not inherit from this; having the methods is enough. Use `jobsim.adapt` for a
    repository that raises exceptions of its own.

    A call that raises anything but a refusal may still have taken effect, and is judged so. A
    repository that knows better may have a fifth method, ``had_no_effect(exc)``: it returns whether
    a call that raised `exc` changed nothing and never will, as when no connection could be made.
    The answer is about the whole call, including every attempt that the call made.
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
        """Move the job to `target` and return the updated job.

        A refused call raises `JobNotFoundError` or `InvalidStateTransitionError`, and changes
        nothing.
        """
        ...

    def count(self) -> int:
        """Return how many jobs are stored."""
        ...


def no_effect_test(repository: object) -> Callable[[BaseException], bool]:
    """Return the repository's ``had_no_effect``, or a function that always returns False.

    A wrapper that passes each call on once should pass this on too. A wrapper that repeats calls
    must not: if the second attempt was refused, the first may still have taken effect.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> no_effect_test(InMemoryJobRepository())(ConnectionRefusedError())
    False
    """
    # Looked up on the class: a proxy that answers to any name does not know.
    if not hasattr(type(repository), "had_no_effect"):
        return _not_known
    test: Callable[[BaseException], bool] = getattr(repository, "had_no_effect")  # noqa: B009
    return test


def _not_known(_exc: BaseException) -> bool:
    return False


RepositoryFactory = Callable[[], JobRepository]
"""Makes a repository: a class, or a function."""


def require_repository(repository: object) -> None:
    """Return if the object has the four methods, raise if not.

    Raises
    ------
    TypeError
        If methods are missing, which the message names; or if the object is a class.

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
            f"{type(repository).__name__} is not a job repository: it lacks {', '.join(missing)}; "
            "a repository offers create, get, update_status and count"
        )
