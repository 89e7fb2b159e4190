"""Run small programs under every schedule, and one schedule again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from types import FrameType
from typing import Any

from jobsim.repository.adapt import ExceptionTypes
from jobsim.testing.explore import programs as known_programs
from jobsim.testing.explore import search
from jobsim.testing.explore.explain import Recording
from jobsim.testing.explore.exploration import Exploration, Scope
from jobsim.testing.explore.judge import Judge
from jobsim.testing.explore.pct import probability
from jobsim.testing.explore.programs import MOVES, Program, as_programs, programs
from jobsim.testing.explore.runner import Explored, Ran, Runner
from jobsim.testing.explore.scheduled import ScheduledRun, rule_of
from jobsim.testing.explore.search import NotRepeatable
from jobsim.testing.explore.token import Token, TokenError, digest, hash_seed, python_version
from jobsim.turns import real

BUDGET = 200_000
"""How many schedules are run at most."""

FEW, SHARE = 50, 0.4
"""So few programs, at two preemptions or more, get this part of the budget at most."""

SAMPLES = 10
"""Random schedules of each program that the budget did not reach, or that is not controlled."""

MIXED_POINTS = 150
"""About how many points a longer program has."""

SAMPLED_PROGRAMS = 200
"""How many programs are sampled at most."""


class _Stage:
    """Programs of one kind, to be explored up to one bound."""

    def __init__(self, what: str, some: Iterable[Program], bound: int) -> None:
        self.what, self.programs, self.bound = what, list(some), bound
        # Short programs with many preemptions must not use up what all others need.
        self.share = SHARE if len(self.programs) <= FEW and bound > 1 else None


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

    Two threads with at most two calls each and three threads with one call each, on a job that is
    new or running, all programs up to symmetry, the likely ones first; under all schedules without
    preemption, then with one, then with two. The first schedule that breaks a rule ends it, with
    the fewest preemptions that its program needs.

    Parameters
    ----------
    factory
        A class or a function that makes a fresh repository in this process.
    preemptions
        How often at most a thread loses its turn though it could go on.
    threads
        Which programs: of two threads, of three, or both.
    programs
        Your own instead: a list of calls for each thread, such as ``[["running", "get"],
        ["failed"]]``, several of these, or `Program` objects, which also say how the job starts.
    budget
        How many schedules are run at most: the same call gives the same answer on any machine.
    seed
        Of what the repository draws, and of random schedules beyond the budget.
    time_limit
        Seconds of the wall clock, as a cap; the result says if it was reached. None for none.
    progress
        Called now and then with the schedules run and the budget.
    mixed
        How many longer programs, of three threads with three calls each, are sampled besides.
    illegal, not_found, retryable
        The repository's own exceptions, as for `check_repository`.

    Returns
    -------
    Exploration
        `ok`, `complete`, `violation`; shows itself in a notebook.

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
    explorer = _Explorer(runner, budget, time_limit, progress)
    with runner.control():
        if programs is not None:
            stages = [_Stage("yours", as_programs(programs), preemptions)]
            stages[0].share = None
        else:
            stages = _stages(tuple(threads), preemptions, snapshot=runner.snapshots)
        explorer.explore(stages)
        explorer.sample(preemptions + 1)
        explorer.sample_mixed(mixed, preemptions + 1)
        return explorer.result()


def _stages(threads: tuple[int, ...], most: int, *, snapshot: bool) -> list[_Stage]:
    """Return what to explore, in the order in which it is likely to find something."""
    if not threads or set(threads) - {2, 3}:
        raise ValueError(f"threads must be 2, 3 or both, not {threads}; see programs= for others")
    one, three = programs(2, 1), programs(3, 1)
    pairs = [program for program in programs(2, 2) if program.calls > 2]
    # Three threads with one move: the smallest programs that show a fault of three.
    alike = [p for p in three if len(set(p.threads)) == 1 and p.threads[0][0] in MOVES][:3]
    crossed = [program for program in known_programs.crossed() if snapshot or not program.snapshots]
    snapped = list(known_programs.with_snapshot()) if snapshot else []
    ones = [program for program in snapped if program.calls == 2]
    twos = [program for program in snapped if program.calls > 2]
    kinds = [
        # What, how many threads, the programs, and the order in which each bound has its turn.
        ("two threads with one call each", 2, one, (0, 1, 3)),
        ("three threads that ask for the same move", 3, alike, (2, 2, 9)),
        ("two threads with at most two calls", 2, pairs, (4, 6, 10)),
        ("three threads with one call each", 3, three, (5, 7, 11)),
        ("two threads that use two jobs", 2, crossed, (2, 2, 8)),
        ("two threads, one call each and a snapshot", 2, ones, (2, 2, 8)),
        ("two threads, at most two calls and a snapshot", 2, twos, (9, 9, 12)),
    ]
    stages: list[tuple[int, _Stage]] = []
    for what, number, some, turns in kinds:
        if number not in threads or not some:
            continue
        for bound in range(most + 1):
            turn = turns[bound] if bound < len(turns) else 100 * bound + turns[-1]
            later = turns[bound + 1] if bound + 1 < min(len(turns), most + 1) else None
            # The bounds of a kind nest, so a higher one repeats the schedules of a lower one.
            if turn != later:  # else the next bound comes at once, and begins with this one
                stages.append((turn, _Stage(what, some, bound)))
    return [stage for _, stage in sorted(stages, key=lambda pair: pair[0])]


class _Explorer:
    """Goes from stage to stage until something is found or the budget is spent."""

    def __init__(
        self,
        runner: Runner,
        budget: int,
        time_limit: float | None,
        progress: Callable[[int, int], object] | None,
    ) -> None:
        self._runner, self._budget, self._progress = runner, budget, progress
        # The real clock: under control `time.monotonic` tells the schedule's own time.
        self._clock = real.CLOCKS["monotonic"]
        self._begun = self._clock()
        self._limit = None if time_limit is None else self._begun + time_limit
        self._known: dict[Program, Explored] = {}
        self._scopes: list[Scope] = []
        self._spent = 0
        self._violations: list[ScheduledRun] = []
        self._stopped: str | None = None
        self._sampling = ""
        self._mixed = 0
        self._cut = False
        self._name = name_of(runner.factory)
        runner.out_of_time = self._out_of_time

    def _out_of_time(self) -> bool:
        return self._limit is not None and self._clock() > self._limit

    def explore(self, stages: Iterable[_Stage]) -> None:
        """Explore stage after stage."""
        try:
            for stage in stages:
                self._explore(stage)
                if self._stopped is not None:
                    return
            if self._cut:
                self._stopped = "budget"
        except KeyboardInterrupt:
            self._stopped = "interrupted"

    def _explore(self, stage: _Stage) -> None:
        """Explore one stage; what it covered is kept however it ends."""
        complete = schedules = 0
        try:
            for program in stage.programs:
                if stage.share is not None and schedules >= stage.share * self._budget:
                    self._cut = True  # what is left is for other kinds of program
                    return
                if self._spent >= self._budget or self._out_of_time():
                    self._stopped = "budget" if self._spent >= self._budget else "time limit"
                    return
                before = self._known.get(program)
                known = self._runner.explore(program, stage.bound, self._budget - self._spent)
                schedules += known.schedules
                self._spent += known.schedules
                # What an earlier stage knew and this one did not get to stays known.
                if before is not None:
                    known = replace(known, bound=max(known.bound, before.bound))
                self._known[program] = known
                if self._progress is not None:
                    self._progress(self._spent, self._budget)
                if known.finding is not None:
                    self._tell(known.finding)
                    return
                if known.left:
                    self._stopped = "time limit" if self._out_of_time() else "budget"
                    return
                complete += known.uncontrolled is None
        finally:
            self._scopes.append(
                Scope(stage.what, stage.bound, len(stage.programs), complete, schedules)
            )

    def sample(self, depth: int) -> None:
        """Run random schedules of the programs of which not every schedule was run."""
        if self._stopped not in (None, "budget"):
            return
        rest = [known for known in self._known.values() if known.left or known.uncontrolled]
        runs = 0
        least = 1.0
        for known in rest[:SAMPLED_PROGRAMS]:
            before = known.sampled
            self._runner.sample(known, SAMPLES, depth)
            runs += known.sampled - before
            threads = len(known.program.threads)
            # The weakest program bounds the claim for all of them.
            least = min(least, probability(threads, known.points, depth, SAMPLES))
            if known.finding is not None:
                self._tell(known.finding)
                break
        if runs:
            self._sampling = (
                f"{runs:,} random schedules (PCT) of {len(rest[:SAMPLED_PROGRAMS]):,} programs; "
                f"in a program with a bug that needs {depth} orderings it is found with "
                f"probability {least:.2g} or more"
            )

    def sample_mixed(self, number: int, depth: int) -> None:
        """Run longer programs once each under random schedules, until something is found."""
        if self._stopped not in (None, "budget"):
            return
        for program in itertools.islice(known_programs.mixed(self._runner.seed), number):
            known = Explored(program, points=MIXED_POINTS)
            self._runner.sample(known, 1, depth)
            self._mixed += known.sampled
            if known.finding is not None:
                self._tell(known.finding)
                return
            if self._out_of_time():
                return

    def _tell(self, ran: Ran) -> None:
        self._stopped = "violation"
        self._violations.append(told(self._runner, ran, self._name))

    def _mixed_text(self) -> str:
        what = "programs of three threads with three calls each, each under one random schedule"
        return f"{self._mixed:,} {what}" if self._mixed else ""

    def result(self) -> Exploration:
        """Return what was found."""
        escaped = tuple(
            f"{known.program}: {known.uncontrolled}"
            for known in self._known.values()
            if known.uncontrolled
        )
        stuck = tuple(f"a lock that control cannot reach: {where}" for where in self._runner.stuck)
        return Exploration(
            repository=self._name,
            scopes=tuple(self._scopes),
            explored=tuple(self._known.values()),
            violations=tuple(self._violations),
            schedules=self._spent,
            sampled=sum(known.sampled for known in self._known.values()) + self._mixed,
            sampling="; ".join(filter(None, [self._sampling, self._mixed_text()])),
            stopped=self._stopped,
            uncontrolled=escaped + stuck,
            seconds=self._clock() - self._begun,
        )


def told(
    runner: Runner,
    ran: Ran,
    name: str,
    stop: Callable[[FrameType], None] | None = None,
    stop_at: int | None = None,
) -> ScheduledRun:
    """Run a schedule once more, write down what happens, and say what is wrong with it."""
    recording = Recording(stop=stop, stop_at=stop_at)
    play = runner.play(ran.program)
    # Run again, for writing everything down in each of many thousand runs would be slow.
    again = runner.run(play, ran.deviations, recorder=recording)
    holds = Judge(again.answers.start).holds(again.answers.history)
    rule, sentence, details = rule_of(again, holds=holds)
    token = Token(
        ran.program, ran.deviations, runner.seed, python_version(), hash_seed(),
        digest(recording.codes),
    )  # fmt: skip
    return ScheduledRun(
        repository=name,
        program=ran.program,
        schedule=str(token),
        preemptions=search.preemptions(again.trace, ran.deviations),
        rule=rule,
        sentence=sentence,
        history=again.history_text(),
        rows=tuple(recording.rows),
        details=details,
    )


def name_of(factory: Callable[[], Any]) -> str:
    """Return what to call a factory in texts."""
    return getattr(factory, "__qualname__", type(factory).__qualname__).rpartition(".")[2]


def replay_schedule(
    factory: Callable[[], Any],
    token: str,
    *,
    stop_at: int | None = None,
    illegal: ExceptionTypes = (),
    not_found: ExceptionTypes = (),
    retryable: ExceptionTypes = (),
) -> ScheduledRun:
    """Run one schedule again, as often as you like, to the same end.

    Parameters
    ----------
    factory
        What the token was made with: a class or a function that makes a fresh repository.
    token
        The text in `violation.schedule`.
    stop_at
        Open the debugger where the explanation has this step, with the code unchanged.
    illegal, not_found, retryable
        As for `explore_repository`.

    Returns
    -------
    ScheduledRun
        What happened, with the same history each time.

    Raises
    ------
    TokenError
        If the text is no token, was made by another Python or of other code, or the run does
        not offer the choices that the token was made of.

    Examples
    --------
    >>> from jobsim.testing import explore_repository, replay_schedule
    >>> from jobsim.testing.broken import NoLock
    >>> found = explore_repository(NoLock, programs=[["running"], ["running"]]).violation
    >>> replay_schedule(NoLock, found.schedule) == found
    True
    """
    wanted = Token.read(token)
    if wanted.python != python_version():
        raise TokenError(
            f"the schedule was made by Python {wanted.python}, this is {python_version()}; steps "
            f"are bytecode instructions, so run it with Python {wanted.python} or explore again"
        )
    runner = Runner(
        factory, seed=wanted.seed, illegal=illegal, not_found=not_found, retryable=retryable
    )
    with runner.control():
        play = runner.play(wanted.program)
        # A cache that the first run fills would make the second one offer other choices.
        runner.run(play, ())  # fills what the first run of a program fills
        ran = Ran.planned(wanted.program, wanted.deviations)
        stop = None if stop_at is None else runner.open_debugger
        try:
            run = told(runner, ran, name_of(factory), stop, stop_at)
        except NotRepeatable as refused:
            raise TokenError(_differs(wanted, refused)) from None
    # Only now is it known which code ran, so its digest is compared after the run.
    made = Token.read(run.schedule)
    if made.code != wanted.code:
        raise TokenError(
            f"the code that ran ({made.code}) is not the code that the schedule was made of "
            f"({wanted.code}); explore again"
        )
    return run


def _differs(wanted: Token, refused: NotRepeatable) -> str:
    """Say why a schedule cannot be repeated, with the likely causes."""
    text = (
        f"the run does not offer the choices that the schedule was made of: {refused.text}. Either "
        "the code is another, or something outlives the repository: a cache, a class's dictionary, "
        "a file"
    )
    if wanted.hashes != hash_seed() or wanted.hashes == "random":
        text += (
            f"; the schedule was made with PYTHONHASHSEED={wanted.hashes}, this process has "
            f"{hash_seed()}: the order of a set of strings may differ"
        )
    return text
