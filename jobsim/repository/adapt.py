"""Repositories that raise exceptions of their own, made to fit the protocol."""

from __future__ import annotations

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import Job, JobStatus
from jobsim.repository.protocol import JobRepository, require_repository

ExceptionTypes = type[Exception] | tuple[type[Exception], ...]

UNKNOWN_STATE = "unknown"
"""The `from_state` of a refusal that did not say which state it saw."""


class AdaptedRepository:
    """A repository seen through a translation of its exceptions; made by `adapt`.

    As thread-safe as the repository it wraps: it holds no state of its own.
    """

    def __init__(
        self, repository: JobRepository, illegal: ExceptionTypes, not_found: ExceptionTypes
    ) -> None:
        self.repository = repository
        self._illegal = illegal
        self._not_found = not_found

    def create(self, input_hash: str) -> Job:
        """Store a new job that awaits payment, and return it."""
        return self.repository.create(input_hash)

    def get(self, job_id: str) -> Job:
        """Return the job, or raise `JobNotFoundError`."""
        try:
            return self.repository.get(job_id)
        except JobNotFoundError:
            raise
        except self._not_found as exc:
            raise JobNotFoundError(job_id) from exc

    def update_status(
        self,
        job_id: str,
        target: JobStatus,
        result: str | None = None,
        error: str | None = None,
    ) -> Job:
        """Move the job to `target`, its own refusals translated to jobsim's."""
        try:
            return self.repository.update_status(job_id, target, result=result, error=error)
        except (JobNotFoundError, InvalidStateTransitionError):
            raise
        except self._not_found as exc:
            raise JobNotFoundError(job_id) from exc
        except self._illegal as exc:
            seen = getattr(exc, "from_state", UNKNOWN_STATE)
            if not isinstance(seen, str):
                seen = UNKNOWN_STATE
            raise InvalidStateTransitionError(seen, target) from exc

    def count(self) -> int:
        """Return how many jobs are stored."""
        return self.repository.count()


def adapt(
    repository: JobRepository,
    *,
    illegal: ExceptionTypes = (),
    not_found: ExceptionTypes = (),
) -> AdaptedRepository:
    """Return the repository with its own exceptions translated to jobsim's.

    Parameters
    ----------
    repository
        Any object with the four methods of `JobRepository`.
    illegal
        What it raises when a transition is not legal: an exception type or a tuple of
        them. Becomes `InvalidStateTransitionError`, whose ``from_state`` is taken from
        the original if it has that attribute and is ``"unknown"`` if not.
    not_found
        What it raises for an id it does not know. Becomes `JobNotFoundError`. Where one
        exception fits both, `not_found` wins.

    Raises
    ------
    TypeError
        If the repository lacks one of the four methods, or a mapping is not made of
        exception types.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> class Mine(InMemoryJobRepository):
    ...     def get(self, job_id):
    ...         return self._store[job_id]  # raises KeyError
    >>> adapt(Mine(), not_found=KeyError).get("nobody")
    Traceback (most recent call last):
        ...
    jobsim.domain.exceptions.JobNotFoundError: Job 'nobody' not found
    """
    require_repository(repository)
    for name, types in (("illegal", illegal), ("not_found", not_found)):
        for kind in types if isinstance(types, tuple) else (types,):
            if not (isinstance(kind, type) and issubclass(kind, Exception)):
                raise TypeError(f"{name} takes exception types, not {kind!r}")
    return AdaptedRepository(repository, illegal, not_found)
