"""The checks with one thread at a time; each check has the name of its function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from jobsim.domain.exceptions import InvalidStateTransitionError, JobNotFoundError
from jobsim.domain.marks import INPUT_HASH
from jobsim.domain.models import LEGAL_TRANSITIONS, JobStatus
from jobsim.testing.conformance.answers import (
    AWAITING,
    COMPLETED,
    FAILED,
    RUNNING,
    answer,
    brought_to,
    created,
    fields_of,
    got,
    one_in_each_state,
    refuses,
    require_same,
)
from jobsim.testing.conformance.ends import fail
from jobsim.testing.conformance.players import Player
from jobsim.testing.conformance.trial import Trial

NOWHERE = "no-such-job"
LONG_TEXT = 100_000


def create_awaits_payment(trial: Trial) -> None:
    """Require that a created job awaits payment, with its input hash and without a result."""

    def step(player: Player) -> None:
        """Check every field of a new job, since later checks rely on them."""
        job = created(player)
        require_same(
            "create", job, status=AWAITING, input_hash=_hash(trial), result=None, error=None
        )
        for name in ("job_id", "blockchain_identifier"):
            if not (isinstance(getattr(job, name), str) and getattr(job, name)):
                fail(f"create answered {name} {getattr(job, name)!r}; give every job one")
        if job.updated_at < job.created_at:
            fail(f"create answered updated_at {job.updated_at}, before {job.created_at}")
        # Times without a zone cannot be compared with those of another machine.
        if job.created_at.utcoffset() is None:
            fail(f"create answered created_at {job.created_at}, which has no time zone; use UTC")

    trial.alone(step)


def get_answers_what_create_did(trial: Trial) -> None:
    """Require that a get of a new job answers what its create answered."""

    def step(player: Player) -> None:
        # Several before the first read: a faulty repository may always answer its latest job.
        jobs = [created(player) for _ in range(5)]
        for job in jobs:
            require_same("get", got(player, job.job_id), **fields_of(job))

    trial.alone(step)


def ids_are_unique(trial: Trial) -> None:
    """Require that two jobs never share an id, even with the same input hash."""

    def step(player: Player) -> None:
        """Create jobs with the same input hash, which must not determine the id."""
        before = answer(player, player.recorder.count)
        player.recorder.next_job = None
        # The same hash: a repository that uses it as a key gives all jobs the same id.
        jobs = [answer(player, player.recorder.create, "a" * 64) for _ in range(20)]
        # One thread, so that a clash is not due to a race but to the way in which ids are made.
        if len({job.job_id for job in jobs}) < len(jobs):
            fail("two of 20 jobs were given the same id")
        count = answer(player, player.recorder.count)
        if count != before + len(jobs):
            fail(f"count answered {count} after {len(jobs)} creates, {before} before them")

    trial.alone(step)


def unknown_id_is_not_found(trial: Trial) -> None:
    """Require that an unknown id is not found, by get and by update_status, and creates nothing."""

    def step(player: Player) -> None:
        """Try each call, with every target, on an id that nobody was given."""
        job = created(player)
        count = answer(player, player.recorder.count)
        # Also with a target that is never legal: a repository must look for the job first.
        for target in JobStatus:
            refuses(player, JobNotFoundError, player.recorder.update_status, NOWHERE, target)
            refuses(player, JobNotFoundError, player.recorder.get, NOWHERE)
        if answer(player, player.recorder.count) != count:
            fail("count is another after calls with an unknown id")
        require_same("get", got(player, job.job_id), **fields_of(job))

    trial.alone(step)


def sixteen_transitions(trial: Trial) -> None:
    """Require that of all sixteen transitions only the three legal ones succeed."""

    def step(player: Player) -> None:
        """Try each pair of statuses on a job of its own."""
        for source, target in product(JobStatus, repeat=2):
            job_id = brought_to(player, source)
            if target in LEGAL_TRANSITIONS[source]:
                moved = answer(player, player.recorder.update_status, job_id, target)
                require_same(f"update_status({target.value})", moved, status=target, job_id=job_id)
                require_same("get", got(player, job_id), **fields_of(moved))
                continue
            error = refuses(
                player,
                InvalidStateTransitionError,
                player.recorder.update_status,
                job_id,
                target,
                source=source,
            )
            # An adapter says "unknown" if the original exception does not name a status.
            if error.from_state not in (source.value, "unknown"):
                fail(
                    f"update_status({target.value}) was refused from {error.from_state!r}, but "
                    f"the job was {source.value}"
                )

    trial.alone(step)


def refusal_changes_nothing(trial: Trial) -> None:
    """Require that a refused call changes nothing: no status, text, time or count."""

    def step(player: Player) -> None:
        """Compare the job and the count before and after each refusal."""
        update = player.recorder.update_status
        # "paused" is not a status at all: it has to be refused like an illegal one.
        for source, target in product(JobStatus, (*JobStatus, "paused")):
            if target in LEGAL_TRANSITIONS[source]:
                continue
            job_id = brought_to(player, source)
            before = fields_of(got(player, job_id))
            count = answer(player, player.recorder.count)
            try:
                update(job_id, target, result="refused result", error="refused error")
            except Exception as exc:
                if not player.recorder.noted(exc):
                    raise
            else:
                fail(f"update_status({target!s}) of a job that was {source.value} was accepted")
            require_same(f"get after a refused update to {target!s}", got(player, job_id), **before)
            if answer(player, player.recorder.count) != count:
                fail("count is another after a refused update")

    trial.alone(step)


def texts_are_kept(trial: Trial) -> None:
    """Require that a result comes back with a COMPLETED job and an error with a FAILED one."""

    def step(player: Player) -> None:
        """Try texts that a column, an encoding or a truth test would lose."""
        texts: Sequence[tuple[JobStatus, dict[str, str]]] = (
            (COMPLETED, {"result": "output_data"}),
            (FAILED, {"error": "out of paper"}),
            (COMPLETED, {"result": "{'quoted': \"ünï\n\"}"}),
            (COMPLETED, {"result": "結果 \N{PARTY POPPER} Ω"}),
            # Empty, and not None: `if error:` loses it.
            (FAILED, {"error": ""}),
            # Longer than the usual column for short texts, and than a page of a database.
            (COMPLETED, {"result": "x" * LONG_TEXT}),
        )
        for target, text in texts:
            job_id = brought_to(player, RUNNING)
            moved = answer(player, player.recorder.update_status, job_id, target, **text)
            wanted = {"status": target, "result": None, "error": None} | text
            require_same("update_status", moved, **wanted)
            require_same("get", got(player, job_id), **wanted)

    trial.alone(step)


def odd_texts_are_kept_or_refused(trial: Trial) -> None:
    """Require that a text that some databases cannot hold is kept, or refused and nothing done."""

    def step(player: Player) -> None:
        """Try texts that databases cannot hold: keep or refuse is fine, anything else is not."""
        # PostgreSQL cannot hold a NUL, and UTF-8 cannot hold a lone surrogate.
        for text in ("a\x00b", "half \ud83d"):
            job_id = brought_to(player, RUNNING)
            before = fields_of(got(player, job_id))
            try:
                moved = player.recorder.update_status(job_id, COMPLETED, result=text)
            except Exception as exc:
                if not player.recorder.noted(exc):
                    raise
                require_same(f"get after {text!r} was refused", got(player, job_id), **before)
                moved, text = (
                    answer(
                        player, player.recorder.update_status, job_id, COMPLETED, result="plain"
                    ),
                    "plain",
                )
            require_same("update_status", moved, status=COMPLETED, result=text)
            require_same("get", got(player, job_id), status=COMPLETED, result=text)

    trial.alone(step)


def identity_never_changes(trial: Trial) -> None:
    """Require that ids, input hash and created_at never change, updated_at never goes back."""

    def step(player: Player) -> None:
        """Follow jobs to both ends, with the answers of both update and get."""
        for end in (COMPLETED, FAILED):
            first = job = created(player)
            fixed = {name: value for name, value in fields_of(first).items() if name in _FIXED}
            for target in (RUNNING, end):
                moved = answer(player, player.recorder.update_status, job.job_id, target)
                for name, seen in (("update_status", moved), ("get", got(player, job.job_id))):
                    require_same(name, seen, **fixed)
                    if seen.updated_at < job.updated_at:
                        fail(
                            f"{name} answered updated_at {seen.updated_at}, {job.updated_at} before"
                        )
                job = moved

    trial.alone(step)


_FIXED = ("job_id", "input_hash", "blockchain_identifier", "created_at")


def answers_stay_as_they_are(trial: Trial) -> None:
    """Require that a job that was answered stays as it is when the repository's job moves on."""

    def step(player: Player) -> None:
        """Keep answers while the job moves on, and compare them afterwards."""
        job = created(player)
        # From both calls: a repository may copy jobs in create but not in get.
        held = [job, got(player, job.job_id)]
        before = fields_of(job)
        moved = answer(player, player.recorder.update_status, job.job_id, RUNNING)
        for kept in held:
            require_same("a job that was answered before the update", kept, **before)
        # The answer of an update too: it may be the object that the table holds.
        after = fields_of(moved)
        answer(player, player.recorder.update_status, job.job_id, COMPLETED, result="x")
        require_same("a job that was answered before the end", moved, **after)

    trial.alone(step)


