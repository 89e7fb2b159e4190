"""One fresh repository, put through one check by threads that never hang their caller."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NoReturn

import pandas as pd

from jobsim.domain.marks import INPUT_HASH, end_texts
from jobsim.domain.models import Job, JobStatus
from jobsim.proof.check import check_history
from jobsim.proof.history import History
from jobsim.proof.verdict import Call, Verdict
from jobsim.repository.adapt import ExceptionTypes, adapt
from jobsim.repository.recorded import ActorRecorder, RecordedRepository
from jobsim.tables.calls import calls_table
from jobsim.testing.pressure import Pressure, Rounds, applied, together
from jobsim.threads.audit import Look, final_table, look
from jobsim.threads.perturb import Perturbation, PerturbedRepository

BUDGET_S = 1.0
"""How long one race goes on at most, and its preparation, should its repository be slow."""

FEWEST = 16
"""Jobs that are prepared in any case."""


class Failed(Exception):  # noqa: N818 - a finding, not a fault
    """A check has failed: one sentence, the calls that prove it, the verdict if there is one."""

    def __init__(
        self, sentence: str, calls: tuple[Call, ...] = (), verdict: Verdict | None = None
    ) -> None:
        super().__init__(sentence, calls, verdict)
        self.sentence, self.calls, self.verdict = sentence, calls, verdict


class Skipped(Exception):  # noqa: N818 - a finding, not a fault
    """A check does not apply to this repository, and why."""


class Player:
    """One thread's hand in a check. Every call is recorded.

    What the repository raises is in the history, and the player goes on; an answer that tears a
    status from its texts is noted in the trial.
    """

    def __init__(self, trial: Trial, recorder: ActorRecorder) -> None:
        self.name = recorder.name
        self.recorder = recorder
        self._trial = trial

    def create(self) -> Job | None:
        """Create the next job; None if the repository raised."""
        number = next(self._trial.numbers)
        self.recorder.next_job = number
        job: Job | None = self._attempt(self.recorder.create, INPUT_HASH.format(request=number))
        if job is not None:
            self._trial.created.append((number, job))
        return job

    def get(self, job_id: str) -> Job | None:
        """Get a job; None if the repository raised."""
        return self._see(self._attempt(self.recorder.get, job_id))

    def move(self, job_id: str, target: JobStatus) -> Job | None:
        """Ask for a transition, with the text that its end should bring; None if it raised."""
        result, error = end_texts(target, self.name)
        update = self.recorder.update_status
        job = self._see(self._attempt(update, job_id, target, result=result, error=error))
        if job is not None and isinstance(job.updated_at, datetime):
            self._trial.accepted.append((job_id, target, job.updated_at))
        return job

    def count(self) -> int | None:
        """Count the jobs; None if the repository raised."""
        count: int | None = self._attempt(self.recorder.count)
        return count

    def _attempt(self, call: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        try:
            return call(*args, **kwargs)
        except BaseException as exc:
            if not self.recorder.noted(exc):
                raise
            return None

    def _see(self, job: Job | None) -> Job | None:
        if job is not None and _is_torn(job):
            row = len(self.recorder.history().rows) - 1
            self._trial.torn.append((self.name, row, job))
        return job


Step = Callable[[Player], object]


class Trial:
    """A fresh repository, its recorder, and what was learnt of it.

    All methods are for one thread; the repository is only touched by daemon threads.

    Attributes
    ----------
    repository
        What the factory made.
    created
        Number and first answer of every job; players append, atomically.
    accepted
        Id, target and `updated_at` of every accepted transition, likewise.
    torn
        Player, row and answer where a status and its texts do not fit.
    """

    def __init__(
        self,
        factory: Callable[[], object],
        *,
        illegal: ExceptionTypes,
        not_found: ExceptionTypes,
        time_limit: float,
        pressure: Pressure | None,
        seed: int,
    ) -> None:
        self.pressure = pressure
        self.seed = seed
        self._time_limit = time_limit
        made: list[Any] = []
        together([("factory", lambda: made.append(factory()))], time_limit=time_limit)
        self.repository = made[0]
        self.perturbation = Perturbation(self.repository, seed)
        face = PerturbedRepository(
            adapt(self.repository, illegal=illegal, not_found=not_found), self.perturbation
        )
        self.recorded = RecordedRepository(face)
        self.numbers = itertools.count()
        self.created: list[tuple[int, Job]] = []
        self.accepted: list[tuple[str, JobStatus, Any]] = []
        self.torn: list[tuple[str, int, Job]] = []
        self._players: list[Player] = []
        self._before: int | None = None

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
        """Let one player a step take each round at once, under the trial's pressure."""
        if self._before is None:
            self.alone(self._count_before)
        self._play(rounds, self.pressure, meet=self.pressure is not Pressure.THREADS)

    def create_jobs(self, number: int, *moves: JobStatus) -> list[str]:
        """Create jobs and move them, without pressure; return their ids.

        A slow repository gets fewer, in proportion to its races.
        """
        ids: list[str] = []
        end = time.monotonic() + BUDGET_S

        def step(player: Player) -> None:
            while len(ids) < number and (len(ids) < FEWEST or time.monotonic() < end):
                job = player.create()
                if job is None:
                    return
                ids.append(job.job_id)
                for target in moves:
                    player.move(job.job_id, target)

        if self._before is None:
            self.alone(self._count_before)
        self.alone(step)
        self._refuse_errors(calls_table(self.recorded))
        return ids

    def players(self, number: int) -> list[Player]:
        """Return the first players, the same ones each time."""
        while len(self._players) < number:
            recorder = self.recorded.actor(f"actor-{len(self._players)}")
            self._players.append(Player(self, recorder))
        return self._players[:number]

    def last_calls(self) -> tuple[Call, ...]:
        """Return the last two calls of the history, for a failure that speaks of them."""
        calls = calls_table(self.recorded)
        history = History(calls)
        return tuple(history.call(row) for row in range(max(len(calls) - 2, 0), len(calls)))

    def judge(self) -> None:
        """Count, look at every job once more, raise `Failed` if the history is not right."""
        self.alone(Player.count)
        calls = calls_table(self.recorded)
        self._refuse_errors(calls)
        created = sorted(self.created, key=lambda pair: pair[0])
        looks: list[Look] = []

        def look_at_all(_player: Player) -> None:
            looks.extend(look(self.recorded, job.job_id) for _, job in created)

        self.alone(look_at_all)
        jobs = pd.DataFrame(
            {"job_id": pd.Series({number: job.job_id for number, job in created}, dtype="str")}
        ).reindex(range(next(self.numbers)))
        verdict = check_history(
            calls,
            final_table([number for number, _ in created], looks),
            count_before=self._before,
            created=jobs,
            engine_texts=True,
        )
        if verdict.violations:
            first = verdict.violations[0]
            raise Failed(first.sentence, first.calls, verdict)
        if verdict.undecided:
            raise Failed(f"not decided: {verdict.undecided[0]}", verdict=verdict)
        self._refuse_torn(calls)
        self._refuse_backdated(calls)

    def _count_before(self, player: Player) -> None:
        self._before = player.count()

    def _play(
        self, rounds: Sequence[Sequence[Step]], pressure: Pressure | None, *, meet: bool
    ) -> None:
        players = self.players(max(len(steps) for steps in rounds))
        beat = Rounds(len(players), min(BUDGET_S, self._time_limit / 2), meet=meet)
        ready = threading.Barrier(len(players))

        def part(player: Player, number: int) -> Callable[[], None]:
            def play() -> None:
                with suppress(threading.BrokenBarrierError):  # another could not be started
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

    def _refuse_errors(self, calls: pd.DataFrame) -> None:
        rows = calls.index[calls["outcome"] == "error"]
        if len(rows):
            call = History(calls).call(int(rows[0]))
            raise Failed(f"{call.name} raised {calls['error'][rows[0]]}", (call,))

    def _refuse_torn(self, calls: pd.DataFrame) -> None:
        for actor, row, job in self.torn:
            call = History(calls).call(int(calls.index[calls["actor"] == actor][row]))
            raise Failed(
                f"{call.name} {call.answer} with result {job.result!r:.200} "
                f"and error {job.error!r:.200}: "
                "a status and its text are written at one instant",
                (call,),
            )

    def _refuse_backdated(self, calls: pd.DataFrame) -> None:
        number_of = {job.job_id: number for number, job in self.created}
        running = {
            job_id: at for job_id, target, at in self.accepted if target is JobStatus.RUNNING
        }
        for job_id, target, at in self.accepted:
            if target is JobStatus.RUNNING or job_id not in running or at >= running[job_id]:
                continue
            wrote = (
                (calls["job"] == number_of[job_id])
                & (calls["outcome"] == "ok")
                & calls["target"].isin([JobStatus.RUNNING.value, target.value])
                & (calls["op"] == "update_status")
            )
            history = History(calls)
            raise Failed(
                f"job {number_of[job_id]}: {target.value} came after running, but its updated_at "
                f"lies {running[job_id] - at} before",
                tuple(history.call(int(row)) for row in calls.index[wrote]),
            )


def fail(sentence: str) -> NoReturn:
    """End a check with a sentence on the calls that were made last."""
    raise Failed(sentence)


def _is_torn(job: Job) -> bool:
    has = (job.result is not None, job.error is not None)
    wanted = {JobStatus.COMPLETED: (True, False), JobStatus.FAILED: (False, True)}
    return has != wanted.get(job.status, (False, False))


def _pause(_player: Player) -> None:
    """Let another player have this turn."""


def _discard(_value: object) -> None:
    """Make any step one that returns nothing."""
