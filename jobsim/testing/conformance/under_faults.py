"""The check that runs while faults are injected."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jobsim.domain.text import exception_text
from jobsim.repository.adapt import adapt
from jobsim.testing.conformance.checks import Check
from jobsim.testing.conformance.ends import FactoryFailed, Skipped
from jobsim.testing.conformance.pressure import Hung
from jobsim.testing.conformance.run_check import CheckResult
from jobsim.testing.conformance.trial import Options, Trial
from jobsim.testing.racing import race

if TYPE_CHECKING:
    from jobsim.testing.faults import Faults  # needs the extra `sql`

ROUNDS = 20
"""How many jobs are raced for at a scale of 1."""


def _needs_faults(_trial: Trial) -> None:
    raise Skipped("give check_repository faults=")


UNDER_FAULTS = Check(
    "nothing_lost_under_faults",
    "When answers are lost and servers killed, nothing acknowledged is missing afterwards and "
    "nothing was done twice.",
    _needs_faults,
)
"""Run by `check_repository` if it is given faults; its note says how they affected the clients."""


def under_faults(factory: Callable[[], Any], faults: Faults, options: Options) -> CheckResult:
    """Race for jobs while faults are injected, and judge every call.

    A call without an answer may or may not have been carried out, and is judged so. The final reads
    and the final count are made when the faults are over.
    """
    begun = time.perf_counter()
    rounds = max(2, round(ROUNDS * options.scale))
    try:
        raced = race(
            lambda: _made(factory, options),
            instances=options.instances,
            rounds=rounds,
            faults=faults,
        )
    except FactoryFailed as failed:
        return CheckResult(UNDER_FAULTS, "failed", str(failed))
    except Hung as hung:
        stacks = tuple(hung.stacks.items())
        return CheckResult(UNDER_FAULTS, "failed", str(hung), stacks=stacks)
    if not faults.requests:
        return CheckResult(
            UNDER_FAULTS,
            "failed",
            "no request came through the faults: connect to faults.url, without encryption",
            verdict=raced.verdict,
        )
    seconds, verdict = time.perf_counter() - begun, raced.verdict
    if verdict.violations:
        first = verdict.violations[0]
        return CheckResult(
            UNDER_FAULTS, "failed", first.sentence, first.calls, verdict, seconds=seconds
        )
    if verdict.undecided:
        problem = f"not decided: {verdict.undecided[0]}"
        return CheckResult(UNDER_FAULTS, "failed", problem, verdict=verdict, seconds=seconds)
    return CheckResult(UNDER_FAULTS, "passed", seconds=seconds, note=raced.note)


def _made(factory: Callable[[], Any], options: Options) -> _Closing:
    try:
        return _Closing(factory(), options)
    except Exception as exc:
        raise FactoryFailed(f"the factory raised {exception_text(exc)}") from exc


class _Closing:
    """A repository with its exceptions translated, which can also be closed."""

    def __init__(self, repository: Any, options: Options) -> None:
        face = adapt(repository, illegal=options.illegal, not_found=options.not_found)
        self.create, self.get = face.create, face.get
        self.update_status, self.count = face.update_status, face.count
        self.close = getattr(repository, "close", lambda: None)
        self._face = face

    def had_no_effect(self, exc: BaseException) -> bool:
        """Return whether the repository knows that its call that raised `exc` changed nothing."""
        return self._face.had_no_effect(exc)