def jobs_do_not_touch_each_other(trial: Trial) -> None:
    """Require that a transition of one job changes no other job."""

    def step(player: Player) -> None:
        jobs = {job_id: fields_of(got(player, job_id)) for job_id in one_in_each_state(player)}
        for job_id in jobs:
            target = next(iter(LEGAL_TRANSITIONS[jobs[job_id]["status"]]), None)
            if target is not None:
                answer(player, player.recorder.update_status, job_id, target)
                jobs[job_id] = fields_of(got(player, job_id))
            # All jobs after each move: a wrong WHERE clause changes other jobs.
            for other, fields in jobs.items():
                require_same("get of another job", got(player, other), **fields)

    trial.alone(step)


def count_counts_jobs(trial: Trial) -> None:
    """Require that count grows by one with each create and with nothing else."""

    def step(player: Player) -> None:
        """Count after every call, since only creates may change the count."""
        before = answer(player, player.recorder.count)
        # Three jobs, so that a count of statuses or of calls cannot agree by chance.
        for number in range(1, 4):
            job = created(player)
            for target in (None, RUNNING, COMPLETED):
                if target is not None:
                    answer(player, player.recorder.update_status, job.job_id, target)
                got(player, job.job_id)
                count = answer(player, player.recorder.count)
                if count != before + number:
                    fail(f"count answered {count} after {number} creates, {before} before them")

    trial.alone(step)


