"""The one list of checks; a notebook and pytest are two faces of it."""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from jobsim.domain.text import encodable
from jobsim.proof.verdict import Call, Verdict
from jobsim.repository.adapt import ExceptionTypes
from jobsim.testing import races, sequential
from jobsim.testing.pressure import Hung, Pressure
from jobsim.testing.trial import FactoryFailed, Failed, Options, Skipped, Trial, what_it_did

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
    """

    name: str
    sentence: str
    run: Callable[[Trial], None]
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

    @property
    def timeline(self) -> tuple[str, ...]:
        """One line a call of the proof, in milliseconds since the first of them."""
        zero = min((call.invoked_ns for call in self.calls), default=0)
        return tuple(_line(call, zero) for call in self.calls)


def _line(call: Call, zero: int) -> str:
    returned = "..." if call.returned_ns is None else f"{(call.returned_ns - zero) / 1e6:.3f}"
    when = f"{(call.invoked_ns - zero) / 1e6:.3f} to {returned} ms"
    answer = "answered" if (call.op, call.outcome) == ("count", "ok") else call.answer
    return f"{when}: {call.name} {answer}"


def _check(
    run: Callable[[Trial], None], pressure: Pressure | None = None, name: str | None = None
) -> Check:
    sentence = " ".join((inspect.getdoc(run) or "").removeprefix("Require that ").split())
    sentence = sentence[:1].upper() + sentence[1:]
    return Check(name or run.__name__, sentence, run, pressure)


CHECKS: tuple[Check, ...] = (
    _check(sequential.create_awaits_payment),
    _check(sequential.get_answers_what_create_did),
    _check(sequential.ids_are_unique),
    _check(sequential.unknown_id_is_not_found),
    _check(sequential.sixteen_transitions),
    _check(sequential.refusal_changes_nothing),
    _check(sequential.texts_are_kept),
    _check(sequential.odd_texts_are_kept_or_refused),
    _check(sequential.identity_never_changes),
    _check(sequential.answers_stay_as_they_are),
    _check(sequential.jobs_do_not_touch_each_other),
    _check(sequential.count_counts_jobs),
    _check(sequential.writes_reach_other_threads),
    _check(sequential.errors_leave_no_lock_held),
    _check(races.concurrent_creates, Pressure.PERTURBED),
    _check(races.counts_during_creates, Pressure.PERTURBED),
    _check(races.one_start_wins, Pressure.PERTURBED),
    _check(races.one_end_wins, Pressure.PERTURBED),
    _check(races.reads_during_writes, Pressure.PERTURBED),
    _check(races.writes_to_different_jobs, Pressure.PERTURBED),
    _check(races.many_jobs, Pressure.THREADS),
    _check(races.snapshot_is_one_instant, Pressure.PERTURBED),
    *(_check(races.linearizable, each, f"linearizable_{each.value}") for each in Pressure),
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
) -> CheckResult:
    """Make one check on a fresh repository; arguments as in `check_repository`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or the factory makes what lacks a method.
    """
    options = Options(illegal, not_found, retryable, time_limit, scale, seed, instances)
    begun = time.perf_counter()
    result = _result(check, factory, options)
    return replace(result, seconds=time.perf_counter() - begun)


def _result(check: Check, factory: Callable[[], object], options: Options) -> CheckResult:
    """Make a check and close what the factory made, whatever came of it."""
    try:
        trial = Trial(factory, pressure=check.pressure, options=options)
    except Hung as hung:
        return _hung(check, hung, "the factory: ")
    except FactoryFailed as failed:
        return CheckResult(check, "failed", str(failed), traceback=_traceback_of(failed.__cause__))
    found = _judged(check, trial)
    try:
        trial.close()
    except Hung as hung:
        # What hung in a call is likely to hang in close as well, and is told already.
        return found if found.result == "failed" else _hung(check, hung, "close(): ")
    except Exception as exc:  # noqa: BLE001 - a repository may raise anything
        if found.result != "failed":
            text, told = f"close() {what_it_did(exc)}", _traceback_of(exc)
            return replace(found, result="failed", problem=text, traceback=told)
    return found


def _judged(check: Check, trial: Trial) -> CheckResult:
    try:
        check.run(trial)
    except Skipped as skipped:
        return CheckResult(check, "skipped", str(skipped))
    except Failed as failed:
        return CheckResult(
            check,
            "failed",
            failed.sentence,
            failed.calls or trial.last_calls(),
            failed.verdict,
            traceback=_traceback_of(failed.__cause__),
        )
    except Hung as hung:
        return _hung(check, hung, "")
    return CheckResult(check, "passed")


def _hung(check: Check, hung: Hung, where: str) -> CheckResult:
    return CheckResult(check, "failed", f"{where}{hung}", stacks=tuple(hung.stacks.items()))


def _traceback_of(exc: BaseException | None) -> str:
    return "" if exc is None else encodable("".join(traceback.format_exception(exc)))
