"""The checks for a notebook: `check_repository` and its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from jobsim.display.text import Rows, format_duration, rows_as_html, rows_as_text
from jobsim.domain.exceptions import JobsimError
from jobsim.repository.adapt import ExceptionTypes
from jobsim.testing.checks import CHECKS, TIME_LIMIT, CheckResult, run_check

_PATIENCE_AFTER_HANG_S = 2.0


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
        return "\n".join(lines)


@dataclass(frozen=True, repr=False)
class ConformanceReport:
    """What `check_repository` found: one result a check.

    Attributes
    ----------
    repository
        What was tested.
    results
        In the order in which the checks were made.
    """

    repository: str
    results: tuple[CheckResult, ...]

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

    def __repr__(self) -> str:
        return rows_as_text(*self._display())

    def _repr_html_(self) -> str:
        return rows_as_html(*self._display())

    def _display(self) -> tuple[str, Rows]:
        counts = Counter(result.result for result in self.results)
        told = ", ".join(f"{number} {name}" for name, number in counts.items())
        spent = format_duration(sum(result.seconds for result in self.results))
        rows: Rows = [("checks", f"{told}, in {spent}")]
        for result in self.results:
            rows += _result_rows(result)
        return f"Conformance of {self.repository}", rows


def _result_rows(result: CheckResult) -> Rows:
    name = result.check.name
    if result.result == "passed":
        return [(name, "passed")]
    if result.result == "skipped":
        return [(name, f"skipped: {result.problem}")]
    return [
        (name, f"FAILED: {result.check.sentence}"),
        ("", result.problem),
        *(("", line) for line in result.timeline),
        *(
            ("", f"{thread}: {line.strip()}")
            for thread, stack in result.stacks
            for line in stack.strip().splitlines()[-2:]
        ),
    ]


def check_repository(
    factory: Callable[[], object],
    *,
    illegal: ExceptionTypes = (),
    not_found: ExceptionTypes = (),
    time_limit: float = TIME_LIMIT,
) -> ConformanceReport:
    """Put a repository through every check, each on a fresh one, and report.

    First what one thread may expect, then races: threads that run freely, that meet at a
    barrier while the interpreter switches threads often, and that are switched besides at
    random moments inside the repository's own code. A repository that hangs
    fails with the stacks of its threads; the threads are left behind.

    Parameters
    ----------
    factory
        A class or a function that makes a repository without arguments: any object with
        the four methods of `JobRepository`, for use by many threads.
    illegal, not_found
        Its own exceptions for a transition that is not legal and for an id that it does not
        know, each a type or a tuple of types, see `jobsim.adapt`.
    time_limit
        Seconds that one check may take. Once a check has hung, the others get two at most.

    Returns
    -------
    ConformanceReport
        `ok` says whether all is well; `raise_on_failure()` is there for tests.

    Raises
    ------
    TypeError
        If `factory` cannot be called, or what it makes lacks a method.

    Notes
    -----
    While it runs, `sys.setswitchinterval` is changed for the whole process, and restored.
    What a race shows depends on the scheduler: a pass is no proof, a failure is one.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> check_repository(InMemoryJobRepository).ok
    True
    """
    if not callable(factory):
        raise TypeError(
            f"check_repository takes a class or a function that makes a repository, not "
            f"{type(factory).__name__}; each check needs a fresh one"
        )
    if not time_limit > 0:
        raise ValueError(f"time_limit must be positive, not {time_limit}")
    results: list[CheckResult] = []
    for check in CHECKS:
        hung = any(result.stacks for result in results)
        results.append(
            run_check(
                check,
                factory,
                illegal=illegal,
                not_found=not_found,
                time_limit=min(time_limit, _PATIENCE_AFTER_HANG_S) if hung else time_limit,
            )
        )
    name = getattr(factory, "__qualname__", type(factory).__qualname__)
    return ConformanceReport(name, tuple(results))
