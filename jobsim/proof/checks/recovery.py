"""Acknowledged writes that are missing after a database was killed and has recovered.

A write was acknowledged if its call answered. It is missing for good if the final read shows an
earlier state, or if a later call was allowed to write the same step once more. Either is a
violation of real time, or a step that was written twice, in any history; if the server was killed
in between, the loss is the cause and the rest are its symptoms.

A read that shows an earlier state once, with later reads in order again, is not a lost write: it
is stale, whatever happened to the server.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.domain import codes
from jobsim.proof import roles
from jobsim.proof.history import Finding, History, IntArray
from jobsim.proof.verdict_value import Call, Violation

RULE = "lost_after_recovery"

_NEVER = np.iinfo(np.int64).max
_AFTER_ALL = _NEVER - 1
"""The moment of the final reads: after every call and every fault."""

_STEPS = 3


class Recovery:
    """The acknowledged writes that kills of the server undid.

    Parameters
    ----------
    history
        With its final reads.
    faults
        As in `jobsim.tables.schema.FAULTS`; None and a table without kills explain nothing.

    Attributes
    ----------
    checks
        The rule, if the server was killed; otherwise empty.
    first_ns
        When it was first killed; 0 if it never was.
    lost
        bool, per job: whether one of its acknowledged writes is missing.
    lost_jobs
        How many jobs lost their creation, so that they are missing altogether.
    """

    def __init__(self, history: History, faults: pd.DataFrame | None) -> None:
        self._history = history
        kills = pd.DataFrame() if faults is None else faults[faults["kind"].isin(codes.KILLS)]
        self.checks = [RULE] if len(kills) else []
        self.first_ns = 0
        self.lost_jobs = 0
        self.lost: NDArray[np.bool_] = np.zeros(history.jobs, np.bool_)
        self._step = np.zeros(history.jobs, np.int64)
        self._kill = np.zeros(history.jobs, np.int64)
        if not self.checks:
            return
        kills = kills.sort_values("begun_ns")
        begun: IntArray = kills["begun_ns"].to_numpy()
        ended: IntArray = kills["ended_ns"].to_numpy()
        # A kill ends when the server is back; until a later end, earlier kills are not over either.
        ended = np.maximum.accumulate(np.where(ended < 0, _NEVER, ended))
        self.first_ns = int(begun[0])
        for step in reversed(range(_STEPS)):
            acknowledged = _first_return(history, step)
            missing = _last_without(history, step)
            # The first kill that was not over when the write was acknowledged could undo it.
            kill = np.minimum(np.searchsorted(ended, acknowledged), len(begun) - 1)
            gone = (missing > acknowledged) & (acknowledged <= ended[kill])
            gone &= begun[kill] <= missing
            self.lost |= gone
            self._step[gone] = step  # the earliest step that is missing explains the others
            self._kill[gone] = begun[kill][gone]
            if step == 0:
                self.lost_jobs = int(gone.sum())

    def finding(self) -> Finding:
        """Return the jobs that lost an acknowledged write."""
        jobs = np.flatnonzero(self.lost)
        return Finding(RULE, jobs, lambda position: self._explain(int(jobs[position])))

    def unexplained(self, findings: list[Finding]) -> list[Finding]:
        """Return the findings without the jobs that lost a write."""
        return (
            [_without(finding, self.lost) for finding in findings] if self.lost.any() else findings
        )

    def _explain(self, job: int) -> Violation:
        """Name the acknowledged write and the later answer that shows it missing."""
        history, step = self._history, int(self._step[job])
        writers = [row for row in history.rows_of(job) if _writes(history, row, step)]
        first = min(writers, key=lambda row: history.returned[row])
        write = history.call(first)
        again = [row for row in writers if history.invoked[row] > history.returned[first]]
        proof: Call
        if again:
            proof = history.call(max(again, key=lambda row: history.invoked[row]))
        else:
            proof = history.final_call(job)
        killed_ns = int(self._kill[job])
        sentence = (
            f"job {job}: {write.name} {write.answer} at {history.at(history.returned[first])}; the "
            f"server was killed at {history.at(killed_ns)}; then {proof.name} {proof.answer}: "
            "an acknowledged write is missing after the recovery"
        )
        return Violation(job, RULE, sentence, (write, proof), killed_ns)


def _writes(history: History, row: int, step: int) -> bool:
    state = int(roles.WRITES[history.code[row]])
    return state != roles.NO_STATE and roles.STEP[state] == step


def _rows_writing(history: History, step: int) -> NDArray[np.intp]:
    states = [state for state in range(len(roles.STEP)) if roles.STEP[state] == step]
    return np.concatenate([history.rows(roles.WRITES, state) for state in states])


def _first_return(history: History, step: int) -> IntArray:
    """(jobs,), when a write of the step was first acknowledged."""
    first = np.full(history.jobs, _NEVER)
    rows = _rows_writing(history, step)
    np.minimum.at(first, history.job[rows], history.returned[rows])
    return first


def _last_without(history: History, step: int) -> IntArray:
    """(jobs,), the last moment at which the step was certainly not done; -1 if there is none."""
    last = np.full(history.jobs, -1, np.int64)
    rows = _rows_writing(history, step)
    np.maximum.at(last, history.job[rows], history.invoked[rows])
    read = history.final_read
    shown = np.where(read["status"] < 0, -1, np.array(roles.STEP)[read["status"]])
    answered = np.isin(read["outcome"], (codes.OK, codes.NOT_FOUND))
    short = read["job"][answered & (shown < step)]
    last[short] = _AFTER_ALL
    return last


def _without(finding: Finding, lost: NDArray[np.bool_]) -> Finding:
    kept = np.array([job < 0 or not lost[job] for job in finding.jobs.tolist()], np.bool_)
    places = np.flatnonzero(kept)
    return Finding(finding.rule, finding.jobs[places], lambda at: finding.explain(int(places[at])))
