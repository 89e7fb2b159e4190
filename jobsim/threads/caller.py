"""Calls that the first process requests and that an actor of another process makes."""

from __future__ import annotations

import queue
from typing import Any, NamedTuple

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.models import Job
from jobsim.domain.text import exception_text
from jobsim.repository.actor_recorder import ActorRecorder
from jobsim.threads.outgoing import Outgoing


class Request(NamedTuple):
    """A call for an actor of another process: a method and its arguments.

    `known` is what is known about the job of the call, None for a create or a count; `row` is the
    number of the job that a create makes.
    """

    method: str
    arguments: tuple[Any, ...]
    known: tuple[Any, ...] | None = None
    row: int | None = None


class Answer(NamedTuple):
    """The result of a request: the answer, or the kind of exception with its arguments."""

    answer: Job | int | None
    raised: tuple[str, ...] | None


class Caller:
    """An actor that makes the calls that the first process requests, one at a time."""

    def __init__(self, number: int, recorder: ActorRecorder, out: Outgoing, learn: Any) -> None:
        self.number, self.recorder = number, recorder
        self.fault: BaseException | None = None
        self.settled = 0
        self.asked: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._out, self._learn = out, learn

    def run(self) -> None:
        """Answer requests until there are no more; a fault is kept, and reported at the end."""
        try:
            self._run()
        except BaseException as exc:  # noqa: BLE001 - reported by the main thread
            self.fault = exc

    def _run(self) -> None:
        """Answer each request with what the repository answered or raised: both are data."""
        while (request := self.asked.get()) is not None:
            if request.known is not None:
                self._learn(request.known)
            self.recorder.next_job = request.row
            answer: object = None
            raised: tuple[str, ...] | None = None
            try:
                answer = getattr(self.recorder, request.method)(*request.arguments)
            except InvalidStateTransitionError as exc:
                raised = ("illegal", str(exc.from_state), str(exc.to_state))
            except JobNotFoundError:
                raised = ("not_found",)
            except Exception as exc:  # noqa: BLE001 - a repository may raise anything
                raised = ("error", exception_text(exc))
            self._out.send("answer", self.number, Answer(_plain(answer), raised))


def _plain(answer: Any) -> Job | int | None:
    """Return an answer as one that can be pickled: a repository may have a job class of its own."""
    if answer is None or type(answer) is Job:
        return answer
    if isinstance(answer, int):
        return int(answer)
    fields: dict[str, Any] = {name: getattr(answer, name, None) for name in Job.model_fields}
    return Job.model_construct(**fields)
