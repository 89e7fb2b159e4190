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
"""Time limit of the checks after one that hung, since many of them are likely to hang too."""


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
    """What `check_repository` found: one result per check.

    Attributes
    ----------
    repository
        Name of what was tested.
    results
        In the order in which the checks ran.
    threads_of
        The library that had replaced Python's threads, if one had; then hardly any race can show.
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
        """Return one table for text and notebook: totals, how threads were switched, each check."""
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
    """Return how the threads of the races were switched, which decides what can be repeated."""
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
    """Return the rows of one check: one line if it passed, otherwise everything that proves it."""
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
    # If the problem is an exception, add what the same history shows besides.
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
    """Run every check, each on a fresh repository, and return a report.

    First come checks with one thread, then races, in which threads take turns drawn from the seed,
    also in the middle of the repository's own lines. If a repository cannot be controlled like
    that, the operating system switches the threads of its races. Depending on the check these run
    freely, meet at a barrier while the interpreter switches often, or are also switched at random
    moments inside the repository's own code; the report says so, and why. A repository that hangs
    fails with the stacks of its threads, which are left behind if nothing can end them. Last, small
    programs are run under every schedule with few preemptions, up to a fixed number of schedules,
    and longer ones under random schedules.

    Parameters
    ----------
    factory
        A class or a function that makes a repository without arguments: any object with
        the four methods of `JobRepository`, for use by many threads.
    scale
        How much is tried: the numbers of rounds and jobs are proportional to it, and the number of
        threads to its square root. At 1 there are eight threads and up to 3,200 jobs.
    seed
        Seed of all draws: the order of calls, and where threads are switched.
    instances
        How many times the factory is called for each check. With two or more, all instances must
        use one store, such as one database, and threads are spread over them: a lock inside
        an instance then protects nothing.
    preemptions
        The largest number of preemptions of the schedules that are run, see `explore_repository`.
    illegal, not_found
        The repository's own exceptions for an illegal transition and for an unknown id: a type, a
        tuple of types, or a function that takes an exception, see `jobsim.adapt`.
    retryable
        Exceptions that the repository may raise at any time without having changed anything, such
        as "database is locked"; given likewise. Such a call is repeated if the check needs its
        answer, and is judged as one that may have taken effect.
    time_limit
        Seconds that one check may take. After a check that hung, the others get two seconds at
        most; after the factory has hung, no more checks are run.
    faults
        Faults between the repository and its database, see `jobsim.testing.faults`; the factory
        must connect to ``faults.url``. Then one more check runs while faults are injected: answers
        are lost and servers killed, and afterwards nothing acknowledged may be missing and nothing
        may have been done twice.

    Returns
    -------
    ConformanceReport
        `ok` says whether all checks passed; `raise_on_failure()` is for tests.

    Raises
    ------
    TypeError
        If `factory` cannot be called, or the first repository that it makes lacks a method.
    ValueError
        If `time_limit`, `scale` or `instances` is not positive.

    Notes
    -----
    A race that passes proves nothing, a race that fails is a proof. The same seed gives the same
    report within a process, apart from times, and between processes with the same PYTHONHASHSEED.
    Where the operating system had to switch the threads, which the report says, a race may show
    more or less each time. Calls made in turns are timed by a clock that advances by a microsecond
    whenever it is read. For races outside control, `sys.setswitchinterval` is changed for the whole
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
        # A repository that always hangs would take the whole limit in each check.
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
                # A repository that escaped control in one race will escape in the others.
                turns=not escaped,
            )
        except TypeError as exc:
            if not results:  # the factory makes something else
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
