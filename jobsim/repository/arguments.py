"""The checks of arguments that jobsim's own repositories share."""

from __future__ import annotations

from jobsim.domain.models import JobStatus


def as_status(value: object) -> JobStatus:
    """Return the status that a value names.

    Raises
    ------
    ValueError
        If it is not a status.

    Examples
    --------
    >>> as_status("running") is JobStatus.RUNNING
    True
    """
    try:
        return JobStatus(value)
    except ValueError:
        legal = ", ".join(repr(status.value) for status in JobStatus)
        raise ValueError(f"{value!r} is not a job status; use one of {legal}") from None


def not_text(name: str, value: object) -> TypeError:
    """Return the error for an argument that should be text.

    Examples
    --------
    >>> not_text("result", 3)
    TypeError('result must be a string, not int: 3')
    """
    return TypeError(f"{name} must be a string, not {type(value).__name__}: {value!r}")
