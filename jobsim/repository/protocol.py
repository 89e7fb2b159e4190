"""What a repository must offer, the four methods, and the one that it may offer besides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from jobsim.domain.models import Job, JobStatus


@runtime_checkable
class JobRepository(Protocol):
    """Any thread-safe store of jobs with these four methods.

    A class need not inherit from this; having the methods is enough. A repository that
    raises exceptions of its own fits through `jobsim.adapt`.

    A call that ends in an exception other than a refusal may have been carried out, and is judged
    so. A repository that knows better may have a fifth method, ``had_no_effect(exc)``: whether a
    call of it that raised `exc` changed nothing and never will, as where no connection could be
    made. It speaks of the whole call, also where that tried several times.
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


def no_effect_test(repository: object) -> Callable[[BaseException], bool]:
    """Return the repository's ``had_no_effect``; without one, of no exception is that known.

    What wraps a repository and passes each call on once passes this on, too. Whatever repeats
    calls must not: of a call whose second attempt was refused the first may have been carried out.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> no_effect_test(InMemoryJobRepository())(ConnectionRefusedError())
    False
    """
    # Of its class: whatever answers to any name, as a proxy may, has not said that it knows.
    if not hasattr(type(repository), "had_no_effect"):
        return _not_known
    test: Callable[[BaseException], bool] = getattr(repository, "had_no_effect")  # noqa: B009
    return test


def _not_known(_exc: BaseException) -> bool:
    return False


RepositoryFactory = Callable[[], JobRepository]
"""Makes a repository: a class, or a function."""


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
            f"{type(repository).__name__} is not a job repository: it lacks {', '.join(missing)}; "
            "a repository offers create, get, update_status and count"
        )
