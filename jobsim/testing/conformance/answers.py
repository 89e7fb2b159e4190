"""The calls of a single-threaded check, and the sentences that say what was wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError, JobsimError
from jobsim.domain.models import Job, JobStatus
from jobsim.repository.actor_recorder import BadAnswerError
from jobsim.testing.conformance.ends import Failed, fail, what_it_did
from jobsim.testing.conformance.players import Player

AWAITING, RUNNING, COMPLETED, FAILED = JobStatus
_E = TypeVar("_E", JobNotFoundError, InvalidStateTransitionError)
MOST_SHOWN = 200
FIELDS = tuple(Job.model_fields)

_WAY: dict[JobStatus, tuple[JobStatus, ...]] = {
    AWAITING: (),
    RUNNING: (RUNNING,),
    COMPLETED: (RUNNING, COMPLETED),
    FAILED: (RUNNING, FAILED),
}


def created(player: Player) -> Job:
    """Return a new job; raise `Failed` if create raised or answered no times."""
    job = player.surely_create()
    if job is None:
        raise Failed(f"create {_told(player.error)}") from player.error
    for name in ("created_at", "updated_at"):
        if not isinstance(getattr(job, name, None), datetime):
            fail(f"create answered {name} {getattr(job, name, None)!r}; it is a datetime")
    return job


def got(player: Player, job_id: str) -> Job:
    """Return the answer of a get."""
    job: Job = answer(player, player.recorder.get, job_id)
    return job


def brought_to(player: Player, status: JobStatus) -> str:
    """Return the id of a new job, moved to a status by legal steps."""
    job_id = created(player).job_id
    for target in _WAY[status]:
        answer(player, player.recorder.update_status, job_id, target)
    return job_id


def one_in_each_state(player: Player) -> list[str]:
    """Return the ids of new jobs, one in each status."""
    return [brought_to(player, status) for status in JobStatus]


def answer(player: Player, call: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    """Return the answer of a call; raise `Failed` with its arguments if the repository raised."""
    try:
        return player.insist(call, *args, **kwargs)
    except Exception as exc:
        if not player.recorder.noted(exc):
            raise
        name = f"{getattr(call, '__name__', 'call')}({_listed(args, kwargs)})"
        raise Failed(f"{name} {what_it_did(exc)}") from exc


def refuses(
    player: Player,
    kind: type[_E],
    call: Callable[..., object],
    *args: object,
    source: JobStatus | None = None,
) -> _E:
    """Return the refusal of a call that has to be refused; raise `Failed` if it is not."""
    name = f"{getattr(call, '__name__', 'call')}({_listed(args, {})})"
    state = f" of a job that was {source.value}" if source is not None else ""
    try:
        player.insist(call, *args)
    except kind as exc:
        return exc
    except Exception as exc:
        if not player.recorder.noted(exc):
            raise
        problem = f"{what_it_did(exc)}; it has to raise {kind.__name__}"
        if not isinstance(exc, JobsimError | BadAnswerError):
            option = "not_found" if kind is JobNotFoundError else "illegal"
            problem += f", or pass {option}={type(exc).__name__}"
        raise Failed(f"{name}{state} {problem}") from exc
    raise Failed(f"{name}{state} was accepted; it has to raise {kind.__name__}")


def require_same(what: str, job: Job, **fields: object) -> None:
    """Raise `Failed` if a field of the job is not as it should be."""
    for name, value in fields.items():
        found = getattr(job, name, None)
        if found != value:
            fail(f"{what} answered {name} {_shown(found)}, not {_shown(value)}")


def fields_of(job: Job) -> dict[str, Any]:
    """Return every field, for a later comparison: the object itself may be changed in place."""
    return {name: getattr(job, name, None) for name in FIELDS}


def _listed(args: tuple[object, ...], kwargs: dict[str, object]) -> str:
    named = [f"{name}={_shown(value)}" for name, value in kwargs.items()]
    return ", ".join([*map(_shown, args), *named])


def _shown(value: object) -> str:
    if isinstance(value, JobStatus):
        return value.value
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}... ({len(text):,} characters)"


def _told(exc: BaseException | None) -> str:
    return "answered nothing" if exc is None else what_it_did(exc)
