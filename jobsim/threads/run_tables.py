"""The tables of a threaded run, made from its recorded calls and the state of its rules."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.repository.recorded import RecordedRepository
from jobsim.run.info import RunInfo
from jobsim.run.run import Run
from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.scenario.workload import Workload
from jobsim.tables.calls import calls_table
from jobsim.tables.derive import jobs_from_calls, transitions_from_calls
from jobsim.tables.last_word import with_last_word
from jobsim.threads.audit import Look, final_table, text_column
from jobsim.threads.clock import Clock
from jobsim.threads.play import Play
from jobsim.virtual.state import NEVER


def in_ticks(calls: pd.DataFrame, clock: Clock) -> pd.DataFrame:
    """Return the calls in the order of their return, stamped in whole ticks of scenario time.

    Sorted before they are rounded to ticks, so that calls of one instant stay in order.
    """
    sooner = calls.sort_values("returned_ns", kind="stable")
    return sooner.assign(returned_ns=clock.ticks(sooner["returned_ns"].to_numpy()))


def transitions(timed: pd.DataFrame) -> pd.DataFrame:
    """Return one row per accepted transition, from the calls of `in_ticks`."""
    return transitions_from_calls(timed, zero_ns=0, seconds_per_ns=1.0 / TICKS_PER_SECOND)


def pressed_jobs(timed: pd.DataFrame, workload: Workload, rows: NDArray[np.intp]) -> pd.DataFrame:
    """Return the jobs of a run that ignored its schedule; rows as numbered in `timed`."""
    return jobs_from_calls(
        timed,
        arrival=workload.arrival[rows],
        delay=workload.delay[rows],
        request=rows.astype(np.int32),
        zero_ns=0,
        seconds_per_ns=1.0 / TICKS_PER_SECOND,
        workers=workload.scenario.workers,
        never_waited=True,
    )


def asked_rows(play: Play) -> NDArray[np.intp]:
    """Return the rows of the workload that were asked for: the jobs of the run."""
    return np.sort(np.fromiter(play.asked, dtype=np.intp, count=len(play.asked)))


def created_rows(calls: pd.DataFrame, created: Mapping[int, str]) -> NDArray[np.intp]:
    """Return the rows of the workload that clients had reached when the run ended.

    `created` is needed as well as the calls: the call of a create may be lost with its host.
    """
    creates = calls.loc[(calls["op"] == "create") & (calls["job"] >= 0), "job"]
    known = np.fromiter(created, dtype=np.intp, count=len(created))
    return np.union1d(creates.to_numpy().astype(np.intp), known)


def played_jobs(
    timed: pd.DataFrame, workload: Workload, play: Play, rows: NDArray[np.intp]
) -> pd.DataFrame:
    """Return the jobs of a run that played its calendar; rows as numbered in `timed`.

    What the repository accepted, and when, is read from the calls. The rules provide the rest: when
    a client meant to ask, when a worker became free of a job, which clients gave up.
    """
    played = [play.sim.jobs[row] for row in rows.tolist()]

    def seconds(name: str) -> NDArray[np.float64]:
        ticks = np.array([getattr(job, name) for job in played], dtype=np.float64)
        return np.where(ticks == NEVER, np.nan, ticks / TICKS_PER_SECOND)

    asked = np.array([play.asked[row] for row in rows.tolist()], dtype=np.float64)
    return jobs_from_calls(
        timed,
        arrival=seconds("intended"),
        asked=asked / TICKS_PER_SECOND,
        delay=workload.delay[rows],
        zero_ns=0,
        seconds_per_ns=1.0 / TICKS_PER_SECOND,
        workers=workload.scenario.workers,
        request=(rows // workload.attempts).astype(np.int32),
        attempt=(rows % workload.attempts + 1).astype(np.int8),
        released=seconds("released"),
        crashed=np.array([job.crashed != NEVER for job in played], dtype=np.bool_),
        left=seconds("left"),
    )


def renumbered(rows: pd.Series, chosen: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return the place of each row number among the chosen ones; -1 stays -1."""
    places = np.searchsorted(chosen, rows.to_numpy()).astype(np.int32)
    return np.where(rows.to_numpy() < 0, np.int32(-1), places)


def run_of(
    workload: Workload,
    info: RunInfo,
    recorded: RecordedRepository,
    looks: Mapping[int, Look],
    *,
    created: Mapping[int, str],
    clock: Clock,
    play: Play | None,
    faults: pd.DataFrame | None = None,
) -> Run:
    """Return a run from what its threads recorded.

    Parameters
    ----------
    workload, info
        Of the run.
    recorded
        Its calls.
    looks
        The final read of each created row; some may be missing.
    created
        The id of every created row.
    clock
        The clock that stamped the calls.
    play
        The state of the rules; None if the run ignored its schedule, so that every row is a job.
    faults
        The injected faults; None without an injector.
    """
    calls, ids = calls_table(recorded), text_column(created)
    final = final_table([*looks], [*looks.values()])
    rows = created_rows(calls, created) if play is None else asked_rows(play)
    # Job numbers are dense in every table: rows that no client reached are left out.
    if len(rows) < len(workload):
        calls["job"] = renumbered(calls["job"], rows)
        final["job"] = renumbered(final["job"], rows)
        ids.index = renumbered(ids.index.to_series(), rows)
    timed = in_ticks(calls, clock)
    if play is None:
        jobs = pressed_jobs(timed, workload, rows)
    else:
        jobs = played_jobs(timed, workload, play, rows)
    # Last, so that the status is what the repository says and not what the engine believes.
    jobs = with_last_word(jobs.assign(job_id=ids.reindex(jobs.index)), final)
    return Run(
        workload,
        info,
        jobs,
        transitions=transitions(timed),
        calls=calls,
        final=final,
        faults=faults,
    )
