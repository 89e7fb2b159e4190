"""Runs one program under one schedule after another, and keeps what is known about it."""

from __future__ import annotations

import contextlib
import gc
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from jobsim.repository.adapt import ExceptionTypes
from jobsim.testing.explore.explain import Recording, answer_text, call_text
from jobsim.testing.explore.judge import Judge
from jobsim.testing.explore.pct import Pct
from jobsim.testing.explore.play import Answers, Play, thread_name
from jobsim.testing.explore.programs import Program
from jobsim.testing.explore.search import (
    Decision,
    Deviations,
    NotRepeatable,
    Planned,
    check_repeats,
    children,
    preemptions,
)
from jobsim.turns import debugger
from jobsim.turns.control import Control, ControlError, End

COLLECT = 400
"""The number of runs after which garbage is collected, between runs."""

_Item = tuple[int, Deviations, "list[Decision] | None"]


@dataclass
class Ran:
    """One run of a program: its schedule, its answers, and how it ended."""

    program: Program
    deviations: Deviations
    trace: list[Decision]
    answers: Answers
    end: End
    preemptions: int = 0

    @classmethod
    def planned(cls, program: Program, deviations: Deviations) -> Ran:
        """Return a run that is still to be made."""
        return cls(program, deviations, [], Answers(), End())

    def history_text(self) -> tuple[tuple[int, int, str, str], ...]:
        """Return the calls in order of their returns, each with its answer, as text."""
        return tuple(
            (
                invoked,
                returned,
                f"{thread_name(step[2])}: {call_text(step)}",
                answer_text(step, answer),
            )
            for invoked, returned, step, answer in self.answers.history
        )

    @property
    def rule(self) -> str | None:
        """The rule that the run breaks whatever its answers; None if it ended well."""
        if self.end.deadlock is not None:
            return "deadlock"
        if self.end.stopped == "hang":
            return "hang"
        if self.answers.raised or self.end.errors:
            return "error"
        if self.answers.repeated is not None:
            return "unique_ids"
        return None


@dataclass
class Explored:
    """What is known about one program.

    Attributes
    ----------
    bound
        All schedules with at most this many preemptions were run; -1 if not even those with none.
    schedules, sampled
        How many schedules were run systematically, and how many at random.
    points
        The largest number of points of a run.
    histories
        How many distinct histories were seen.
    finding
        The run that breaks a rule, if one does.
    uncontrolled
        Why the schedules prove nothing; None if they do.
    left
        How many known schedules were not run.
    """

    program: Program
    bound: int = -1
    schedules: int = 0
    sampled: int = 0
    points: int = 0
    histories: int = 0
    finding: Ran | None = None
    uncontrolled: str | None = None
    left: int = 0
    done_at: dict[int, int] = field(default_factory=dict)  # schedules by completed bound


