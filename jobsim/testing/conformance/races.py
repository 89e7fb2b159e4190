"""The checks with many threads at once; each check has the name of its function.

Each check makes threads meet in the repository and then judges the recorded history: it must be
linearizable, ids must be unique, counts within bounds, identifiers and times correct, nothing may
have raised or been lost, and the texts must be those of the winners.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobsim.domain import codes
from jobsim.domain.models import Job, JobStatus
from jobsim.proof import roles
from jobsim.proof.history import History
from jobsim.proof.verdict_value import Call
from jobsim.tables.calls import calls_table
from jobsim.testing.conformance.ends import Failed, Skipped, fail, what_it_did
from jobsim.testing.conformance.players import Player
from jobsim.testing.conformance.trial import Step, Trial

AWAITING, RUNNING, COMPLETED, FAILED = JobStatus

ROUNDS = 100
"""How many rounds a check has at a scale of one."""

MANY_JOBS = 3_200
"""How many jobs `many_jobs` creates at a scale of one."""

_NEVER = np.iinfo(np.int64).max


def concurrent_creates(trial: Trial) -> None:
    """Require that concurrent creates lose no job, and give each an id of its own."""

    def step(player: Player) -> None:
        job = player.create()
        if job is not None:
            player.get(job.job_id)

    trial.race([[step] * trial.actors] * trial.scaled(ROUNDS))
    trial.judge()


def counts_during_creates(trial: Trial) -> None:
    """Require that count includes every create that has returned, and none that has not begun."""

    def create(player: Player) -> None:
        # Several creates, to make it likely that two of them update a counter at once.
        for _ in range(3):
            player.create()
        player.count()

    def count(player: Player) -> None:
        for _ in range(3):
            player.count()

    # A quarter of the threads count: enough to read in between, few enough that creates still race.
    counting = trial.actors // 4
    steps = [create] * (trial.actors - counting) + [count] * counting
    trial.race([steps] * trial.scaled(ROUNDS))
    trial.judge()


def one_start_wins(trial: Trial) -> None:
    """Require that of threads that ask for RUNNING at once, exactly one succeeds."""
    jobs = trial.create_jobs(trial.scaled(ROUNDS))
    # Winners and losers read afterwards: a lost update may show in the reads alone.
    trial.race([[_move(job, RUNNING, look=True)] * trial.actors for job in jobs])
    trial.judge()


def one_end_wins(trial: Trial) -> None:
    """Require that of COMPLETED and FAILED at once exactly one succeeds, and its text is kept."""
    jobs = trial.create_jobs(trial.scaled(ROUNDS), RUNNING)
    ends = [_ENDS[number % 2] for number in range(trial.actors)]
    trial.race([[_move(job, end, look=True) for end in ends] for job in jobs])
    trial.judge()


def reads_during_writes(trial: Trial) -> None:
    """Require that reads during writes find the job, whole, and never go back."""
    jobs = trial.create_jobs(trial.scaled(ROUNDS))

    def write(job: str) -> Step:
        def step(player: Player) -> None:
            # Some moves are illegal: if a refusal writes something, the reads show it.
            for target in (COMPLETED, RUNNING, AWAITING, COMPLETED, FAILED, RUNNING):
                player.move(job, target)

        return step

    def read(job: str) -> Step:
        def step(player: Player) -> None:
            for _ in range(6):
                player.get(job)

        return step

    trial.race([[write(job), *[read(job)] * (trial.actors - 1)] for job in jobs])
    trial.judge()


def writes_to_different_jobs(trial: Trial) -> None:
    """Require that writes to different jobs at once are all kept."""
    jobs = trial.create_jobs(trial.scaled(ROUNDS) * trial.actors // 2)

    def step(job: str, end: JobStatus) -> Step:
        def work(player: Player) -> None:
            player.move(job, RUNNING)
            player.get(job)
            player.move(job, end)
            player.get(job)

        return work

    # The same iterator several times, so that `zip` makes groups; an incomplete one is left out.
    rounds = zip(*[iter(jobs)] * trial.actors, strict=False)
    trial.race([[step(job, _ENDS[n % 2]) for n, job in enumerate(some)] for some in rounds])
    trial.judge()


def many_jobs(trial: Trial) -> None:
    """Require that of thousands of jobs none is lost, and each ends in the status asked for."""
    # No two threads use the same job: this finds a table, cache or counter that is too small.
    each = 10

    def step(player: Player) -> None:
        jobs = [job for job in (player.create() for _ in range(each)) if job is not None]
        for number, job in enumerate(jobs):
            player.move(job.job_id, RUNNING)
            player.move(job.job_id, _ENDS[number % 2])

    rounds = trial.scaled(MANY_JOBS) // (each * trial.actors)
    trial.race([[step] * trial.actors] * max(1, rounds))
    trial.judge()


_ENDS = (COMPLETED, FAILED)


def linearizable(trial: Trial) -> None:
    """Require that concurrent calls, legal and illegal, are answered as if made one at a time."""
    jobs = trial.create_jobs(2 * trial.scaled(ROUNDS))
    rng = random.Random(trial.options.seed)  # noqa: S311 - no secret
    # Weighted towards calls that can succeed: reads, starts, and a few creates.
    menu = (
        *["get"] * 4,
        "create",
        "count",
        AWAITING,
        *[RUNNING] * 3,
        *[COMPLETED] * 2,
        *[FAILED] * 2,
    )

    def steps(some: list[str]) -> Step:
        """Draw the calls in advance, so that threads spend their time in calls only."""
        order = [(rng.choice(menu), rng.choice(some)) for _ in range(6)]

        def step(player: Player) -> None:
            for what, job in order:
                if isinstance(what, JobStatus):
                    player.move(job, what)
                elif what == "get":
                    player.get(job)
                elif what == "create":
                    player.create()
                else:
                    player.count()

        return step

    pairs = [jobs[at : at + 2] for at in range(0, len(jobs), 2)]
    trial.race([[steps(pair) for _ in range(trial.actors)] for pair in pairs])
    trial.judge()


def snapshot_is_one_instant(trial: Trial) -> None:
    """Require that a snapshot, where offered, shows all jobs as they stood at one instant."""
    snapshot = getattr(trial.repository, "snapshot", None)
    if not callable(snapshot):
        raise Skipped("this repository offers no snapshot()")
    # Threads append atomically; it is read when all have ended.
    taken: list[tuple[int, int, str, dict[str, int]]] = []
    before: set[str] = set()

    def take_first(_player: Player) -> None:
        before.update(_taken(trial, snapshot)[2])

    def take(player: Player) -> None:
        for _ in range(3):
            begun, over, statuses = _taken(trial, snapshot)
            # Jobs of earlier runs have no calls in the history, so they cannot be judged.
            shown = {job: status for job, status in statuses.items() if job not in before}
            taken.append((begun, over, player.name, shown))

    def write(first: str, second: str) -> Step:
        def step(player: Player) -> None:
            for job in (first, second):
                player.move(job, RUNNING)
            player.create()
            for job in (second, first):
                player.move(job, COMPLETED)

        return step

    if trial.count_before():  # a database may have held jobs before this check
        trial.alone(take_first)
    jobs = trial.create_jobs(trial.scaled(ROUNDS))
    # Pairs are far apart in the table and written in either order, so that a snapshot which is read
    # job by job is torn between them.
    half = len(jobs) // 2
    pairs = zip(jobs[:half], jobs[half:], strict=False)
    trial.race(
        [
            [write(*(pair if number % 2 else pair[::-1])), take, take]
            for number, pair in enumerate(pairs)
        ]
    )
    trial.judge()
    trial.then(lambda: _judge_snapshots(trial, taken))


def _taken(trial: Trial, snapshot: Callable[[], Any]) -> tuple[int, int, dict[str, int]]:
    """Return when a snapshot was invoked and returned, and the status of each job in it."""
    begun = trial.clock_ns()
    try:
        answer = trial.perturbation.call(snapshot)
    except Exception as exc:
        raise Failed(f"snapshot() {what_it_did(exc)}") from exc
    return begun, trial.clock_ns(), _statuses(answer)


def _judge_snapshots(trial: Trial, taken: Iterable[tuple[int, int, str, dict[str, int]]]) -> None:
    """Raise `Failed` if no instant within a snapshot's call explains everything that it shows.

    A state begins no earlier than the invocation of its writer, and ends no later than the return
    of the next writer.
    """
    calls = calls_table(trial.recorded)
    history = History(calls)
    number_of = {job.job_id: number for number, job in trial.notes.created}
    # A state that was not written never begins, so a snapshot that shows it fails.
    begun = np.full((4, history.jobs), _NEVER)
    over = np.full((4, history.jobs), _NEVER)  # when a state is certainly over; row 3: absence
    begun_row = np.zeros((4, history.jobs), np.int64)
    over_row = np.zeros((4, history.jobs), np.int64)
    for state in range(len(codes.STATUSES)):
        rows = history.rows(roles.WRITES, state)
        job = history.job[rows]
        begun[state, job], begun_row[state, job] = history.invoked[rows], rows
        # A write ends the previous state, which cannot be seen after the write has returned.
        before = roles.STEP[state] - 1
        over[before, job], over_row[before, job] = history.returned[rows], rows
    # Each snapshot is judged alone. Whether several agree with one order is not checked.
    for invoked, returned, actor, statuses in taken:
        unknown = [job_id for job_id in statuses if job_id not in number_of]
        if unknown:
            fail(f"{actor}'s snapshot shows a job {unknown[0]!r} that nobody created")
        # -1, the last row, stands for absence.
        seen = np.full(history.jobs, -1)
        for job_id, status in statuses.items():
            seen[number_of[job_id]] = status
        first, lower = _latest(begun, seen)
        last, upper = _earliest(over, seen)
        # Closed intervals: two calls at the same nanosecond may have come in either order.
        if max(lower, invoked) <= min(upper, returned):
            continue
        proof = []
        if lower > min(upper, returned):
            proof.append(history.call(int(begun_row[seen[first], first])))
        if upper < max(lower, invoked):
            proof.append(history.call(int(over_row[seen[last], last])))
        raise Failed(
            _torn_sentence(history, actor, (invoked, returned), proof, lower), tuple(proof)
        )


def _latest(begun: NDArray[np.int64], seen: NDArray[np.int64]) -> tuple[int, int]:
    shown = np.flatnonzero(seen >= 0)
    # The instant of the snapshot is after the last write that it shows.
    moments = begun[seen[shown], shown]
    at = int(np.argmax(moments)) if len(moments) else -1
    return (int(shown[at]), int(moments[at])) if len(moments) else (0, 0)


def _earliest(over: NDArray[np.int64], seen: NDArray[np.int64]) -> tuple[int, int]:
    open_jobs = np.flatnonzero(seen < codes.COMPLETED)
    # And before the first write that it does not show.
    moments = over[seen[open_jobs], open_jobs]  # absence is the last row
    at = int(np.argmin(moments)) if len(moments) else -1
    return (int(open_jobs[at]), int(moments[at])) if len(moments) else (0, _NEVER)


def _torn_sentence(
    history: History, actor: str, interval: tuple[int, int], proof: list[Call], lower: int
) -> str:
    """Return the sentence for the reason, one of four, why no instant explains a snapshot."""
    when = f"between {history.at(interval[0])} and {history.at(interval[1])}"
    if lower == _NEVER:
        return f"{actor}'s snapshot, taken {when}, shows a state that nobody wrote"
    shown = [f"{call.name} of job {call.job}" for call in proof]
    if len(proof) == 2:
        return (
            f"{actor}'s snapshot, taken {when}, shows what {shown[0]} wrote, but not what "
            f"{shown[1]} had written before: no instant has both"
        )
    if proof[0].invoked_ns > interval[1]:
        return f"{actor}'s snapshot, taken {when}, shows what {shown[0]} wrote only later"
    return f"{actor}'s snapshot, taken {when}, does not show what {shown[0]} had written before"


def _statuses(answer: Any) -> dict[str, int]:
    try:
        jobs: list[Job] = list(answer.values() if isinstance(answer, Mapping) else answer)
        statuses = {job.job_id: codes.NUMBER_OF[job.status] for job in jobs}
    except (AttributeError, KeyError, TypeError) as exc:
        fail(f"snapshot() answered {answer!r:.100}, which lists no jobs ({exc!r})")
    if len(statuses) < len(jobs):
        fail(f"snapshot() shows {len(jobs)} jobs, but only {len(statuses)} ids")
    return statuses


def _move(job: str, target: JobStatus, *, look: bool) -> Callable[[Player], None]:
    def step(player: Player) -> None:
        player.move(job, target)
        if look:
            player.get(job)

    return step
