"""The list of all checks of a repository."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jobsim.testing.conformance import races, sequential
from jobsim.testing.conformance.pressure import Pressure
from jobsim.testing.conformance.trial import Trial


@dataclass(frozen=True)
class Check:
    """One requirement of a repository, and how to check it.

    Attributes
    ----------
    name
        Stable; `expected_failures` and reports use it.
    sentence
        What is true of a repository that passes.
    pressure
        The pressure under which the check runs; None for one thread at a time.
    run
        Runs the check on one repository. None for the check that runs every schedule, each on a
        repository of its own.
    """

    name: str
    sentence: str
    run: Callable[[Trial], None] | None
    pressure: Pressure | None = None


def _check(
    run: Callable[[Trial], None],
    sentence: str,
    pressure: Pressure | None = None,
    name: str | None = None,
) -> Check:
    return Check(name or run.__name__, sentence, run, pressure)


CHECKS: tuple[Check, ...] = (
    _check(
        sequential.create_awaits_payment,
        "A created job awaits payment, with its input hash and without a result.",
    ),
    _check(
        sequential.get_answers_what_create_did,
        "A get of a new job returns what its create returned.",
    ),
    _check(sequential.ids_are_unique, "Two jobs never share an id, even with the same input hash."),
    _check(
        sequential.unknown_id_is_not_found,
        "An unknown id is not found, by get and by update_status, and creates nothing.",
    ),
    _check(
        sequential.sixteen_transitions,
        "Of the sixteen transitions only the three legal ones succeed.",
    ),
    _check(
        sequential.refusal_changes_nothing,
        "A refused call changes nothing: no status, text, time or count.",
    ),
    _check(
        sequential.texts_are_kept,
        "A result comes back with a COMPLETED job and an error with a FAILED one.",
    ),
    _check(
        sequential.odd_texts_are_kept_or_refused,
        "A text that some databases cannot hold is kept, or refused with nothing changed.",
    ),
    _check(
        sequential.identity_never_changes,
        "Ids, input hash and created_at never change, and updated_at never goes back.",
    ),
    _check(
        sequential.answers_stay_as_they_are,
        "A job that was answered stays as it is when the repository's job moves on.",
    ),
    _check(
        sequential.jobs_do_not_touch_each_other, "A transition of one job changes no other job."
    ),
    _check(
        sequential.count_counts_jobs, "Count grows by one with each create and with nothing else."
    ),
    _check(
        sequential.writes_reach_other_threads,
        "What one thread has written, every other thread reads.",
    ),
    _check(
        sequential.errors_leave_no_lock_held,
        "After a call that raised, every thread can use the repository.",
    ),
    _check(
        races.concurrent_creates,
        "Concurrent creates lose no job, and give each an id of its own.",
        Pressure.PERTURBED,
    ),
    _check(
        races.counts_during_creates,
        "Count includes every create that has returned, and none that has not begun.",
        Pressure.PERTURBED,
    ),
    _check(
        races.one_start_wins,
        "Of threads that ask for RUNNING at once, exactly one succeeds.",
        Pressure.PERTURBED,
    ),
    _check(
        races.one_end_wins,
        "Of COMPLETED and FAILED at once exactly one succeeds, and its text is kept.",
        Pressure.PERTURBED,
    ),
    _check(
        races.reads_during_writes,
        "Reads during writes find the whole job, and never an earlier status than before.",
        Pressure.PERTURBED,
    ),
    _check(
        races.writes_to_different_jobs,
        "Concurrent writes to different jobs are all kept.",
        Pressure.PERTURBED,
    ),
    _check(
        races.many_jobs,
        "Of thousands of jobs none is lost, and each ends in the status that was asked for.",
        Pressure.THREADS,
    ),
    _check(
        races.snapshot_is_one_instant,
        "A snapshot, where offered, shows all jobs as they were at one instant.",
        Pressure.PERTURBED,
    ),
    *(
        _check(
            races.linearizable,
            "Concurrent calls, legal and illegal, are answered as if made one at a time.",
            each,
            f"linearizable_{each.value}",
        )
        for each in Pressure
    ),
    Check(
        "every_schedule",
        "Under every schedule with few preemptions, calls are answered as if made one at a time.",
        None,
    ),
)
"""In the order in which they run: first those with one thread."""
