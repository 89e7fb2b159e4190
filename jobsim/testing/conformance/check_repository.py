"""The checks for a notebook: `check_repository` and its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jobsim.display.text import Rows, Shown, format_duration
from jobsim.domain.exceptions import JobsimError
from jobsim.proof.verdict_value import replaced_threads
from jobsim.repository.adapt import ExceptionTypes
from jobsim.testing.conformance.checks import CHECKS
from jobsim.testing.conformance.run_check import TIME_LIMIT, CheckResult, run_check
from jobsim.testing.conformance.trial import Options
from jobsim.testing.conformance.under_faults import under_faults
from jobsim.threads.daemons import replaced_by

if TYPE_CHECKING:
    from jobsim.testing.faults import Faults  # needs the extra `sql`

_PATIENCE_AFTER_HANG_S = 2.0
"""Time limit of the checks after one that hung: many of them are likely to hang too."""


class NotConforming(JobsimError, AssertionError):  # noqa: N818 - a finding, not a fault
    """The repository does not do what it should; `results` has the checks that it failed."""

    def __init__(self, repository: str, results: tuple[CheckResult, ...]) -> None:
        super().__init__(repository, results)
        self.repository, self.results = repository, results

    def __str__(self) -> str:
        lines = [f"{self.repository} fails {len(self.results)} of the checks"]
        for result in self.results:
            lines.append(f"{result.check.name}: {result.problem}")
            lines += [f"    {line}" for line in result.timeline]
            lines += [f"  {name} is at\n{stack}" for name, stack in result.stacks]
            if result.traceback:
                lines.append(result.traceback.rstrip())
            if result.verdict is not None:
                lines += [f"    {label}  {text}" for label, text in result.verdict.rows()]
        return "\n".join(lines)


@dataclass(frozen=True, repr=False)
class ConformanceReport(Shown):
    """What `check_repository` found: one result a check.

    Attributes
    ----------
    repository
        What was tested.
    results
        In the order in which the checks were made.
    threads_of
        The library that had replaced Python's threads, if one had: then hardly any race shows.
    """

    repository: str
    results: tuple[CheckResult, ...]
    threads_of: str = ""

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The results of the checks that failed."""
        return tuple(result for result in self.results if result.result == "failed")

    def __getitem__(self, name: str) -> CheckResult:
        for result in self.results:
            if result.check.name == name:
                return result
        raise KeyError(f"no check is named {name!r}")

    def raise_on_failure(self) -> None:
        """Raise `NotConforming`, an AssertionError, if a check failed."""
        if self.failures:
            raise NotConforming(self.repository, self.failures)

    def _display(self) -> tuple[str, Rows]:
        """Return one table for text and notebook: the sum, who switched threads, each check."""
        counts = Counter(result.result for result in self.results)
        told = ", ".join(f"{number} {name}" for name, number in counts.items())
        spent = format_duration(sum(result.seconds for result in self.results))
        rows: Rows = [("checks", f"{told}, in {spent}")]
        if self.threads_of:
            rows.append(("threads", replaced_threads(self.threads_of)))
        rows += _schedule_rows(self.results)
        for result in self.results:
            rows += _result_rows(result)
        return f"Conformance of {self.repository}", rows


def _schedule_rows(results: tuple[CheckResult, ...]) -> Rows:
    """Return who switched the threads of the races: that says what can be repeated."""
    races = [result for result in results if result.check.pressure and result.result != "skipped"]
    escaped = [result for result in races if result.escaped]
    rows: Rows = []
    if len(escaped) < len(races):
        number = len(races) - len(escaped)
        rows.append(("turns", f"{number} races in turns drawn from the seed: they repeat exactly"))
    if escaped:
        names = ", ".join(result.check.name for result in escaped)
        why = escaped[0].escaped
        rows.append(("sampled", f"switched by the operating system, for {why}: {names}"))
    return rows


def _result_rows(result: CheckResult) -> Rows:
    """Return what a report shows of one check: a line if it passed, else all that proves it."""
    name = result.check.name
    if result.result == "passed":
        return [(name, f"passed: {result.note}" if result.note else "passed")]
    if result.result == "skipped":
        return [(name, f"skipped: {result.problem}")]
    rows = [
        (name, f"FAILED: {result.check.sentence}"),
        ("", result.problem),
        *(("", line) for line in result.timeline),
        *(
            ("", f"{thread}: {line.strip()}")
            for thread, stack in result.stacks
            for line in stack.strip().splitlines()[-2:]
        ),
    ]
    # Where the problem is an exception, what else the same history shows.
    if result.verdict is not None and result.traceback:
        rows += [("", f"{label}: {text}") for label, text in result.verdict.rows()[:-1]]
    return rows


