"""One fresh repository and the threads of one check, which never make their caller hang."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from jobsim.domain.marks import actor_name
from jobsim.domain.models import JobStatus
from jobsim.domain.text import exception_text
from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.history import History
from jobsim.proof.verdict_value import Call, Verdict
from jobsim.repository.adapt import ExceptionTypes, adapt, matcher
from jobsim.repository.recorded import RecordedRepository
from jobsim.tables.calls import calls_table
from jobsim.testing.conformance.ends import Enough, Escaped, FactoryFailed, Failed, what_it_did
from jobsim.testing.conformance.judgements import (
    call_of,
    refuse_backdated,
    refuse_foreign_texts,
    refuse_torn,
)
from jobsim.testing.conformance.players import RETRIES, RETRY_PAUSE_S, Notes, Player
from jobsim.testing.conformance.pressure import Hung, Pressure, Rounds, applied, together
from jobsim.threads.audit import Look, final_table, look, text_column
from jobsim.threads.perturb import Perturbation, PerturbedRepository

BUDGET_S = 1.0
"""The longest time for a race, and for its preparation, with a slow repository."""

FEWEST = 16
"""How many jobs are prepared at least."""

ACTORS = 8
"""How many threads race at a scale of one: more than the five slots of some semaphores."""

FEWEST_ACTORS = 4
"""How many threads race at least: most races need two writers and two readers."""

CLOSE_S = 5.0
"""How long a repository may take to close."""

Step = Callable[[Player], object]


@dataclass(frozen=True)
class Options:
    """The options for a repository under test; see `check_repository`."""

    illegal: ExceptionTypes = ()
    not_found: ExceptionTypes = ()
    retryable: ExceptionTypes = ()
    time_limit: float = 10.0
    scale: float = 1.0
    seed: int = 0
    instances: int = 1
    preemptions: int = 2
    turns: bool = True  # whether races run in turns, if possible


class Trial:
    """A fresh repository, its recorder, and what was found out about it.

    All methods are for one thread; only daemon threads call the repository.

    Parameters
    ----------
    factory
        Makes the repository.
    pressure
        The pressure of races; None for a check with one thread at a time.
    options
        As the user gave them.
    clock_ns
        Stamps the calls.
    share
        The share of the rounds that is played; given for a trial in turns. Then the caller controls
        the threads, and nothing else is done to make races likely.

    Attributes
    ----------
    repository
        What the factory made; the first instance if there are several over one store.
    notes
        What the players noted.
    """

    def __init__(
        self,
        factory: Callable[[], object],
        *,
        pressure: Pressure | None,
        options: Options,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        share: float | None = None,
    ) -> None:
        self.pressure = pressure
        self.options = options
        self.clock_ns = clock_ns
        self._share = share
        self._judgements: list[Callable[[], None]] = []
        self._time_limit = options.time_limit
        self._is_retryable = matcher("retryable", options.retryable)
        # Kept as they are made, so that `close` finds them even if a later one raises.
        self._made: list[Any] = []
        try:
            self._make(factory)
            self.repository = self._made[0]
            self.perturbation = Perturbation(self.repository, options.seed)
            self._faces = [
                PerturbedRepository(
                    adapt(made, illegal=options.illegal, not_found=options.not_found),
                    self.perturbation,
                )
                for made in self._made
            ]
        except BaseException:
            self.close()
            raise
        # The perturbation is inside the recorder, so its pauses count as time of the call.
        self.recorded = RecordedRepository(self._faces[0], clock_ns=clock_ns)
        self.notes = Notes()
        self._players: list[Player] = []
        # How many jobs the store held before; None until a count has succeeded.
        self._before: int | None = None

    @property
    def actors(self) -> int:
        """How many threads race."""
        # The square root, so that the number of pairs of threads grows with the scale.
        return max(FEWEST_ACTORS, round(ACTORS * math.sqrt(self.options.scale)))

    def scaled(self, number: int) -> int:
        """Return a number of rounds or jobs in proportion to the scale."""
        return max(2, round(number * self.options.scale * (self._share or 1.0)))

    def close(self) -> None:
        """Close every instance that can be closed: it may hold connections, files or threads."""
        for made in self._made:
            close = getattr(made, "close", None)
            if callable(close):
                # In a thread that can be left behind: closing may wait for a lock that is never
                # released.
                together([("close", partial(_call, close))], time_limit=CLOSE_S)

    def _make(self, factory: Callable[[], object]) -> None:
        """Call the factory, once for each instance, in a thread that may be left behind."""
        given_up = threading.Event()

        def make() -> None:
            """Call the factory in a thread that can be given up."""
            for _ in range(self.options.instances):
                try:
                    made = factory()
                except Exception as exc:
                    raise FactoryFailed(f"the factory raised {exception_text(exc)}") from exc
                self._made.append(made)
                if given_up.is_set():  # the trial has already failed
                    close = getattr(made, "close", None)
                    if callable(close):
                        close()
                    return

        try:
            together([("factory", make)], time_limit=self._time_limit)
        except Hung:
            # If the factory returns after all, its thread sees this and closes what it made.
            given_up.set()
            raise

    def alone(self, step: Step) -> None:
        """Let one player take a step, without pressure."""
        player = self.players(1)[0]
        together([(player.name, lambda: _discard(step(player)))], time_limit=self._time_limit)

    def turns(self, *steps: tuple[int, Step]) -> None:
        """Let players take steps in turn, each in a thread of its own, without pressure."""
        players = self.players(1 + max(number for number, _ in steps))
        rounds = [
            [step if number == turn else _pause for number in range(len(players))]
            for turn, step in steps
        ]
        self._play(rounds, None, meet=True)

    def race(self, rounds: Sequence[Sequence[Step]]) -> None:
        """Play the rounds under the trial's pressure, each step of a round by its own player."""
        self.count_before()
        pressure = self.pressure if self._share is None else None
        self._play(rounds, pressure, meet=self.pressure is not Pressure.THREADS)

    def create_jobs(self, number: int, *moves: JobStatus) -> list[str]:
        """Create jobs and move them, without pressure; return their ids.

        A slow repository gets fewer jobs, as its races are shorter.
        """
        # Written by the player's thread and read after it has ended, so it needs no lock.
        ids: list[str] = []
        # Limited by wall time: it is not known in advance how slow a repository is.
        end = time.monotonic() + BUDGET_S

        def step(player: Player) -> None:
            while len(ids) < number and (len(ids) < FEWEST or time.monotonic() < end):
                job = player.surely_create()
                if job is None:
                    return
                ids.append(job.job_id)
                for target in moves:
                    player.bring(job.job_id, target)

        self.count_before()
        self.alone(step)
        # A race on a job that could not be prepared would be about something else.
        if self.notes.raised:
            self.then(lambda: self._refuse_errors(calls_table(self.recorded)))
            raise Enough
        return ids

    def players(self, number: int) -> list[Player]:
        """Return the first players, the same ones each time."""
        while len(self._players) < number:
            number_of = len(self._players)
            # Players are dealt out over the instances, so that all of them are used.
            face = self._faces[number_of % len(self._faces)]
            recorder = self.recorded.actor(actor_name("actor", number_of), face)
            self._players.append(Player(self.notes, recorder, self._is_retryable))
        return self._players[:number]

    def last_calls(self) -> tuple[Call, ...]:
        """Return the last two calls of the history, for a failure without calls of its own."""
        calls = calls_table(self.recorded)
        history = History(calls)
        return tuple(history.call(row) for row in range(max(len(calls) - 2, 0), len(calls)))

    def then(self, judgement: Callable[[], None]) -> None:
        """Add a judgement for after the calls; it raises `Failed` if it finds something wrong."""
        self._judgements.append(judgement)

    def settle(self) -> None:
        """Run the judgements in the order in which they were added; they make no calls.

        Raises
        ------
        Failed
            If the history is not right.
        """
        for judgement in self._judgements:
            judgement()

    def judge(self) -> None:
        """Count the jobs and read each of them; the history is judged in `settle`."""
        self.alone(Player.count)
        # Threads append in order of answers, but the table is in order of numbers.
        created = sorted(self.notes.created, key=lambda pair: pair[0])
        looks: list[Look] = []

        def look_at_all(_player: Player) -> None:
            looks.extend(self._look(job.job_id) for _, job in created)

        self.alone(look_at_all)
        self.then(lambda: self._judge([number for number, _ in created], looks))

    def _judge(self, created: list[int], looks: list[Look]) -> None:
        """Raise `Failed` if the history is wrong, with the most likely cause."""
        calls = calls_table(self.recorded)
        verdict = self._verdict(calls, final_table(created, looks))
        # The verdict comes first, so that any failure can show it. An exception is often the cause,
        # so it is reported before violations, together with the verdict.
        self._refuse_errors(calls, verdict)
        if verdict.violations:
            first = verdict.violations[0]
            raise Failed(first.sentence, first.calls, verdict)
        if verdict.undecided:
            raise Failed(f"not decided: {verdict.undecided[0]}", verdict=verdict)
        refuse_torn(self.notes, calls)
        refuse_foreign_texts(self.notes, calls)
        refuse_backdated(self.notes, calls)

    def _look(self, job_id: str) -> Look:
        seen = look(self.recorded, job_id)
        # A database may refuse a read now and then, but the final read needs an answer.
        for _ in range(RETRIES if self.options.retryable != () else 0):
            if seen.outcome != "error":
                break
            time.sleep(RETRY_PAUSE_S)
            seen = look(self.recorded, job_id)
        return seen

    def _verdict(self, calls: pd.DataFrame, final: pd.DataFrame | None) -> Verdict:
        ids = {number: job.job_id for number, job in self.notes.created}
        known = int(calls["job"].max()) + 1 if len(calls) else 0
        return check_history(
            calls,
            final,
            count_before=self._before,
            created=pd.DataFrame({"job_id": text_column(ids)}).reindex(range(known)),
            engine_texts=True,
        )

    def count_before(self) -> int | None:
        """Return how many jobs there were before the check; None if count raised."""
        if self._before is None:
            self.alone(self._count_before)
            self._refuse_older_jobs()
        return self._before

    def _refuse_older_jobs(self) -> None:
        """Refuse turns on a store with jobs: trials in turns all draw the same ids."""
        if self._before and self._share is not None:
            raise Escaped("its jobs outlive it: a new one holds some")

    def _count_before(self, player: Player) -> None:
        for _ in range(RETRIES):
            self._before = player.count()
            if self._before is not None or self.notes.raised:
                return

    def _play(
        self, rounds: Sequence[Sequence[Step]], pressure: Pressure | None, *, meet: bool
    ) -> None:
        """Let each player play its steps of all rounds in a thread of its own; wait for all."""
        players = self.players(max(len(steps) for steps in rounds))
        # At most half the limit, so that the race with a slow repository ends before it counts as
        # hanging.
        beat = Rounds(len(players), min(BUDGET_S, self._time_limit / 2), meet=meet)
        # No round begins before all threads have started: starting one takes longer than a call,
        # and the first thread would play its rounds alone.
        ready = threading.Barrier(len(players))

        def part(player: Player, number: int) -> Callable[[], None]:
            """Return one player's part: rounds that begin together."""

            def play() -> None:
                with suppress(threading.BrokenBarrierError):  # another thread could not be started
                    ready.wait()
                for steps in rounds:
                    if not beat.begin():
                        return
                    if number < len(steps):
                        steps[number](player)

            return play

        def abort() -> None:
            ready.abort()
            beat.abort()

        with applied(pressure, self.perturbation):
            together(
                [(player.name, part(player, number)) for number, player in enumerate(players)],
                time_limit=self._time_limit,
                abort=abort,
            )

    def _refuse_errors(self, calls: pd.DataFrame, verdict: Verdict | None = None) -> None:
        for actor, row, exc in self.notes.raised[:1]:
            call = call_of(calls, actor, row)
            verdict = self._verdict(calls, None) if verdict is None else verdict
            raise Failed(f"{call.name} {what_it_did(exc)}", (call,), verdict) from exc


def _pause(_player: Player) -> None:
    """Do nothing: it is another player's turn."""


def _call(function: Callable[[], object]) -> None:
    function()


def _discard(_value: object) -> None:
    """Drop the value that a step returns."""
