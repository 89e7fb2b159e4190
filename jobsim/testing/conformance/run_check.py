"""Runs one check on a fresh repository, and turns its end into a result."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from jobsim.domain.text import encodable
from jobsim.proof.verdict_value import Call, Verdict
from jobsim.repository.adapt import ExceptionTypes
from jobsim.testing.conformance.checks import Check
from jobsim.testing.conformance.ends import (
    Enough,
    Escaped,
    FactoryFailed,
    Failed,
    Skipped,
    what_it_did,
)
from jobsim.testing.conformance.every_schedule import NotExplored, every_schedule
from jobsim.testing.conformance.in_turns import play_in_turns
from jobsim.testing.conformance.pressure import Hung, Pressure
from jobsim.testing.conformance.trial import Options, Trial
from jobsim.testing.explore.exploration import Exploration

Result = Literal["passed", "failed", "skipped"]

TIME_LIMIT = 10.0
"""Seconds that a check may take before its repository counts as hanging."""


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
        The calls that prove the failure; two if it is about their order.
    verdict
        On the history of the check, if its failure is in the history.
    stacks
        The stacks of the threads that never returned, by name.
    traceback
        Of the exception that the repository raised, if it did.
    seconds
        How long the check took.
    note
        More about a check that passed.
    exploration
        The result of running every schedule, for the check of that name.
    escaped
        Why the operating system switched the threads of this race; empty if they took turns drawn
        from the seed, or if the check is not a race.
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
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the exploration early; in other checks it raises at once."""
        return self.exploration is not None and self.exploration.stopped == "interrupted"

    def raise_if_interrupted(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C ended the check, so that no further checks run."""
        if self.interrupted:
            raise KeyboardInterrupt

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
    """Run one check on a fresh repository; arguments as in `check_repository`.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or what the factory makes lacks a method.
    """
    options = Options(
        illegal, not_found, retryable, time_limit, scale, seed, instances, preemptions, turns
    )
    begun = time.perf_counter()
    result = _result(check, factory, options)
    return replace(result, seconds=time.perf_counter() - begun)


def _result(check: Check, factory: Callable[[], object], options: Options) -> CheckResult:
    """Run a check in turns if possible, otherwise as the operating system switches threads."""
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
    """Run a check in turns that are drawn from the seed."""
    ended: list[Exception] = []

    def play(trial: Trial) -> None:
        ended.extend(_played(check, trial))

    try:
        trial = play_in_turns(check.name, factory, pressure, options, play)
    except FactoryFailed as failed:
        return _factory_failed(check, failed)
    # Before any finding: that was made outside control, and the check will run again.
    for escaped in (exc for exc in ended if isinstance(exc, Escaped)):
        raise escaped
    return _told(check, trial, ended)


def _sampled(check: Check, factory: Callable[[], object], options: Options) -> CheckResult:
    """Run a check with threads that the operating system switches."""
    try:
        trial = Trial(factory, pressure=check.pressure, options=options)
    except Hung as hung:
        return _hung(check, hung, "the factory: ")
    except FactoryFailed as failed:
        return _factory_failed(check, failed)
    return _told(check, trial, _played(check, trial))


def _played(check: Check, trial: Trial) -> list[Exception]:
    """Make the calls of a check and close the repository; return what ended either early."""
    ended: list[Exception] = []
    try:
        assert check.run is not None  # noqa: S101 - told apart by the caller
        check.run(trial)
    except (Skipped, Failed, Hung, Enough, Escaped) as end:
        ended.append(end)
    except BaseException:  # Ctrl-C, or a bug in a check: the repository is closed in any case
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
    """Closing a repository failed: a sentence, empty if it hung, and the exception."""

    def __init__(self, sentence: str, cause: Exception) -> None:
        super().__init__(sentence, cause)
        self.sentence, self.cause = sentence, cause


def _told(check: Check, trial: Trial, ended: list[Exception]) -> CheckResult:
    """Turn what ended a check into a result, so that the other checks can go on.

    A problem with calls is reported before one with closing: if a call hung, closing is likely to
    hang as well.
    """
    result = CheckResult(check, "passed")
    # Also after `Enough`: then a judgement reports what ended the check early.
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
    # Skipped and not failed: what could not be controlled proves nothing either way.
    except NotExplored as reason:
        return CheckResult(check, "skipped", str(reason))
    except Exception as exc:  # noqa: BLE001 - a repository may raise anything before it is raced
        return CheckResult(
            check, "failed", f"before any race: {what_it_did(exc)}", traceback=_traceback_of(exc)
        )
    violation = found.violation
    if found.stopped == "interrupted":
        return CheckResult(check, "skipped", found.claim, exploration=found)
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