def writes_reach_other_threads(trial: Trial) -> None:
    """Require that what one thread has written, every other thread reads."""
    ids: list[str] = []

    def create(player: Player) -> None:
        ids.append(created(player).job_id)

    def expect(status: JobStatus, count: int) -> Callable[[Player], None]:
        def step(player: Player) -> None:
            require_same("get in another thread", got(player, ids[0]), status=status)
            found = answer(player, player.recorder.count) - before[0]
            if found != count:
                fail(f"count in another thread found {found} new jobs, not {count}")

        return step

    def move(target: JobStatus) -> Callable[[Player], None]:
        return lambda player: answer(player, player.recorder.update_status, ids[0], target)

    # The turns are taken one after the other, each in the thread of its player. So a write that is
    # not seen is not late, but lost or cached in a thread.
    before: list[int] = []
    trial.turns(
        (0, lambda player: before.append(answer(player, player.recorder.count))),
        (0, create),
        (1, expect(AWAITING, 1)),
        (2, expect(AWAITING, 1)),
        (0, move(RUNNING)),
        (1, expect(RUNNING, 1)),
        (1, move(COMPLETED)),
        (2, expect(COMPLETED, 1)),
        (0, expect(COMPLETED, 1)),
        (2, created),
        (1, expect(COMPLETED, 2)),
    )


def errors_leave_no_lock_held(trial: Trial) -> None:
    """Require that after a call that raised, every thread can use the repository."""
    ids: list[str] = []

    def use(player: Player) -> None:
        job = created(player)
        ids.append(job.job_id)
        answer(player, player.recorder.update_status, job.job_id, RUNNING)
        got(player, job.job_id)
        answer(player, player.recorder.count)

    def err(call: str) -> Callable[[Player], None]:
        """Return the step that provokes one error and ignores it."""

        def step(player: Player) -> None:
            """Provoke the error; the next round shows whether a lock is still held."""
            update = player.recorder.update_status
            calls: dict[str, Callable[[], Any]] = {
                "get": lambda: player.recorder.get(NOWHERE),
                "unknown": lambda: update(NOWHERE, RUNNING),
                "illegal": lambda: update(ids[-1], AWAITING),
                "status": lambda: update(ids[-1], "paused"),  # type: ignore[arg-type] # wrong on purpose
            }
            try:
                calls[call]()
            except Exception as exc:
                if not player.recorder.noted(exc):
                    raise

        return step

    turns: list[tuple[int, Callable[[Player], None]]] = [(0, use)]
    for call in ("get", "unknown", "illegal", "status"):
        # Another thread first: the owner of a reentrant lock would not notice that it is held.
        turns += [(0, err(call)), (1, use), (0, use)]
    trial.turns(*turns)


def _hash(trial: Trial) -> str:
    return INPUT_HASH.format(request=trial.notes.created[-1][0])
