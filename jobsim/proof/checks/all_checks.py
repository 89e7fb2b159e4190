"""The list of all rules, and the function that runs every check.

A new check is a file beside this one that returns `Finding`s, its rules in `RULES`, and one call
in `check_history`.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from jobsim.domain import codes
from jobsim.proof import overlap
from jobsim.proof.checks import attempts, invariants, linearizability
from jobsim.proof.checks.recovery import Recovery
from jobsim.proof.history import Finding, History
from jobsim.proof.verdict_value import Verdict, Violation

SPELLED_OUT = 100
"""How many violations of one history are kept with their calls; all of them are counted.

Explaining one takes a scan of the whole history, and nobody reads more than these.
"""

RULES = (
    "lost_after_recovery",
    "unique_ids",
    "identifiers",
    *linearizability.RULES,
    "accounted",
    "count",
    "attempts",
    "late_results",
    "workers",
    "timestamps",
    "content",
    "goodput",
)
"""Every rule, causes first: what breaks an early one often breaks later ones too."""


def check_history(
    calls: pd.DataFrame,
    final: pd.DataFrame | None = None,
    *,
    workers: int | None = None,
    count_before: int | None = None,
    created: pd.DataFrame | None = None,
    jobs: pd.DataFrame | None = None,
    crashed: Collection[int] = (),
    faults: pd.DataFrame | None = None,
    engine_texts: bool = False,
) -> Verdict:
    """Judge what a repository answered, call by call.

    Linear in the calls, apart from sorting the creates and the RUNNING periods. Needs a few dozen
    bytes per call and about 200 bytes per job. Pure: nothing is changed.

    Parameters
    ----------
    calls
        The history, as in `jobsim.tables.schema.CALLS`; job numbers are dense, from 0.
    final
        One `get` per created job after all calls, as in `FINAL`. None skips the checks that need
        it.
    workers
        How many jobs may be RUNNING at once; None for no limit.
    count_before
        What `count` answered before the first call; None if it is not known.
    created
        What the creates answered, one row per job in order of its number, with missing values
        where a create did not answer. The columns `job_id`, `input_hash` and
        `blockchain_identifier` are checked if they are present.
    jobs
        The `jobs` table of a threaded run. It serves as `created`, and attempts and the reaper are
        checked as well, see `jobsim.proof.checks.attempts`.
    crashed
        Numbers of the jobs whose worker crashed: they may stay RUNNING without a worker.
    faults
        The faults that were injected into the database, as in `FAULTS`. Acknowledged writes that
        are missing after it was killed are then reported as `lost_after_recovery`, see
        `jobsim.proof.checks.recovery`.
    engine_texts
        Whether the calls are those of the threaded engine, whose input hashes, results and
        errors are known, see `jobsim.proof.checks.invariants`.

    Returns
    -------
    Verdict
        On this history only.

    Raises
    ------
    ValueError
        If the tables are not a history: a column is missing or has another type, a call
        returns before it was invoked, or `created` lacks rows.

    Examples
    --------
    Two reads, one after the other, and the job goes back:

    >>> from jobsim.tables.schema import CALLS
    >>> rows = [
    ...     ("client-0", "create", None, 0, 100, "awaiting_payment"),
    ...     ("worker-0", "update_status", "running", 200, 900, "running"),
    ...     ("reader-0", "get", None, 300, 400, "running"),
    ...     ("reader-1", "get", None, 500, 600, "awaiting_payment"),
    ... ]
    >>> calls = pd.DataFrame(
    ...     rows, columns=["actor", "op", "target", "invoked_ns", "returned_ns", "observed"]
    ... ).assign(job=0, outcome="ok", count=-1, changed=False, backdated=False, error=None)
    >>> verdict = check_history(calls.astype(CALLS))
    >>> verdict.outcome.value
    'VIOLATED'
    >>> print(verdict.violations[0].sentence)
    job 0: reader-0's get answered running at 0.000 ms; reader-1's get, invoked 100 ns later, \
