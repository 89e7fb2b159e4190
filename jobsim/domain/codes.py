"""The numbers of statuses, operations and outcomes, shared by tables, engines and proofs.

Plain integers at module level, so that numba compiles them as constants.
"""

from __future__ import annotations

from jobsim.domain.models import JobStatus

STATUSES = tuple(JobStatus)
"""The statuses in the order of their numbers, which is the order of the lifecycle."""

NO_STATUS, AWAITING, RUNNING, COMPLETED, FAILED = range(-1, 4)
"""Number of each status; `NO_STATUS` stands for none, as -1 does in a categorical column."""

NUMBER_OF: dict[str, int] = {status.value: number for number, status in enumerate(STATUSES)}
"""Status value to number; a `JobStatus` works as a key too, since it equals its value."""

BEFORE = (NO_STATUS, AWAITING, RUNNING, RUNNING)
"""The status that precedes each status; `NO_STATUS` before creation."""

OPERATIONS = ("create", "get", "update_status", "count")
"""The four calls of a repository, in the order of their numbers."""

CREATE, GET, UPDATE, COUNT = range(4)
"""Number of each operation."""

OUTCOMES = ("ok", "illegal", "not_found", "error", "pending", "no_effect")
"""How a call ended: answered, refused, unknown id, any other exception, never, or in an exception
after which the repository knows that nothing was done."""

OK, ILLEGAL, NOT_FOUND, ERROR, PENDING, NO_EFFECT = range(6)
"""Number of each outcome."""

FAULT_KINDS = (
    "cut_before",
    "cut_after",
    "delay",
    "stall",
    "kill_backend",
    "kill_server",
)
"""The faults that a test injects into a database, see `jobsim.testing.faults`."""

KILLS = ("kill_backend", "kill_server")
"""The faults after which a database recovers from its log."""


def number_of(status: object) -> int:
    """Return the number of a status; `NO_STATUS` for anything else.

    Examples
    --------
    >>> number_of("running"), number_of(JobStatus.FAILED), number_of("paused"), number_of(None)
    (1, 3, -1, -1)
    """
    return NUMBER_OF.get(status, NO_STATUS) if isinstance(status, str) else NO_STATUS
