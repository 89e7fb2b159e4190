"""Tables of a run that are derived from other tables: jobs and transitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.domain.codes import AWAITING, BEFORE, COMPLETED, FAILED, RUNNING, STATUSES
from jobsim.domain.marks import CLIENT, REAPER, WORKER, actor_name
from jobsim.tables.jobs_table import jobs_table, shared
from jobsim.tables.schema import STATUS, TRANSITIONS

_BEFORE = np.array(BEFORE, dtype=np.int8)


def client_of(
    request: NDArray[np.integer], clients: int, users: int | None = None
) -> NDArray[np.integer]:
    """Return which client makes each request.

    In an open loop client k makes the requests k, k + clients, ... In a closed loop user u makes
    the requests u, u + users, ..., and client k acts for the users k, k + clients, ...
    """
    return (request if users is None else request % users) % clients


def accepted(calls: pd.DataFrame) -> pd.DataFrame:
    """Return the calls that made a transition: creates and updates that succeeded.

    In order of their return. Calls on jobs that the recorder does not know are left out.
    """
    writes = calls["op"].isin(["create", "update_status"])
    made = calls[writes & (calls["outcome"] == "ok") & (calls["job"] >= 0)]
    return made.sort_values("returned_ns", kind="stable")


def transitions_from_calls(
    calls: pd.DataFrame, *, zero_ns: int, seconds_per_ns: float
) -> pd.DataFrame:
    """Return one row per accepted transition, in time order.

    Parameters
    ----------
    calls
        The recorded calls.
    zero_ns
        The start of the run on the clock of `calls`.
    seconds_per_ns
        Scenario seconds per nanosecond of that clock.
    """
    made = accepted(calls)
    target = made["target"].cat.codes.to_numpy()
    return pd.DataFrame(
        {
            "time": (made["returned_ns"].to_numpy() - zero_ns) * seconds_per_ns,
            "job": made["job"].to_numpy(),
            "source": pd.Categorical.from_codes(_BEFORE[target], dtype=STATUS),
            "target": made["target"].array,
            "actor": made["actor"].array,
        },
        columns=list(TRANSITIONS),
    )


def jobs_from_calls(
    calls: pd.DataFrame,
    *,
    arrival: NDArray[np.float64],
    delay: NDArray[np.float64],
    zero_ns: int,
    seconds_per_ns: float,
    workers: int,
    asked: NDArray[np.float64] | None = None,
    never_waited: bool = False,
    **known: NDArray[Any],
) -> pd.DataFrame:
    """Return one row per job, as in `jobsim.tables.schema.JOBS`: what happened to it, and when.

    If a repository wrongly accepted a transition twice, the first one counts here; `calls` has
    both.

    Parameters
    ----------
    calls
        The recorded calls.
    arrival, delay
        float64, seconds: when each job was scheduled to be created, and how much later its payment
        was to be confirmed (NaN for never).
    zero_ns, seconds_per_ns
        As in `transitions_from_calls`.
    workers
        How many workers the run had, ``worker-0`` and so on.
    asked
        float64, seconds: when each client was free to ask, where that may be after the arrival.
    never_waited
        Whether the run ignored the schedule: payments then follow creation at once, and
        lateness is not defined.
    **known
        Columns of `JOBS` that the engine knows better than the calls do.
    """
    jobs = len(arrival)
    made = accepted(calls)
    job = made["job"].to_numpy()
    target = made["target"].cat.codes.to_numpy()
    seconds = (made["returned_ns"].to_numpy() - zero_ns) * seconds_per_ns

    def first(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        times = np.full(jobs, np.nan)
        # Assigned backwards: of several values for one job the earliest stays.
        times[job[chosen][::-1]] = seconds[chosen][::-1]
        return times

    created = first(target == AWAITING)
    schedule = np.full(jobs, np.nan) if never_waited else arrival if asked is None else asked
    paid = np.where(np.isnan(delay), np.nan, np.fmax(created, schedule + delay))
    status = np.full(jobs, -1, dtype=np.int8)
    status[job] = target
    starts = target == RUNNING
    worker = np.full(jobs, -1, dtype=np.int32)
    actor = made["actor"].cat.codes.to_numpy()
    names = pd.Index([actor_name(WORKER, k) for k in range(workers)], dtype="str")
    number = names.get_indexer(calls["actor"].cat.categories)
    worker[job[starts][::-1]] = number[actor[starts][::-1]]
    reaped = np.zeros(jobs, dtype=np.bool_)
    reaped[job[(target == FAILED) & (made["actor"] == REAPER).to_numpy()]] = True
    refused = calls["outcome"].isin(["illegal", "not_found"]) & (calls["job"] >= 0)
    rejected = np.bincount(calls.loc[refused, "job"].to_numpy(), minlength=jobs)
    found = {
        "arrival": arrival,
        "created": created,
        "paid": np.where(np.isnan(created), np.nan, paid),
        "started": first(starts),
        "finished": first(target >= COMPLETED),
        "status": status,
        "worker": worker,
        "rejected": rejected.astype(np.int32),
        "lateness": (created - schedule).astype(np.float32),
        "reaped": reaped,
    }
    if "released" not in known:
        found["released"] = _released(calls, jobs, zero_ns, seconds_per_ns)
    found |= known
    return jobs_table(shared(found), workers)


def _released(
    calls: pd.DataFrame, jobs: int, zero_ns: int, seconds_per_ns: float
) -> NDArray[np.float64]:
    """Return when each worker had submitted the result of its job, accepted or refused."""
    ends = calls["target"].cat.codes.to_numpy() >= COMPLETED
    ends &= (calls["job"] >= 0).to_numpy() & (calls["outcome"] != "pending").to_numpy()
    ends &= (calls["actor"] != REAPER).to_numpy()
    handed_in = calls[ends].sort_values("returned_ns", kind="stable")
    released = np.full(jobs, np.nan)
    seconds = (handed_in["returned_ns"].to_numpy() - zero_ns) * seconds_per_ns
    released[handed_in["job"].to_numpy()[::-1]] = seconds[::-1]  # backwards: the earliest stays
    return released


def transitions_from_jobs(
    jobs: pd.DataFrame, *, clients: int, users: int | None = None
) -> pd.DataFrame:
    """Return the transitions that a table of jobs implies, in time order.

    Ties are ordered by job, then by lifecycle. For runs in virtual time, in which no transition is
    accepted twice. `client_of` says which client made each request.
    """
    number = np.arange(len(jobs), dtype=np.int32)
    failed = (jobs["status"] == STATUSES[FAILED].value).to_numpy()
    parts = [
        (jobs["created"].to_numpy(), np.full(len(jobs), AWAITING, dtype=np.int8)),
        (jobs["started"].to_numpy(), np.full(len(jobs), RUNNING, dtype=np.int8)),
        (jobs["finished"].to_numpy(), np.where(failed, FAILED, COMPLETED).astype(np.int8)),
    ]
    happened = [~np.isnan(time) for time, _ in parts]
    time = np.concatenate([time[is_in] for (time, _), is_in in zip(parts, happened, strict=True)])
    target = np.concatenate([to[is_in] for (_, to), is_in in zip(parts, happened, strict=True)])
    job = np.concatenate([number[is_in] for is_in in happened])
    # Transitions of one job at one instant are in lifecycle order, the order of their numbers.
    order = np.lexsort((target, job, time))
    time, target, job = time[order], target[order], job[order]
    workers = jobs["worker"].cat.categories
    actor = np.where(
        target == AWAITING,
        len(workers) + client_of(jobs["request"].to_numpy(), clients, users)[job],
        jobs["worker"].cat.codes.to_numpy()[job],
    )
    names = [*workers, *(actor_name(CLIENT, k) for k in range(clients))]
    reaped = jobs["reaped"].to_numpy()
    if reaped.any():
        actor[(target == FAILED) & reaped[job]] = len(names)
        names.append(REAPER)
    return pd.DataFrame(
        {
            "time": time,
            "job": job,
            "source": pd.Categorical.from_codes(_BEFORE[target], dtype=STATUS),
            "target": pd.Categorical.from_codes(target, dtype=STATUS),
            "actor": pd.Categorical.from_codes(actor, categories=pd.Index(names, dtype="str")),
        },
        columns=list(TRANSITIONS),
    )
