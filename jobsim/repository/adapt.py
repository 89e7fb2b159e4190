"""Adapts repositories that raise their own exceptions to the protocol."""

from __future__ import annotations

from collections.abc import Callable

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import Job, JobStatus
from jobsim.repository.protocol import JobRepository, no_effect_test, require_repository

ExceptionTypes = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]
"""Which exceptions: a type, a tuple of types, or a function that decides for each."""

UNKNOWN_STATE = "unknown"
"""The `from_state` of a refusal that does not name the state it saw."""


class AdaptedRepository:
    """A repository with its exceptions translated; made by `adapt`.

    As thread-safe as the repository it wraps: it holds no state of its own.
    """

    def __init__(
        self, repository: JobRepository, illegal: ExceptionTypes, not_found: ExceptionTypes
    ) -> None:
        self.repository = repository
        self._is_illegal = matcher("illegal", illegal)
        self._is_not_found = matcher("not_found", not_found)

    def create(self, input_hash: str) -> Job:
        """Store a new job that awaits payment, and return it."""
        return self.repository.create(input_hash)

    def get(self, job_id: str) -> Job:
        """Return the job, or raise `JobNotFoundError`."""
        try:
            return self.repository.get(job_id)
        except JobNotFoundError:
            raise
        except Exception as exc:
            if self._is_not_found(exc):
                raise JobNotFoundError(job_id) from exc
            raise

    def update_status(
        self,
        job_id: str,
        target: JobStatus,
        result: str | None = None,
        error: str | None = None,
    ) -> Job:
        """Move the job to `target`; refusals are translated to jobsim's exceptions."""
        try:
            return self.repository.update_status(job_id, target, result=result, error=error)
        except (JobNotFoundError, InvalidStateTransitionError):
            raise
        except Exception as exc:
            if self._is_not_found(exc):
                raise JobNotFoundError(job_id) from exc
            if not self._is_illegal(exc):
                raise
            seen = getattr(exc, "from_state", UNKNOWN_STATE)
            if not isinstance(seen, str):
                seen = UNKNOWN_STATE
            raise InvalidStateTransitionError(seen, target) from exc

    def count(self) -> int:
        """Return how many jobs are stored."""
        return self.repository.count()

    def had_no_effect(self, exc: BaseException) -> bool:
        """Return whether the repository knows that its call that raised `exc` changed nothing."""
        return no_effect_test(self.repository)(exc)


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
        What it raises when a transition is not legal: an exception type, a tuple of types, or a
        function from an exception to a bool, for a library that has one type with an error code.
        Becomes `InvalidStateTransitionError`. Its ``from_state`` is copied from the original
        exception if that has the attribute, and is ``"unknown"`` if not.
    not_found
        What it raises for an unknown id. Becomes `JobNotFoundError`. An exception that matches
        both is taken as `not_found`.

    Raises
    ------
    TypeError
        If the repository lacks one of the four methods, or `illegal` or `not_found` is neither
        made of exception types nor a function.

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
    return AdaptedRepository(repository, illegal, not_found)


def matcher(name: str, kinds: ExceptionTypes) -> Callable[[Exception], bool]:
    """Return a function that tells whether an exception is one of `kinds`.

    Raises
    ------
    TypeError
        If `kinds` is neither exception types nor a function; the message calls it `name`.

    Examples
    --------
    >>> is_locked = matcher("retryable", lambda exc: "locked" in str(exc))
    >>> is_locked(OSError("database is locked")), matcher("illegal", ())(OSError())
    (True, False)
    """
    if not isinstance(kinds, type | tuple) and callable(kinds):
        asked = kinds
        return lambda exc: bool(asked(exc))
    types = kinds if isinstance(kinds, tuple) else (kinds,)
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise TypeError(f"{name} takes exception types or a function, not {kind!r}")
    return lambda exc: isinstance(exc, types)
