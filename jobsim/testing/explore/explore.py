"""Run small programs under every schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Any

from jobsim.repository.adapt import ExceptionTypes
from jobsim.run.interrupts import Interrupts
from jobsim.testing.explore.exploration import Exploration
from jobsim.testing.explore.explorer import Explorer
from jobsim.testing.explore.programs import as_programs
from jobsim.testing.explore.runner import Runner
from jobsim.testing.explore.stages import Stage, stages_of

BUDGET = 200_000
"""How many schedules are run at most."""


def explore_repository(
    factory: Callable[[], Any],
    *,
    preemptions: int = 2,
    threads: Sequence[int] = (2, 3),
    programs: Iterable[object] | None = None,
    budget: int = BUDGET,
    seed: int = 0,
    time_limit: float | None = None,
    progress: Callable[[int, int], object] | None = None,
    mixed: int = 0,
    illegal: ExceptionTypes = (),
    not_found: ExceptionTypes = (),
    retryable: ExceptionTypes = (),
) -> Exploration:
    """Run small programs on a repository under every schedule with few preemptions.

    By default these are all programs, up to symmetry, of two threads with at most two calls each
    and of three threads with one call each, on a job that is new or running. Programs that are
    likely to show a fault come first. Each runs under all schedules without preemption, then with
    one, then with two. The first schedule that breaks a rule ends the exploration; its program
    breaks no rule with fewer preemptions.

    Parameters
    ----------
    factory
        A class or a function that makes a fresh repository in this process.
    preemptions
        How often a thread may lose its turn although it could go on.
    threads
        Which programs: those of two threads, of three, or both.
    programs
        Your own programs instead: a list of calls for each thread, such as ``[["running", "get"],
        ["failed"]]``, a list of these, or `Program` objects, which also set the job's first status.
    budget
        The largest number of schedules. The same call gives the same result on any machine.
    seed
        Seed of what the repository draws, and of random schedules beyond the budget.
    time_limit
        Seconds of the wall clock; the result says if the limit was reached. None sets no limit.
    progress
        Called now and then with the number of schedules run and the budget.
    mixed
        How many longer programs, of three threads with three calls each, are sampled besides.
    illegal, not_found, retryable
        The repository's own exceptions, as for `check_repository`.

    Returns
    -------
    Exploration
        `ok`, `complete`, `violation`; shows itself in a notebook. Ctrl-C ends it early with what
        is known by then, and `stopped` says ``"interrupted"``.

    Raises
    ------
    TypeError, ValueError
        If an argument cannot be used.
    jobsim.turns.control.ControlError
        If another run has control of the threads of this process.

    Notes
    -----
    Not thread-safe: it has control of the process's threads. Iterative context bounding follows
    M. Musuvathi and S. Qadeer, PLDI 2007; see the guide page on schedules for what the claim means.

    Examples
    --------
    >>> from jobsim import InMemoryJobRepository
    >>> from jobsim.testing import explore_repository
    >>> from jobsim.testing.broken import CheckAndActApart
    >>> starters = [["running"], ["running"]]
    >>> explore_repository(InMemoryJobRepository, programs=starters).complete
    True
    >>> found = explore_repository(CheckAndActApart, programs=starters).violation
    >>> found.rule, found.preemptions
    ('written_twice', 1)
    """
    if not callable(factory):
        raise TypeError(
            f"factory has to make a fresh repository for each schedule; {factory!r:.60} cannot be "
            "called: give the class, or a function that makes one"
        )
    if preemptions < 0 or budget < 1:
        raise ValueError(
            f"preemptions must be at least 0 and budget at least 1, not {preemptions} and {budget}"
        )
    runner = Runner(factory, seed=seed, illegal=illegal, not_found=not_found, retryable=retryable)
    explorer = Explorer(runner, budget, time_limit, progress)
    with Interrupts() as interrupts, ExitStack() as stack:
        # Until there is something to keep, Ctrl-C raises as usual: a factory may hang.
        with interrupts.heard():
            stack.enter_context(runner.control())
            if programs is not None:
                stages = [Stage("yours", as_programs(programs), preemptions)]
                stages[0].share = None
            else:
                stages = stages_of(tuple(threads), preemptions, snapshot=runner.snapshots)
        explorer.run(stages, interrupts, depth=preemptions + 1, mixed=mixed)
        return explorer.result()
