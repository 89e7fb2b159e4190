"""The names of actors, and the texts by which a run recognises its own writes."""

from __future__ import annotations

from jobsim.domain.codes import COMPLETED, FAILED, NUMBER_OF

CLIENT, WORKER, POLLER, REAPER_ROLE = "client", "worker", "poller", "reaper"
"""What an actor does in a run."""

AUDITOR = "auditor"
"""The actor that counts the jobs before a run and reads every job after it."""


def actor_name(role: str, number: int) -> str:
    """Return the name of an actor in `calls`, `transitions` and `jobs`.

    Examples
    --------
    >>> actor_name(WORKER, 3)
    'worker-3'
    """
    return f"{role}-{number}"


REAPER = actor_name(REAPER_ROLE, 0)
"""The one actor that fails jobs that run too long."""

INPUT_HASH = "{request:064x}"
"""The input hash that an engine uses: the number of the request, padded to a digest's length.

All attempts of a request share it. Without retries it is the number of the job.
"""

RESULT_TEXT = "done by {actor}"
"""The result that an engine's worker writes with COMPLETED."""

ERROR_TEXT = "failed by {actor}"
"""The error that an engine's worker writes with FAILED."""


def end_texts(target: str, actor: str) -> tuple[str | None, str | None]:
    """Return the result and the error that an actor writes with a status.

    Examples
    --------
    >>> end_texts("failed", "worker-0"), end_texts("running", "worker-0")
    ((None, 'failed by worker-0'), (None, None))
    """
    number = NUMBER_OF.get(target)
    return (
        RESULT_TEXT.format(actor=actor) if number == COMPLETED else None,
        ERROR_TEXT.format(actor=actor) if number == FAILED else None,
    )