def check_repository(
    factory: Callable[[], object],
    *,
    scale: float = 1.0,
    seed: int = 0,
    instances: int = 1,
    preemptions: int = 2,
    illegal: ExceptionTypes = (),
    not_found: ExceptionTypes = (),
    retryable: ExceptionTypes = (),
    time_limit: float = TIME_LIMIT,
    faults: Faults | None = None,
) -> ConformanceReport:
    """Put a repository through every check, each on a fresh one, and report.

    First what one thread may expect, then races, whose threads take turns drawn from the seed,
    also in the middle of the repository's own lines. Where a repository escapes that control,
    races are made by threads that run freely, that meet at a barrier while the interpreter
    switches threads often, and that are switched besides at random moments inside the
    repository's own code; the report says so, and why. A repository that hangs fails with the
    stacks of its threads; those that are out of control are left behind. Last, small programs are
    run under every schedule with few preemptions, as far as a fixed number of schedules goes, and
    longer ones under random schedules.

    Parameters
    ----------
    factory
        A class or a function that makes a repository without arguments: any object with
        the four methods of `JobRepository`, for use by many threads.
    scale
        How much is tried: the number of rounds and of jobs is in proportion to it, that of
        threads to its square root. At 1, eight threads and up to 3,200 jobs.
    seed
        Seed of what is drawn: the order of calls, and where threads are switched.
    instances
        How many times the factory is called for each check. With two or more, all of them must
        use one store, such as one database, and threads use them in turn: a lock inside
        an instance then protects nothing.
    preemptions
        With how many preemptions at most schedules are run, see `explore_repository`.
    illegal, not_found
        Its own exceptions for a transition that is not legal and for an id that it does not
        know: a type, a tuple of types, or a function that takes an exception, see
        `jobsim.adapt`.
    retryable
        Exceptions that it may raise at any time, with nothing changed, such as that of a
        database that is locked; given likewise. Such a call is made again where the check needs
        its answer, and counts as one that may have taken effect.
    time_limit
        Seconds that one check may take. Once a check has hung, the others get two at most; once
        the factory has, no more are made.
    faults
        Faults between the repository and its database, to which the factory connects through
        ``faults.url``, see `jobsim.testing.faults`. One more check is made then, while they are
        injected: answers are lost and servers killed, and nothing acknowledged may be missing
        afterwards and nothing done twice.

    Returns
    -------
    ConformanceReport
        `ok` says whether all is well; `raise_on_failure()` is there for tests.

    Raises
    ------
    TypeError
        If `factory` cannot be called, or the first thing that it makes lacks a method.
    ValueError
        If `time_limit`, `scale` or `instances` is not positive.

    Notes
    -----
    A pass of a race is no proof, a failure is one. The same seed gives the same report within
    a process, times aside, and between processes with the same PYTHONHASHSEED; where threads had
    to be switched by the operating system, which the report says, a race may show more or less
    another time. Calls that were made in turns are timed by a clock that goes on by a microsecond
    whenever it is read. For a race out of control `sys.setswitchinterval` is changed for the whole
    process, and restored. A repository that has a method `close` is closed after its check.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> check_repository(InMemoryJobRepository, scale=0.05).ok
    True
    """
    if not callable(factory):
        raise TypeError(
            f"check_repository takes a class or a function that makes a repository, not "
            f"{type(factory).__name__}; each check needs a fresh one"
        )
    for name, value in (("time_limit", time_limit), ("scale", scale), ("instances", instances)):
        if not value > 0:
            raise ValueError(f"{name} must be positive, not {value}")
    results: list[CheckResult] = []
    escaped = ""
    for check in CHECKS:
        # Checks are made one after the other, so a repository that always hangs would take the
        # whole limit each time.
        hung = any(result.stacks for result in results)
        if any(name == "factory" for result in results for name, _ in result.stacks):
            results.append(CheckResult(check, "skipped", "not made, for the factory hung before"))
            continue
        try:
            result = run_check(
                check,
                factory,
                illegal=illegal,
                not_found=not_found,
                retryable=retryable,
                time_limit=min(time_limit, _PATIENCE_AFTER_HANG_S) if hung else time_limit,
                scale=scale,
                seed=seed,
                instances=instances,
                preemptions=preemptions,
                # What escaped control in one race will in the others.
                turns=not escaped,
            )
        except TypeError as exc:
            if not results:  # it never was a repository
                raise
            result = CheckResult(check, "failed", str(exc))
        result.raise_if_interrupted()
        escaped = escaped or result.escaped
        if result.escaped:
            result = replace(result, escaped=escaped)
        results.append(result)
    if faults is not None:
        options = Options(
            illegal, not_found, retryable, time_limit, scale=scale, seed=seed, instances=instances
        )
        results.append(under_faults(factory, faults, options))
    name = getattr(factory, "__qualname__", type(factory).__qualname__)
    return ConformanceReport(name, tuple(results), replaced_by())