answered awaiting_payment: the job had reached running, and went back
    """
    created = jobs if created is None else created
    history = History(calls, final, jobs=0 if created is None else len(created))
    if created is not None and len(created) < history.jobs:
        raise ValueError(
            f"created has {len(created)} rows for {history.jobs} jobs; give one row per job"
        )
    # Each check reads the whole history, and none relies on another having passed: a broken
    # repository breaks several rules at once, and the order of `RULES` says which is the cause.
    checks = ["linearizability", "identifiers", "timestamps"]
    findings = linearizability.find(history)
    findings += invariants.identifiers(history, created)
    findings += invariants.timestamps(history)
    undecided = _unknown_jobs(history)
    recovery = Recovery(history, faults)
    checks += recovery.checks
    if (history.op == codes.COUNT).any():
        if count_before is None:
            undecided.append("answers of count: what it answered before the run is not known")
        else:
            checks.append("count")
            findings += invariants.counts(
                history,
                count_before,
                missing=recovery.lost_jobs,
                missing_from_ns=recovery.first_ns,
            )
    if created is not None and "job_id" in created:
        checks.append("unique_ids")
        findings += invariants.unique_ids(history, created)
    if jobs is not None:
        found, made = _attempts(history, jobs)
        findings += found
        checks += made
    if workers is not None:
        checks.append("workers")
        findings += invariants.workers_busy(history, workers, crashed)
    # The `get` after all calls shows how each job ended; perhaps no earlier call does.
    if final is not None:
        lost, unread = invariants.accounted(history)
        checks.append("accounted")
        findings += lost
        undecided += unread
    if final is not None and engine_texts:
        checks.append("content")
        findings += invariants.content(history, created)
    # A write that a crash of the server undid explains the other violations of its job.
    findings = [recovery.finding(), *recovery.unexplained(findings)]
    together = overlap.find(history)
    return Verdict(
        jobs=history.seen_jobs(),
        calls=len(calls),
        checks=tuple(checks),
        violations=_spell_out(findings),
        counts=_counts(findings),
        undecided=tuple(undecided),
        errors=_failed(history, codes.ERROR, codes.NO_EFFECT),
        unreturned=_failed(history, codes.PENDING),
        overlapping=together.any,
        untried=together.untried,
    )


def _attempts(history: History, jobs: pd.DataFrame) -> tuple[list[Finding], tuple[str, ...]]:
    """Return the findings about attempts and the reaper, and the names of checks that apply."""
    found = attempts.find(history, jobs)
    # In a run in which nobody asked twice they do not apply, unless they find something.
    says = attempts.applies(jobs) or any(len(finding.jobs) for finding in found)
    return found, attempts.CHECKS if says else ()


def _failed(history: History, *outcomes: int) -> dict[str, int]:
    """Return how many calls of each operation had one of these outcomes; zeros are left out."""
    ended = history.ended(*outcomes)
    numbers = np.bincount(history.op[ended], minlength=len(codes.OPERATIONS))
    named = zip(codes.OPERATIONS, numbers.tolist(), strict=True)
    return {operation: number for operation, number in named if number}


def _unknown_jobs(history: History) -> list[str]:
    # For an id that no create has returned, "no such job" is the right answer, and an error or a
    # missing answer says nothing.
    told = (history.outcome == codes.OK) | (history.outcome == codes.ILLEGAL)
    calls = int((told & (history.job == history.jobs) & (history.op != codes.COUNT)).sum())
    if not calls:
        return []
    return [f"answers for ids that no recorded create had returned: {calls:,}"]


def _counts(findings: list[Finding]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for finding in _causes_first(findings):
        if len(finding.jobs):
            counts[finding.rule] = counts.get(finding.rule, 0) + len(finding.jobs)
    return counts


def _causes_first(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: RULES.index(finding.rule))


def _spell_out(findings: list[Finding]) -> tuple[Violation, ...]:
    """Return the violations to keep: a share for each rule, causes first, then by job.

    One mistake often shows in many ways. Two jobs with one id break nearly every rule, and make
    every later count wrong; a hundred of those violations would hide the one that explains them.
    """
    counts = _counts(findings)
    kept = dict.fromkeys(counts, 0)
    left = SPELLED_OUT
    for place, rule in enumerate(sorted(counts, key=lambda rule: counts[rule])):
        # Rules with few violations first: what they leave of their share goes to the others.
        kept[rule] = min(counts[rule], left // (len(counts) - place))
        left -= kept[rule]
    violations: list[Violation] = []
    for rule, number in kept.items():
        some = [finding for finding in findings if finding.rule == rule]
        job = np.concatenate([finding.jobs for finding in some])
        source = np.repeat(np.arange(len(some)), [len(finding.jobs) for finding in some])
        position = np.concatenate([np.arange(len(finding.jobs)) for finding in some])
        by_job = np.lexsort((position, source, job))[:number]
        violations += [some[source[at]].explain(int(position[at])) for at in by_job]
    return tuple(violations)