class Runner:
    """Runs programs on repositories of one factory, under one control.

    Parameters
    ----------
    factory
        Makes a fresh repository.
    seed
        Of what the repository draws, and of random schedules.
    illegal, not_found, retryable
        As for `check_repository`.
    """

    def __init__(
        self,
        factory: Callable[[], Any],
        *,
        seed: int = 0,
        illegal: ExceptionTypes = (),
        not_found: ExceptionTypes = (),
        retryable: ExceptionTypes = (),
    ) -> None:
        self.factory = factory
        self.seed = seed
        self._mapping: dict[str, ExceptionTypes] = {
            "illegal": illegal,
            "not_found": not_found,
            "retryable": retryable,
        }
        self.prunes = True  # tests compare results with and without pruning
        self.runs = 0
        self._snapshots = False
        self.out_of_time: Callable[[], bool] = lambda: False
        self._control: Control | None = None

    @contextlib.contextmanager
    def control(self) -> Iterator[Runner]:
        """Have control of turns while programs are run."""
        with Control(seed=self.seed, keep_threads=True) as control:
            self._control = control
            try:
                # The first run imports modules and fills caches, unlike any other.
                first = self.play(Program([["create"], ["get"]]))
                self.run(first, ())
                self._snapshots = first.offers_snapshot
                self._try_again(control, first)
                yield self
            finally:
                self._control = None

    def _try_again(self, control: Control, play: Play) -> None:
        """Make another repository; use new draws for each run if its ids are already taken."""
        try:
            raised = self.run(play, ()).answers.raised
        except ControlError:
            raise
        except Exception:  # noqa: BLE001 - whatever a store raises for an id that it has
            control.same_draws = False
            raised = self.run(play, ()).answers.raised
        if raised and control.same_draws:
            control.same_draws = False

    def open_debugger(self, frame: FrameType) -> None:
        """Open the debugger where a controlled thread stands."""
        assert self._control is not None  # noqa: S101 - inside `control`
        debugger.stop(self._control.points, frame)

    def play(self, program: Program) -> Play:
        """Return how to run a program."""
        return Play(program, **self._mapping)

    @property
    def snapshots(self) -> bool:
        """Whether the repository offers a snapshot."""
        return self._snapshots

    @property
    def stuck(self) -> tuple[str, ...]:
        """Locks that control could not reach."""
        return self._control.stuck if self._control is not None else ()

    def run(
        self,
        play: Play,
        deviations: Deviations,
        schedule: Planned | None = None,
        recorder: Recording | None = None,
    ) -> Ran:
        """Run a program once."""
        assert self._control is not None  # noqa: S101 - inside `control`
        plan = schedule or Planned(deviations, prunes=self.prunes)
        answers = play.set_up(self._control, self.factory)
        if recorder is not None:
            recorder.world = self._control.world
        end = self._control.run(plan, recorder=recorder)
        self.runs += 1
        if self.runs % COLLECT == 0:
            gc.collect(1)  # garbage of runs is young, and the caller's heap may be large
        if plan.refused is not None and not end.outside:
            raise plan.refused
        made = Ran(play.program, deviations, plan.trace, answers, end)
        if plan.left is not None and not end.outside and made.rule is None:
            raise NotRepeatable(plan.left[0], f"decision {plan.left[0]} was not reached")
        return made

    def explore(self, program: Program, bound: int, budget: int) -> Explored:
        """Run a program under all schedules with at most `bound` preemptions, fewest first.

        Runs at most `budget` schedules, and stops at the first that breaks a rule.
        """
        play, known = self.play(program), Explored(program)
        first = self._repeats(play, known)
        if first is None:
            return known
        judge = Judge(first.answers.start)
        # One queue per number of preemptions, so that all with fewer come first.
        levels: list[deque[_Item]] = [deque() for _ in range(bound + 1)]
        try:
            self._take_in(known, judge, first, (0, (), None), levels)
            for level, items in enumerate(levels):
                while items and known.finding is None:
                    if known.schedules >= budget or self.out_of_time():
                        known.left = sum(map(len, levels))
                        return known
                    # First in, first out: early deviations are the easiest to explain.
                    item = items.popleft()
                    self._take_in(known, judge, self.run(play, item[1]), item, levels)
                if known.finding is not None or known.uncontrolled is not None:
                    return known
                known.bound = level
                known.done_at[level] = known.schedules
        except NotRepeatable as refused:
            known.uncontrolled = f"not repeatable: {refused.text}"
        return known

    def _take_in(
        self, known: Explored, judge: Judge, ran: Ran, item: _Item, levels: list[deque[_Item]]
    ) -> None:
        """Judge a run, and add the runs that deviate once more from it."""
        spent, deviations, parent = item
        known.schedules += 1
        known.points = max(known.points, ran.end.points)
        ran.preemptions = spent
        if ran.end.outside:
            thread, where = ran.end.outside[0]
            known.uncontrolled = f"{thread} blocked where control does not reach, at {where}"
        elif parent is not None:
            # Up to its last deviation a run must repeat its parent. Otherwise schedules could be
            # missed or run twice.
            check_repeats(ran.trace, parent, deviations[-1][0])
        if ran.rule is not None or not judge.holds(ran.answers.history):
            known.finding = ran
        known.histories = len(judge.seen)
        bound = len(levels) - 1
        for cost, deeper in children(ran.trace, deviations, spent=spent, bound=bound):
            levels[cost].append((cost, deeper, ran.trace))

    def _repeats(self, play: Play, known: Explored) -> Ran | None:
        """Run a program twice without preemption; return one run if they are the same."""
        # Two equal runs do not prove determinism, but two different ones refute it.
        first, again = self.run(play, ()), self.run(play, ())
        if (first.trace, first.answers.history) != (again.trace, again.answers.history):
            known.uncontrolled = (
                "not repeatable: two runs of the same schedule differ; look for state that "
                "outlives a repository, such as a cache or a class's dictionary"
            )
            return None
        if first.end.points == 0:
            known.uncontrolled = "no instruction of the repository's own code was seen"
            return None
        return again

    def sample(self, known: Explored, runs: int, depth: int) -> None:
        """Run a program under random schedules (PCT), at most `runs`, until one breaks a rule."""
        play = self.play(known.program)
        # Seeded per program, so that the draws do not depend on earlier programs.
        draw = random.Random(f"{self.seed} {known.program}")  # noqa: S311 - no secret
        judge: Judge | None = None
        for _ in range(runs):
            # Only between runs: a run that is cut off proves nothing.
            if self.out_of_time():
                return
            schedule = Pct(draw.getrandbits(32), points=max(known.points, 20), depth=depth)
            ran = self.run(play, (), schedule)
            known.sampled += 1
            known.points = max(known.points, ran.end.points)
            # One judge for all runs, since it remembers the histories that it has judged.
            judge = judge or Judge(ran.answers.start)
            if ran.rule is not None or not judge.holds(ran.answers.history):
                ran.deviations = schedule.deviations
                ran.preemptions = preemptions(ran.trace, ran.deviations)
                known.finding = ran
                return
