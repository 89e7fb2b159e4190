"""The one list of checks; a notebook and pytest are two faces of it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from jobsim.domain.text import encodable
from jobsim.proof.verdict_value import Call, Verdict
from jobsim.repository.adapt import ExceptionTypes
from jobsim.testing import races, sequential
from jobsim.testing.explore.exploration import Exploration
from jobsim.testing.in_turns import play_in_turns
from jobsim.testing.pressure import Hung, Pressure
from jobsim.testing.schedules import NotExplored, every_schedule
from jobsim.testing.trial import (
    Enough,
    Escaped,
    FactoryFailed,
    Failed,
    Options,
    Skipped,
    Trial,
    what_it_did,
)

Result = Literal["passed", "failed", "skipped"]

TIME_LIMIT = 10.0
"""Seconds that a check may take before its repository is said to hang."""


@dataclass(frozen=True)
class Check:
    """One thing that a repository is held to.

    Attributes
    ----------
    name
        Stable; `expected_failures` and reports use it.
    sentence
        What holds of a repository that passes.
    pressure
        Under which it is made; None for one thread at a time.
    run
        Makes it on one repository. None for the check that runs every schedule, each on a
        repository of its own.
    """

    name: str
    sentence: str
    run: Callable[[Trial], None] | None
    pressure: Pressure | None = None


@dataclass(frozen=True)
class CheckResult:
    """How one check ended.

    Attributes
    ----------
    check
        Which one.
    result
        ``"passed"``, ``"failed"`` or ``"skipped"``.
    problem
        One sentence: what went wrong, or why it was skipped.
    calls
        The calls that prove it, two where it is about time.
    verdict
        On the history of the check, if that is where it failed.
    stacks
        Where the threads that never came back are, by name.
    traceback
        Of the exception that the repository raised, if it did.
    seconds
        How long it took.
    note
        What else is worth knowing of a check that passed.
    exploration
        What running every schedule found, for the check of that name.
    escaped
        Why the operating system switched the threads of this race; empty where they took turns
        drawn from the seed, or there were none.
    """

    check: Check
    result: Result
    problem: str = ""
    calls: tuple[Call, ...] = ()
    verdict: Verdict | None = None
    stacks: tuple[tuple[str, str], ...] = ()
    traceback: str = ""
    seconds: float = 0.0
    note: str = ""
    exploration: Exploration | None = None
    escaped: str = ""

    @property
    def timeline(self) -> tuple[str, ...]:
        """One line per call of the proof, in milliseconds since the first of them."""
        zero = min((call.invoked_ns for call in self.calls), default=0)
        return tuple(_line(call, zero) for call in self.calls)


def _line(call: Call, zero: int) -> str:
    returned = "..." if call.returned_ns is None else f"{(call.returned_ns - zero) / 1e6:.3f}"
    when = f"{(call.invoked_ns - zero) / 1e6:.3f} to {returned} ms"
    answer = "answered" if (call.op, call.outcome) == ("count", "ok") else call.answer
    return f"{when}: {call.name} {answer}"


def _check(
    run: Callable[[Trial], None],
    sentence: str,
    pressure: Pressure | None = None,
    name: str | None = None,
) -> Check:
    return Check(name or run.__name__, sentence, run, pressure)


CHECKS: tuple[Check, ...] = (
    _check(
        sequential.create_awaits_payment,
        "A created job awaits payment, with its input hash and without a result.",
    ),
    _check(
        sequential.get_answers_what_create_did,
        "A get of a new job answers what its create answered.",
    ),
    _check(sequential.ids_are_unique, "Two jobs never share an id, even with the same input hash."),
    _check(
        sequential.unknown_id_is_not_found,
        "An unknown id is not found, by get and by update_status, and creates nothing.",
    ),
    _check(
        sequential.sixteen_transitions,
        "Of the sixteen transitions only the three legal ones succeed.",
    ),
    _check(
        sequential.refusal_changes_nothing,
        "A refused call changes nothing: no status, text, time or count.",
    ),
    _check(
        sequential.texts_are_kept,
        "A result comes back with a COMPLETED job and an error with a FAILED one.",
    ),
    _check(
        sequential.odd_texts_are_kept_or_refused,
        "A text that some databases cannot hold is kept, or refused with nothing changed.",
    ),
    _check(
        sequential.identity_never_changes,
        "Ids, input hash and created_at never change, and updated_at never goes back.",
    ),
    _check(
        sequential.answers_stay_as_they_are,
        "A job that was answered stays as it is when the repository's job moves on.",
    ),
    _check(
        sequential.jobs_do_not_touch_each_other, "A transition of one job changes no other job."
    ),
    _check(
        sequential.count_counts_jobs, "Count grows by one with each create and with nothing else."
    ),
    _check(
        sequential.writes_reach_other_threads,
        "What one thread has written, every other thread reads.",
    ),
    _check(
        sequential.errors_leave_no_lock_held,
        "After a call that raised, every thread can use the repository.",
    ),
    _check(
        races.concurrent_creates,
        "Creates at once lose no job, and give each an id of its own.",
        Pressure.PERTURBED,
    ),
    _check(
        races.counts_during_creates,
        "Count misses no create that had returned, and runs ahead of none.",
        Pressure.PERTURBED,
    ),
    _check(
        races.one_start_wins,
        "Of threads that ask for RUNNING at once, exactly one succeeds.",
        Pressure.PERTURBED,
    ),
    _check(
        races.one_end_wins,
        "Of COMPLETED against FAILED at once one succeeds, and its text is kept.",
        Pressure.PERTURBED,
    ),
    _check(
        races.reads_during_writes,
        "Reads during writes find the job, whole, and never go back.",
        Pressure.PERTURBED,
    ),
    _check(
        races.writes_to_different_jobs,
        "Writes to different jobs at once are all kept.",
        Pressure.PERTURBED,
    ),
    _check(
        races.many_jobs,
        "Of thousands of jobs none is lost, and each is moved as it was asked.",
        Pressure.THREADS,
    ),
    _check(
        races.snapshot_is_one_instant,
        "A snapshot, where offered, shows all jobs as they stood at one instant.",
        Pressure.PERTURBED,
    ),
    *(
        _check(
            races.linearizable,
            "Calls at once, right and wrong, are answered as if one by one.",
            each,
            f"linearizable_{each.value}",
        )
        for each in Pressure
    ),
    Check(
        "every_schedule",
        "Every schedule of small programs with few preemptions is answered as if one by one.",
        None,
    ),
)
"""In the order in which they are made: first what one thread finds."""


def run_check(
    check: Check,
    factory: Callable[[], object],
    *,
    illegal: ExceptionTypes = (),
    not_found: ExceptionTypes = (),
    retryable: ExceptionTypes = (),
    time_limit: float = TIME_LIMIT,
    scale: float = 1.0,
    seed: int = 0,
    instances: int = 1,
    preemptions: int = 2,
    turns: bool = True,
) -> CheckResult:
    """Make one check on a fresh repository; arguments as in `check_repository`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or the factory makes what lacks a method.
    """
    options = Options(
        illegal, not_found, retryable, time_limit, scale, seed, instances, preemptions, turns
    )
    begun = time.perf_counter()
    result = _result(check, factory, options)
    return replace(result, seconds=time.perf_counter() - begun)


def _result(check: Check, factory: Callable[[], object], options: Options) -> CheckResult:
    """Make a check in turns where that can be, else as the operating system switches threads."""
    if check.run is None:
        return _explored(check, factory, options)
    if check.pressure is None:
        return _sampled(check, factory, options)
    if not options.turns:
        return replace(_sampled(check, factory, options), escaped="as asked for")
    try:
        return _in_turns(check, check.pressure, factory, options)
    except Escaped as reason:
        return replace(_sampled(check, factory, options), escaped=str(reason))


def _in_turns(
    check: Check, pressure: Pressure, factory: Callable[[], object], options: Options
) -> CheckResult:
    """Make a check in turns that are drawn from the seed."""
    ended: list[Exception] = []

    def play(trial: Trial) -> None:
        ended.extend(_played(check, trial))

    try:
        trial = play_in_turns(check.name, factory, pressure, options, play)
    except FactoryFailed as failed:
        return _factory_failed(check, failed)
    for escaped in (exc for exc in ended if isinstance(exc, Escaped)):
        raise escaped
    return _told(check, trial, ended)


def _sampled(check: Check, factory: Callable[[], object], options: Options) -> CheckResult:
    """Make a check in threads that the operating system switches."""
    try:
        trial = Trial(factory, pressure=check.pressure, options=options)
    except Hung as hung:
        return _hung(check, hung, "the factory: ")
    except FactoryFailed as failed:
        return _factory_failed(check, failed)
    return _told(check, trial, _played(check, trial))


def _played(check: Check, trial: Trial) -> list[Exception]:
    """Make the calls of a check and close what the factory made; return what ended either."""
    ended: list[Exception] = []
    try:
        assert check.run is not None  # noqa: S101 - told apart by the caller
        check.run(trial)
    except (Skipped, Failed, Hung, Enough, Escaped) as end:
        ended.append(end)
    except BaseException:
        trial.close()
        raise
    try:
        trial.close()
    except Hung as hung:
        ended.append(_NotClosed("", hung))
    except Exception as exc:  # noqa: BLE001 - a repository may raise anything
        ended.append(_NotClosed(f"close() {what_it_did(exc)}", exc))
    return ended


class _NotClosed(Exception):  # noqa: N818 - a finding, not a fault
    """What closing a repository came to: a sentence, unless it hung, and what it raised."""

    def __init__(self, sentence: str, cause: Exception) -> None:
        super().__init__(sentence, cause)
        self.sentence, self.cause = sentence, cause


def _told(check: Check, trial: Trial, ended: list[Exception]) -> CheckResult:
    """Turn what ended a check into a result, so that no other check is lost.

    What its calls came to is told before what closing came to: what hung in a call is likely to
    hang in close as well.
    """
    result = CheckResult(check, "passed")
    if not any(isinstance(end, Skipped | Failed | Hung) for end in ended):
        try:
            trial.settle()
        except Failed as failed:
            return _failed(check, trial, failed)
    for end in ended:
        if isinstance(end, Skipped):
            result = CheckResult(check, "skipped", str(end))
        elif isinstance(end, Failed):
            return _failed(check, trial, end)
        elif isinstance(end, Hung):
            return _hung(check, end, "")
        elif isinstance(end, _NotClosed):
            if isinstance(end.cause, Hung):
                return _hung(check, end.cause, "close(): ")
            told = _traceback_of(end.cause)
            return replace(result, result="failed", problem=end.sentence, traceback=told)
    return result


def _explored(check: Check, factory: Callable[[], object], options: Options) -> CheckResult:
    """Turn an exploration into a result like those of the other checks."""
    try:
        found = every_schedule(factory, options)
    # Said as skipped and not as failed: what could not be controlled proves nothing either way.
    except NotExplored as reason:
        return CheckResult(check, "skipped", str(reason))
    except Exception as exc:  # noqa: BLE001 - a repository may raise anything before it is raced
        return CheckResult(
            check, "failed", f"before any race: {what_it_did(exc)}", traceback=_traceback_of(exc)
        )
    violation = found.violation
    if violation is None:
        return CheckResult(check, "passed", note=found.claim, exploration=found)
    problem = f"{violation.rule}: {violation.sentence}"
    return CheckResult(check, "failed", problem, traceback=str(violation), exploration=found)


def _failed(check: Check, trial: Trial, failed: Failed) -> CheckResult:
    return CheckResult(
        check,
        "failed",
        failed.sentence,
        failed.calls or trial.last_calls(),
        failed.verdict,
        traceback=_traceback_of(failed.__cause__),
    )


def _factory_failed(check: Check, failed: FactoryFailed) -> CheckResult:
    return CheckResult(check, "failed", str(failed), traceback=_traceback_of(failed.__cause__))


def _hung(check: Check, hung: Hung, where: str) -> CheckResult:
    return CheckResult(check, "failed", f"{where}{hung}", stacks=tuple(hung.stacks.items()))


def _traceback_of(exc: BaseException | None) -> str:
    return "" if exc is None else encodable("".join(traceback.format_exception(exc)))
