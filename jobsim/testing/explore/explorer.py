"""Explores one stage after another within a budget, and samples random schedules beyond it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace

from jobsim.run.interrupts import Interrupts
from jobsim.testing.explore.exploration import Exploration, Scope
from jobsim.testing.explore.pct import probability
from jobsim.testing.explore.programs import Program
from jobsim.testing.explore.programs import mixed as mixed_programs
from jobsim.testing.explore.replay import name_of, told
from jobsim.testing.explore.runner import Explored, Ran, Runner
from jobsim.testing.explore.scheduled import ScheduledRun
from jobsim.testing.explore.stages import Stage
from jobsim.turns import real

SAMPLES = 10
"""Random schedules per program that was not fully explored, or that escaped control."""

MIXED_POINTS = 150
"""The approximate number of points of a longer program."""

SAMPLED_PROGRAMS = 200
"""How many programs are sampled at most."""


class Explorer:
    """Explores one stage after another until a violation is found or the budget is spent."""

    def __init__(
        self,
        runner: Runner,
        budget: int,
        time_limit: float | None,
        progress: Callable[[int, int], object] | None,
    ) -> None:
        self._runner, self._budget, self._progress = runner, budget, progress
        # The real clock: under control `time.monotonic` returns virtual time.
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

    def run(
        self, stages: Iterable[Stage], interrupts: Interrupts, *, depth: int, mixed: int
    ) -> None:
        """Explore one stage after another, then sample; Ctrl-C ends it and keeps what is known.

        Parameters
        ----------
        stages
            In the order in which they are explored.
        interrupts
            Allows Ctrl-C meanwhile.
        depth
            How many ordering constraints a bug may need that random schedules should find.
        mixed
            How many longer programs are sampled.
        """
        try:
            with interrupts.heard():
                self._explore_all(stages)
                self._sample(depth)
                self._sample_mixed(mixed, depth)
        except KeyboardInterrupt:
            self._stopped = "interrupted"

    def _explore_all(self, stages: Iterable[Stage]) -> None:
        for stage in stages:
            self._explore(stage)
            if self._stopped is not None:
                return
        if self._cut:
            self._stopped = "budget"

    def _explore(self, stage: Stage) -> None:
        """Explore one stage; its scope is kept however it ends."""
        complete = schedules = 0
        try:
            for program in stage.programs:
                if stage.share is not None and schedules >= stage.share * self._budget:
                    self._cut = True  # the rest of the budget is for other kinds of program
                    return
                if self._spent >= self._budget or self._out_of_time():
                    self._stopped = "budget" if self._spent >= self._budget else "time limit"
                    return
                before = self._known.get(program)
                known = self._runner.explore(program, stage.bound, self._budget - self._spent)
                schedules += known.schedules
                self._spent += known.schedules
                # A bound that an earlier stage completed is kept.
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

    def _sample(self, depth: int) -> None:
        """Run random schedules of the programs that were not fully explored."""
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

    def _sample_mixed(self, number: int, depth: int) -> None:
        """Run longer programs once each under random schedules, until something is found."""
        if self._stopped not in (None, "budget"):
            return
        for program in itertools.islice(mixed_programs(self._runner.seed), number):
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
